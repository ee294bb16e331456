"""Checks of a request's host, origin, rate and password.

Origin, Sec-Fetch-Site and a form token prevent requests forged by another site.
The Host check prevents DNS rebinding, by which another site could read our pages.
Wrong passwords are throttled for each visitor and for all of them.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import secrets
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
#: scrypt cost: one check takes 8 MiB and about 30 ms.
_COST = 2**13
#: Wrong passwords of one visitor before the first pause.
_FREE_TRIES = 4
#: Seconds.
_LONGEST_PAUSE = 300.0
#: Characters of a password that are hashed at most.
_LONGEST_GUESS = 1000


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
    fetch_site, origin = headers.get("Sec-Fetch-Site"), headers.get("Origin")
    # The browser compared the origins itself.  No script can set this header.
    if fetch_site == "same-origin":
        return True
    if fetch_site not in {None, "none"}:
        return False
    # A browser sends no Sec-Fetch-Site to a page without https.
    try:
        sent_from = urlsplit(origin or "")
        sent_to = urlsplit(f"//{host}")
        # Some proxies pass on the host without its port (nginx: `$host`).
        if sent_to.port is None:
            is_same = sent_from.hostname == sent_to.hostname
        else:
            is_same = sent_from.netloc.casefold() == host.casefold()
    except ValueError:
        return False
    return origin is None or is_same


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


class Authenticator:
    """Checks passwords; without a configured one, every visitor has access."""

    def __init__(self, password: str, monotonic: Callable[[], float]) -> None:
        self._password = Password(password) if password else None
        self._throttle = LoginThrottle(monotonic)
        # One attacker may use many addresses.
        self._all = RateLimiter(rate=1.0, burst=30, monotonic=monotonic)
        # One check at a time limits the memory, and counts each before the next.
        self._turn = asyncio.Lock()

    @property
    def requires_password(self) -> bool:
        """Return whether a password is configured."""
        return self._password is not None

    async def authenticate(self, visitor: str, guess: str) -> bool | float:
        """Return whether *guess* is right, or the seconds to wait before a try."""
        if self._password is None:
            return True
        async with self._turn:
            pause = self._throttle.seconds_to_wait(visitor)
            if (pause := pause or self._all.count_request("")) > 0:
                return pause
            if await self._password.verify(guess):
                self._throttle.record_success(visitor)
                return True
            self._throttle.record_failure(visitor)
            return False


class Password:
    """Stores only the salted hash of a password."""

    def __init__(self, text: str) -> None:
        self._salt = secrets.token_bytes(16)
        self._hash = self._derive_hash(text)

    def _derive_hash(self, text: str) -> bytes:
        encoded = text.encode("utf-8", "replace")
        return hashlib.scrypt(encoded, salt=self._salt, n=_COST, r=8, p=1)

    async def verify(self, guess: str) -> bool:
        """Compare *guess* in constant time, hashed in a thread."""
        guess_hash = await asyncio.to_thread(self._derive_hash, guess[:_LONGEST_GUESS])
        return hmac.compare_digest(guess_hash, self._hash)


@dataclass(slots=True)
class LoginThrottle:
    """Delays a visitor after wrong passwords: 1 s, then twice as long each time."""

    monotonic: Callable[[], float]
    _wrong: OrderedDict[str, tuple[int, float]] = field(default_factory=OrderedDict)

    def seconds_to_wait(self, visitor: str) -> float:
        """Return the seconds until *visitor* may try again."""
        _, until = self._wrong.get(visitor, (0, 0.0))
        return max(0.0, until - self.monotonic())

    def record_failure(self, visitor: str) -> None:
        """Count a wrong password of *visitor*."""
        count, _ = self._wrong.pop(visitor, (0, 0.0))
        extra = count + 1 - _FREE_TRIES
        pause = min(_LONGEST_PAUSE, 2.0 ** min(extra, 16)) if extra >= 0 else 0.0
        self._wrong[visitor] = (count + 1, self.monotonic() + pause)
        while len(self._wrong) > _MOST_VISITORS:
            self._wrong.popitem(last=False)

    def record_success(self, visitor: str) -> None:
        """Reset the count of *visitor*."""
        self._wrong.pop(visitor, None)
