"""Decides from which addresses a finished image may be downloaded.

A service's response names the address of its image.  The response is untrusted and
must not cause downloads from the owner's network, so the addresses are checked again
when the connection is made.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from providers.base import ProviderTraits


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
    if not _is_allowed_host(host, traits.file_hosts):
        return f"not a host of {traits.label}'s"
    return None


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_allowed_host(host: str, allowed: Sequence[str]) -> bool:
    return any(
        host == entry or (entry.startswith(".") and host.endswith(entry))
        for entry in allowed
    )


def shorten_url(url: str) -> str:
    """Return a URL for display: 120 characters, no query, which may be a signature."""
    parts: Any = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}{parts.path}"[:120]
