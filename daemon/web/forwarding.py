"""Who sent a request, and to which address, when a reverse proxy passed it on.  Pure.

Anybody can send X-Forwarded-* headers, so they count only from `web.trusted_proxies`.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import TypeAlias
from urllib.parse import urlsplit

from multidict import CIMultiDictProxy

Network: TypeAlias = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from.

    Attributes:
        visitor: The address of the browser.
        hosts: The hosts that it was sent to: the browser's first, then the proxy's.
        is_secure: Whether the browser used https.
    """

    visitor: str
    hosts: tuple[str, ...]
    is_secure: bool


def parse_networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Return the networks of addresses such as "10.0.0.5" and "172.16.0.0/12"."""
    return tuple(ip_network(text) for text in texts)


def find_origin(
    peer: str, host: str, headers: CIMultiDictProxy[str], trusted: Sequence[Network]
) -> Origin:
    """Return the origin of a request that *peer* sent with the Host header *host*."""
    # Without a trusted proxy, its headers say nothing.
    if not _is_trusted(peer, trusted):
        return Origin(_plain_address(peer), (host,), is_secure=False)
    visitor = peer
    # Each proxy appends its peer, so the last one that is no proxy is the browser.
    for entry in reversed(_list_values(headers, "X-Forwarded-For")):
        if (address := _without_port(entry)) is None:
            break
        visitor = address
        if not _is_trusted(address, trusted):
            break
    forwarded = _list_values(headers, "X-Forwarded-Host")[:1]
    schemes = _list_values(headers, "X-Forwarded-Proto")[:1]
    return Origin(
        _plain_address(visitor), (*forwarded, host), is_secure=schemes == ["https"]
    )


def _list_values(headers: CIMultiDictProxy[str], name: str) -> list[str]:
    values = ",".join(headers.getall(name, [])).split(",")
    return [value.strip() for value in values if value.strip()]


def _without_port(entry: str) -> str | None:
    """Return the address of "1.2.3.4:5", "[::1]:5" or a bare one, None for others."""
    with suppress(ValueError):
        return str(ip_address(entry))
    with suppress(ValueError):
        return str(ip_address(urlsplit(f"//{entry}").hostname or ""))
    return None


def _parse_address(text: str) -> IPv4Address | IPv6Address | None:
    """Return an address; one of IPv4 that a socket of IPv6 received is of IPv4."""
    with suppress(ValueError):
        address = ip_address(text)
        return getattr(address, "ipv4_mapped", None) or address
    return None


def _plain_address(text: str) -> str:
    return str(_parse_address(text) or text)


def _is_trusted(text: str, trusted: Sequence[Network]) -> bool:
    address = _parse_address(text)
    return address is not None and any(address in network for network in trusted)
