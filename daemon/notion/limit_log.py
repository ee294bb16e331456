"""The rate limit in the log: one line when it begins, one an hour, one when it ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from structlog.stdlib import BoundLogger

from daemon.service.log import FailureThrottle

#: Without a new limit for so long, it has ended: it is often reached again at once.
_CALM = timedelta(minutes=5)
_KEY = "limited"


@dataclass(slots=True)
class RateLimitLog:
    """Says that Notion limits us, and that it no longer does.

    Attributes:
        now: A time that goes on steadily, whatever the clock is set to.
    """

    log: BoundLogger
    now: Callable[[], datetime]
    _until: datetime | None = None
    _count: int = 0
    _spell: FailureThrottle = field(default_factory=FailureThrottle)

    def record_limit(self, seconds: float) -> None:
        """Notion asked to wait."""
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
        """Notion answered a request without a limit."""
        if self._until is None or self.now() - self._until < _CALM:
            return
        lasted = self._spell.record_recovery(_KEY, self._until) or timedelta()
        times, self._until, self._count = self._count, None, 0
        length = str(lasted).split(".", maxsplit=1)[0]
        self.log.info(
            "notion.unlimited",
            summary=f"Notion's rate limit is no longer reached, after {length}. It was "
            f"reached {'once' if times == 1 else f'{times} times'}",
        )
