"""Which addresses may be requested, and how addresses are written.  Pure."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import unquote, urlsplit, urlunsplit

from providers.base import HttpCall, ProviderTraits
from providers.outcomes import InvalidImageError, UnavailableError
from providers.responses import sanitize_text

_VERSION = re.compile(r"/v[0-9]+[a-z0-9]*(?:/openai)?/?$")


def is_public(address: str) -> bool:
    """Return True if an IP literal (or the IPv4 address in it) is a public one."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        embedded = ip.ipv4_mapped or ip.sixtofour
        if embedded is not None:
            return is_public(str(embedded))
    return ip.is_global and not ip.is_multicast


def origin_of(url: str) -> tuple[str, str, int]:
    """Return scheme, host and port of a URL.

    Raises:
        ValueError: The URL cannot be parsed.
    """
    parts = urlsplit(url)
    default = {"https": 443, "http": 80}.get(parts.scheme, 0)
    return parts.scheme, (parts.hostname or "").casefold(), parts.port or default


def same_origin(left: str, right: str) -> bool:
    """Return True if two URLs have the same scheme, host and port."""
    try:
        return origin_of(left) == origin_of(right)
    except ValueError:
        return False


def forbidden_reason(url: str, traits: ProviderTraits) -> str | None:
    """Return why a finished file may not be downloaded from *url*, or None."""
    try:
        scheme, host, _ = origin_of(url)
    except ValueError:
        return "not an address"
    # The owner has configured this server, so it may be private and without TLS.
    if is_owners_address(url, traits):
        return None
    if scheme != "https":
        return "not https"
    if _is_literal(host) and not is_public(host):
        return "a private address"
    is_allowed = any(
        host == entry or (entry.startswith(".") and host.endswith(entry))
        for entry in traits.file_hosts
    )
    if not is_allowed:
        return f"not a host of {traits.label}'s"
    return None


def is_owners_address(url: str, traits: ProviderTraits) -> bool:
    """Return True if the owner has named the server of *url*, as a whole address."""
    origins = [entry for entry in traits.file_hosts if "://" in entry]
    return any(same_origin(url, base) for base in (traits.base_url, *origins) if base)


def is_loopback(host: str) -> bool:
    """Return True if *host* is the machine that uses the name."""
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return host.casefold() == "localhost" or host.casefold().endswith(".localhost")
    return ip.is_loopback or ip.is_unspecified


def move_to_base(url: str, base_url: str) -> str:
    """Return *url* at the origin of *base_url* if it names that server itself.

    A server names itself by the host of *base_url*, or as this machine, as seen from
    there.  In a container it may listen on another port than that of *base_url*.
    """
    try:
        parts, base = urlsplit(url), urlsplit(base_url)
    except ValueError:
        return url
    host = parts.hostname or ""
    is_itself = host.casefold() == (base.hostname or "").casefold()
    if parts.scheme not in {"http", "https"} or not (is_itself or is_loopback(host)):
        return url
    return urlunsplit(parts._replace(scheme=base.scheme, netloc=base.netloc))


def split_userinfo(url: str) -> tuple[str, str]:
    """Return *url* without user and password, and "user:password" or ""."""
    parts = urlsplit(url)
    userinfo, _, place = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=place)), unquote(userinfo)


def complete_base(base_url: str, default: str) -> str:
    """Return *base_url*, with the path of *default* if it has none on the same host."""
    own, usual = urlsplit(base_url), urlsplit(default)
    is_bare = own.path in {"", "/"} and own.netloc == usual.netloc
    return default if is_bare else base_url.rstrip("/")


def has_version(base_url: str) -> bool:
    """Return True if the path ends with a version: /v1, /api/v3, /v1/openai."""
    return _VERSION.search(urlsplit(base_url).path) is not None


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def shorten_url(url: str) -> str:
    """Return a URL for display: 120 characters, no query, which may be a signature."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "(unreadable)"
    return sanitize_text(f"{parts.scheme}://{parts.hostname}{parts.path}")[:120]


def check_redirect(
    call: HttpCall, url: str, target: str, traits: ProviderTraits
) -> None:
    """Return if a request may follow a redirect from *url* to *target*.

    Raises:
        UnavailableError: The request has a token or is charged.
        InvalidImageError: A file may not be downloaded from *target*.
    """
    # A request that has a token or is charged must not go to another host.
    if not call.is_download and not same_origin(url, target):
        raise UnavailableError(f"redirects to another host ({shorten_url(target)})")
    if call.method != "GET" and call.is_image_request:
        raise UnavailableError("redirects a request for an image")
    if call.is_download and (why := forbidden_reason(target, traits)) is not None:
        raise InvalidImageError(f"redirects to {shorten_url(target)}, which is {why}")
