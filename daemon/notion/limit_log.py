"""Logs the rate limit: a line when it begins, each hour, and when it ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from structlog.stdlib import BoundLogger

from daemon.service.log import FailureThrottle

#: The limit has ended after this time without a new one; one seldom comes alone.
_CALM = timedelta(minutes=5)
_KEY = "limited"


@dataclass(slots=True)
class RateLimitLog:
    """Logs the beginning and the end of a rate limit.

    Attributes:
        now: Returns a monotonic time, which changes of the clock do not affect.
    """

    log: BoundLogger
    now: Callable[[], datetime]
    _until: datetime | None = None
    _count: int = 0
    _spell: FailureThrottle = field(default_factory=FailureThrottle)

    def record_limit(self, seconds: float) -> None:
        """Record that Notion asked for a pause of so many seconds."""
        now = self.now()
        self._until = now + timedelta(seconds=seconds)
        self._count += 1
        if self._spell.record_failure(_KEY, now):
            self.log.warning(
                "notion.limited",
                summary="Notion's rate limit is reached. postbrush waits "
                f"{seconds:g} s",
            )

    def record_answer(self) -> None:
        """Record an answer without a limit, and log the end of one."""
        if self._until is None or self.now() - self._until < _CALM:
            return
        duration = self._spell.record_recovery(_KEY, self._until) or timedelta()
        count, self._until, self._count = self._count, None, 0
        times = "once" if count == 1 else f"{count} times"
        shown_duration = str(duration).split(".", maxsplit=1)[0]
        self.log.info(
            "notion.unlimited",
            summary="Notion's rate limit is no longer reached, after "
            f"{shown_duration}. It was reached {times}",
        )
