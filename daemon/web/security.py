"""Checks of a request's headers and rate.  Pure.

Origin, Sec-Fetch-Site and a form token prevent requests forged by another site.
The Host check prevents DNS rebinding, by which another site could read our pages.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import socket
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import urlsplit

POLICY = (
    "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_MOST_VISITORS = 1000
_HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::[0-9]{1,5})?")


def own_host_names() -> frozenset[str]:
    """Return the names of this machine in its network, in lower case."""
    name = socket.gethostname().casefold()
    short = name.partition(".")[0]
    return frozenset({name, short, f"{short}.local"} - {"", ".local"})


def is_host_allowed(host: str, names: frozenset[str]) -> bool:
    """Return whether *host*, with or without a port, is a name of this server.

    An IP address is always allowed, because DNS cannot redirect it.
    """
    match = _HOST.fullmatch(host.casefold())
    if match is None:
        return False
    name = (match[1] or match[2]).rstrip(".")
    if name == "localhost" or name.endswith(".localhost") or name in names:
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def is_same_origin(headers: Mapping[str, str], host: str) -> bool:
    """Return whether a request that changes something may come from our page."""
    if headers.get("Sec-Fetch-Site") not in {None, "same-origin", "none"}:
        return False
    origin = headers.get("Origin")
    return origin is None or urlsplit(origin).netloc.casefold() == host.casefold()


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs text with HMAC-SHA256."""

    key: bytes = field(repr=False)

    def sign(self, text: str, purpose: str) -> str:
        """Return *text* with its signature for *purpose*."""
        return f"{text}.{self._signature_of(text, purpose)}"

    def unsign(self, signed: str, purpose: str) -> str | None:
        """Return the text that was signed for *purpose*, or None if it is invalid."""
        text, _, signature = signed.rpartition(".")
        is_valid = hmac.compare_digest(
            signature.encode(), self._signature_of(text, purpose).encode()
        )
        return text if is_valid and signature else None

    def _signature_of(self, text: str, purpose: str) -> str:
        message = f"{purpose}\0{text}".encode()
        return hmac.new(self.key, message, hashlib.sha256).hexdigest()


@dataclass(slots=True)
class RateLimiter:
    """Token bucket per visitor: *burst* requests at once, then *rate* a second."""

    rate: float
    burst: float
    monotonic: Callable[[], float]
    _left: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)

    def count_request(self, visitor: str) -> float:
        """Count a request; return the seconds to wait, 0 if it is allowed."""
        now = self.monotonic()
        tokens, since = self._left.pop(visitor, (self.burst, now))
        tokens = min(self.burst, tokens + (now - since) * self.rate)
        allowed = tokens >= 1
        self._left[visitor] = (tokens - 1 if allowed else tokens, now)
        while len(self._left) > _MOST_VISITORS:
            self._left.popitem(last=False)
        return 0.0 if allowed else (1 - tokens) / self.rate
