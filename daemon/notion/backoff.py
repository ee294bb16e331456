"""Increasing pauses while Notion is unavailable or refuses access to a source.

Only requests about the whole source count: the poll, and the reading of the schema
before it.  A refusal about a single page or file delays only its job
(`daemon.service.task_delays`), because polls still succeed.
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
    """The failures of the requests about one source.

    Attributes:
        failures: Failures in a row.
        until: The time before which no request is sent; None without a failure.
        shut: Whether Notion refuses the token or the source.  Generation then stops.
        why: The newest failure in one line.
    """

    failures: int = 0
    until: datetime | None = None
    shut: bool = False
    why: str = ""
    _spells: FailureThrottle = field(default_factory=FailureThrottle)

    def is_active(self, now: datetime) -> bool:
        """Return whether requests are paused at *now*."""
        return self.until is not None and now < self.until

    def record_failure(
        self, error: NotionError, now: datetime, log: BoundLogger
    ) -> None:
        """Record a failure, and log it at the start and once an hour."""
        # Requests that fail at the same time count as one failure.
        if not self.is_active(now):
            pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(self.failures, 10))
            self.until = now + pause
            self.failures += 1
        self.shut = isinstance(error, NoAccessError)
        self.why = str(error)
        if self._spells.record_failure("shut" if self.shut else "away", now):
            log_line = log.error if self.shut else log.warning
            log_line(
                "poll.failed",
                summary=f"{error}; asked again in growing pauses",
                reason="refused" if self.shut else "away",
            )

    def record_success(self, now: datetime, log: BoundLogger) -> None:
        """Clear the failures after an answer, and log the recovery."""
        self.failures, self.until, self.shut, self.why = 0, None, False, ""
        for key in ("shut", "away"):
            if (duration := self._spells.record_recovery(key, now)) is not None:
                minutes = f"{duration.total_seconds() / 60:.0f} min"
                log.info(
                    "poll.recovered", summary=f"Notion answers again after {minutes}"
                )
