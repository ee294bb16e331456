"""Authentication with WEB_PASSWORD, and throttling of wrong passwords."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from daemon.web.security import RateLimiter

#: scrypt cost: one check takes 8 MiB and about 30 ms.
_COST = 2**13
#: Wrong passwords of one visitor before the first pause.
_FREE_TRIES = 4
#: Seconds.
_LONGEST_PAUSE = 300.0
_MOST_VISITORS = 1000
#: Characters of a password that are hashed at most.
_LONGEST_GUESS = 1000


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


class Authenticator:
    """Checks passwords; without a configured one, every visitor has access."""

    def __init__(self, password: str, monotonic: Callable[[], float]) -> None:
        self._password = Password(password) if password else None
        self._guesses = LoginThrottle(monotonic)
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
            pause = self._guesses.seconds_to_wait(visitor) or self._all.count_request(
                ""
            )
            if pause > 0:
                return pause
            if await self._password.verify(guess):
                self._guesses.record_success(visitor)
                return True
            self._guesses.record_failure(visitor)
            return False
