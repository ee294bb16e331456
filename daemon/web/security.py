"""Who may ask what: pure decisions about a request's headers and its pace.

A page of another site must not press our buttons (Origin, Sec-Fetch-Site, a token
in every form), and a name of another site that resolves to us must not read our
pages (Host).
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
    """Return what this machine is called in its network."""
    name = socket.gethostname().casefold()
    short = name.partition(".")[0]
    return frozenset({name, short, f"{short}.local"} - {"", ".local"})


def is_host_allowed(host: str, names: frozenset[str]) -> bool:
    """Say whether *host* (with or without a port) is a name we answer to.

    An address of digits cannot be pointed at us by somebody else's DNS.
    """
    found = _HOST.fullmatch(host.casefold())
    if found is None:
        return False
    name = (found[1] or found[2]).rstrip(".")
    if name == "localhost" or name.endswith(".localhost") or name in names:
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def is_same_origin(headers: Mapping[str, str], host: str) -> bool:
    """Say whether a request that changes something may come from our own page."""
    if headers.get("Sec-Fetch-Site") not in {None, "same-origin", "none"}:
        return False
    origin = headers.get("Origin")
    return origin is None or urlsplit(origin).netloc.casefold() == host.casefold()


@dataclass(frozen=True, slots=True)
class Signer:
    """Makes text ours and unchangeable; whoever has the key can do so."""

    key: bytes = field(repr=False)

    def sign(self, text: str, purpose: str) -> str:
        """Return *text* with its seal."""
        return f"{text}.{self._signature_of(text, purpose)}"

    def unsign(self, sealed: str, purpose: str) -> str | None:
        """Return what was sealed for *purpose*, or None."""
        text, _, mark = sealed.rpartition(".")
        fine = hmac.compare_digest(
            mark.encode(), self._signature_of(text, purpose).encode()
        )
        return text if fine and mark else None

    def _signature_of(self, text: str, purpose: str) -> str:
        written = f"{purpose}\0{text}".encode()
        return hmac.new(self.key, written, hashlib.sha256).hexdigest()


@dataclass(slots=True)
class RateLimiter:
    """How often each visitor may ask: *burst* at once, then *rate* a second."""

    rate: float
    burst: float
    monotonic: Callable[[], float]
    _left: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)

    def count_request(self, visitor: str) -> float:
        """Count a request; return the seconds to wait when it is one too many."""
        now = self.monotonic()
        left, since = self._left.pop(visitor, (self.burst, now))
        left = min(self.burst, left + (now - since) * self.rate)
        allowed = left >= 1
        self._left[visitor] = (left - 1 if allowed else left, now)
        while len(self._left) > _MOST_VISITORS:
            self._left.popitem(last=False)
        return 0.0 if allowed else (1 - left) / self.rate
