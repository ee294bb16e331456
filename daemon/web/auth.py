"""The door: WEB_PASSWORD, who has said it, and how often it may be guessed."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from daemon.web.security import RateLimiter

#: 8 MiB and some 30 ms for one guess.
_COST = 2**13
_FREE_TRIES = 4
_LONGEST_PAUSE = 300.0
_MOST_VISITORS = 1000
_LONGEST_GUESS = 1000


class Password:
    """A password of which only a hash is kept."""

    def __init__(self, text: str) -> None:
        self._salt = secrets.token_bytes(16)
        self._hash = self._derive_hash(text)

    def _derive_hash(self, text: str) -> bytes:
        known = text.encode("utf-8", "replace")
        return hashlib.scrypt(known, salt=self._salt, n=_COST, r=8, p=1)

    async def verify(self, guess: str) -> bool:
        """Compare in constant time, away from the event loop."""
        found = await asyncio.to_thread(self._derive_hash, guess[:_LONGEST_GUESS])
        return hmac.compare_digest(found, self._hash)


@dataclass(slots=True)
class LoginThrottle:
    """Slows down who guesses wrong: a second, then twice as long each time."""

    monotonic: Callable[[], float]
    _wrong: OrderedDict[str, tuple[int, float]] = field(default_factory=OrderedDict)

    def seconds_to_wait(self, visitor: str) -> float:
        """Return the seconds until *visitor* may guess again."""
        _, until = self._wrong.get(visitor, (0, 0.0))
        return max(0.0, until - self.monotonic())

    def record_failure(self, visitor: str) -> None:
        """Count a wrong guess."""
        count, _ = self._wrong.pop(visitor, (0, 0.0))
        beyond = count + 1 - _FREE_TRIES
        pause = min(_LONGEST_PAUSE, 2.0 ** min(beyond, 16)) if beyond >= 0 else 0.0
        self._wrong[visitor] = (count + 1, self.monotonic() + pause)
        while len(self._wrong) > _MOST_VISITORS:
            self._wrong.popitem(last=False)

    def record_success(self, visitor: str) -> None:
        """Forget the wrong ones."""
        self._wrong.pop(visitor, None)


class Authenticator:
    """Lets in who knows the password; without one, everybody who reaches us."""

    def __init__(self, password: str, monotonic: Callable[[], float]) -> None:
        self._password = Password(password) if password else None
        self._guesses = LoginThrottle(monotonic)
        # Many addresses may be one guesser.
        self._all = RateLimiter(rate=1.0, burst=30, monotonic=monotonic)
        # One guess at a time: each takes memory, and is counted before the next.
        self._turn = asyncio.Lock()

    @property
    def requires_password(self) -> bool:
        """A password is asked for."""
        return self._password is not None

    async def authenticate(self, visitor: str, guess: str) -> bool | float:
        """Return whether *guess* is right, or the seconds to wait before guessing."""
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
