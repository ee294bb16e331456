"""Which addresses may be asked: checked where the connection is made.

A service answers with the address of its image, and that answer is untrusted: it
must not make us fetch from the owner's own network.
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
    """The address is not one a file may be fetched from."""


def is_public(address: str) -> bool:
    """Say whether an IP literal is globally reachable (IPv4 inside IPv6 too)."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        inside = found.ipv4_mapped or found.sixtofour
        if inside is not None:
            return is_public(str(inside))
    return found.is_global and not found.is_multicast


class PublicResolver(AbstractResolver):
    """Resolves names, and refuses those that lead to any private address."""

    def __init__(self, inner: AbstractResolver | None = None) -> None:
        self._inner = inner or ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return addresses, all of them public.  Raises ForbiddenAddressError."""
        found = await self._inner.resolve(host, port, family)
        for one in found:
            if not is_public(one["host"]):
                raise ForbiddenAddressError(f"{host} leads to a private address")
        return found

    async def close(self) -> None:
        """Close the resolver behind."""
        await self._inner.close()


def origin_of(url: str) -> tuple[str, str, int]:
    """Return scheme, host and port of an address."""
    parts = urlsplit(url)
    default = {"https": 443, "http": 80}.get(parts.scheme, 0)
    return parts.scheme, (parts.hostname or "").casefold(), parts.port or default


def same_origin(one: str, other: str) -> bool:
    """Say whether two addresses have the same scheme, host and port."""
    try:
        return origin_of(one) == origin_of(other)
    except ValueError:
        return False


def forbidden_reason(url: str, traits: ProviderTraits) -> str | None:
    """Say why a finished file may not be fetched from *url*, or None."""
    try:
        scheme, host, _ = origin_of(url)
    except ValueError:
        return "not an address"
    # The one server the owner has configured, whatever it is.
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


def _is_allowed_host(host: str, known: Sequence[str]) -> bool:
    return any(
        host == one or (one.startswith(".") and host.endswith(one)) for one in known
    )


def shorten_url(url: str) -> str:
    """Return an address for people: without query, which may hold a signature."""
    parts: Any = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}{parts.path}"[:120]
