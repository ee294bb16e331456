"""Notion is away, or has shut us out: one place that knows when to ask again.

Only what is asked about the source as a whole decides that: the poll, and the look at
the source before it.  What a single page or file is refused is a matter of its job
(`daemon.service.task_delays`), for the polls beside it succeed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from structlog.stdlib import BoundLogger

from daemon.notion.errors import NoAccessError, NotionError
from daemon.service.log import FailureThrottle

FIRST_PAUSE = timedelta(seconds=10)
LONGEST_PAUSE = timedelta(minutes=5)


@dataclass(slots=True)
class NotionBackoff:
    """What we know of Notion's absence.

    Attributes:
        until: Nothing is asked of Notion before.
        shut: It refuses our token or the source: nothing is generated for it.
        why: In one line, the newest.
    """

    failures: int = 0
    until: datetime | None = None
    shut: bool = False
    why: str = ""
    _spells: FailureThrottle = field(default_factory=FailureThrottle)

    def is_active(self, now: datetime) -> bool:
        """Say whether Notion is to be left alone at *now*."""
        return self.until is not None and now < self.until

    def record_failure(
        self, error: NotionError, now: datetime, log: BoundLogger
    ) -> None:
        """Count a failure and say so at the start, and once an hour."""
        # Several requests fail at once: that is one failure.
        if not self.is_active(now):
            pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(self.failures, 10))
            self.until = now + pause
            self.failures += 1
        self.shut = isinstance(error, NoAccessError)
        self.why = str(error)
        if self._spells.record_failure("shut" if self.shut else "away", now):
            speak = log.error if self.shut else log.warning
            speak(
                "poll.failed",
                summary=f"{error}; asked again in growing pauses",
                reason="refused" if self.shut else "away",
            )

    def record_success(self, now: datetime, log: BoundLogger) -> None:
        """Notion answered."""
        self.failures, self.until, self.shut, self.why = 0, None, False, ""
        for key in ("shut", "away"):
            if (lasted := self._spells.record_recovery(key, now)) is not None:
                minutes = f"{lasted.total_seconds() / 60:.0f} min"
                log.info(
                    "poll.recovered", summary=f"Notion answers again after {minutes}"
                )
