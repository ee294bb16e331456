"""The HTTP client for image services.

All responses are untrusted.  The client caps bodies while they stream, checks every
redirect before it follows it, and sends tokens only to the configured origin.  The
caller sets the deadline.

A service's response names the address of its image, and must not cause downloads from
the owner's network, so the addresses are checked again when the connection is made.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any
from urllib.parse import urljoin, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from providers.base import HttpCall, ProviderTraits, Response
from providers.outcomes import InvalidImageError, UnavailableError
from providers.responses import MAX_ERROR_BYTES

_MAX_BYTES = 34 * 2**20  # 25 MB of image as base64, and slack
_MAX_REDIRECTS = 3
#: Shorter header words, such as "Bearer", are not secrets.
_MIN_SECRET = 8
_CONNECT_SECONDS = 15.0
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class HttpClient:
    """Sends requests and owns the HTTP sessions.

    Args:
        resolver: Replaces the name resolution of file hosts, for tests.
    """

    def __init__(self, resolver: AbstractResolver | None = None) -> None:
        self._resolver = resolver
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    async def close(self) -> None:
        """Close all connections."""
        for session in self._sessions.values():
            await session.close()

    async def send(self, call: HttpCall, traits: ProviderTraits) -> Response:
        """Return the response to a request, after at most 3 redirects.

        Raises:
            UnavailableError: The service is unreachable or redirects wrongly.
            InvalidImageError: The response is larger than 34 MiB, or its URL or
                a redirect leads to a forbidden address.
        """
        url = call.url
        for _ in range(_MAX_REDIRECTS + 1):
            response = await self._send_request(call, url, traits)
            if response.status not in _REDIRECTS:
                return response
            if not (location := response.headers.get("location")):
                raise UnavailableError(f"a redirect to nowhere ({response.status})")
            target = urljoin(url, location)
            _check_redirect(call, url, target, traits)
            url = target
        raise UnavailableError("too many redirects")

    async def _send_request(
        self, call: HttpCall, url: str, traits: ProviderTraits
    ) -> Response:
        if call.is_download and (why := forbidden_reason(url, traits)) is not None:
            raise InvalidImageError(f"the image's address {shorten_url(url)} is {why}")
        public_only = call.is_download and not same_origin(url, traits.base_url)
        session = self._session_for(public_only=public_only)
        headers = {"Accept-Encoding": "identity", **call.headers}
        try:
            async with session.request(
                call.method,
                url,
                json=call.json,
                data=None if call.form is None else _multipart(call.form),
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(sock_connect=_CONNECT_SECONDS),
            ) as response:
                body = _redact_secrets(await _read_capped(response), call)
                named = response.headers.items()
                received = {name.lower(): value for name, value in named}
                return Response(response.status, received, body)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # aiohttp may hide the resolver's error behind its own.
            for cause in (error, error.__cause__ or error.__context__):
                if isinstance(cause, ForbiddenAddressError):
                    raise InvalidImageError(str(cause)) from error
            raise UnavailableError(_connection_error(error)) from error

    def _session_for(self, *, public_only: bool) -> aiohttp.ClientSession:
        if public_only not in self._sessions:
            resolver = PublicResolver(self._resolver) if public_only else None
            self._sessions[public_only] = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(resolver=resolver),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
                headers={"User-Agent": _user_agent()},
                timeout=aiohttp.ClientTimeout(total=None),
            )
        return self._sessions[public_only]


def _multipart(fields: Mapping[str, str]) -> aiohttp.FormData:
    form = aiohttp.FormData(default_to_multipart=True)
    for name, value in fields.items():
        form.add_field(name, value)
    return form


async def _read_capped(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_chunked(64 * 1024):
        body += chunk
        if len(body) > _MAX_BYTES:
            response.close()
            raise InvalidImageError("an answer larger than any image")
    return bytes(body)


def _redact_secrets(body: bytes, call: HttpCall) -> bytes:
    """Return *body* without the token of the request.

    Some services repeat a rejected token in the error, and errors are stored.
    """
    if len(body) > MAX_ERROR_BYTES:
        return body
    for name in ("Authorization", "apikey"):
        for secret in call.headers.get(name, "").split():
            if len(secret) >= _MIN_SECRET:
                body = body.replace(secret.encode(), b"[secret]")
    return body


def _check_redirect(
    call: HttpCall, url: str, target: str, traits: ProviderTraits
) -> None:
    # A request that has a token or is charged must not go to another host.
    if not call.is_download and not same_origin(url, target):
        raise UnavailableError(f"redirects to another host ({shorten_url(target)})")
    if call.method != "GET" and call.is_image_request:
        raise UnavailableError("redirects a request for an image")
    if call.is_download and (why := forbidden_reason(target, traits)) is not None:
        raise InvalidImageError(f"redirects to {shorten_url(target)}, which is {why}")


def _connection_error(error: Exception) -> str:
    match error:
        case TimeoutError():
            return "cannot be reached in time"
        case aiohttp.ClientConnectorError():
            return "cannot be reached"
        case aiohttp.ServerDisconnectedError() | ConnectionResetError():
            return "closed the connection without an answer"
        case aiohttp.ClientPayloadError():
            return "sent an answer that was cut short"
    return f"the connection failed ({type(error).__name__})"


def _user_agent() -> str:
    try:
        return f"postbrush/{version('postbrush')}"
    except PackageNotFoundError:
        return "postbrush"


class ForbiddenAddressError(OSError):
    """A file may not be downloaded from the address."""


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


class PublicResolver(AbstractResolver):
    """Resolves host names and rejects those with any private address."""

    def __init__(self, inner: AbstractResolver | None = None) -> None:
        self._inner = inner or ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses of *host*, all of them public.

        Raises:
            ForbiddenAddressError: One of the addresses is private.
        """
        results = await self._inner.resolve(host, port, family)
        if not all(is_public(result["host"]) for result in results):
            raise ForbiddenAddressError(f"{host} leads to a private address")
        return results

    async def close(self) -> None:
        """Close the inner resolver."""
        await self._inner.close()


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
    if traits.base_url and same_origin(url, traits.base_url):
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


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def shorten_url(url: str) -> str:
    """Return a URL for display: 120 characters, no query, which may be a signature."""
    parts: Any = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}{parts.path}"[:120]
