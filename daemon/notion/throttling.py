"""When a request may be sent to Notion: rate limiter, rate limit log and backoff.

There is one rate limiter per token, and one backoff per source.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count

from structlog.stdlib import BoundLogger

from daemon.formatting import format_duration
from daemon.notion.errors import NoAccessError, NotionError
from daemon.notion.model import Urgency
from daemon.service.tasks import FailureThrottle

_BURST = 3.0
#: Seconds; a shorter sleep may not advance the clock.
_SHORTEST_SLEEP = 0.001
#: Requests that a sweep leaves for more urgent ones, such as a poll or an un-tick.
_RESERVED = 2.0
#: This share of the rate, so that burst and rate stay within a minute's budget.
_SHARE = 0.975
#: A rate limit has ended after this time without a new one; one seldom comes alone.
CALM = timedelta(minutes=5)
_FIRST_PAUSE = timedelta(seconds=10)
_LONGEST_PAUSE = timedelta(minutes=5)


class NotionRateLimiter:
    """Token bucket with priorities; `pause_all` stops every request.

    Args:
        rate: Requests a second.
        monotonic: Returns seconds of a monotonic clock.
        sleep: Waits for so many seconds.
    """

    def __init__(
        self,
        rate: float,
        *,
        monotonic: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._rate = rate * _SHARE
        self._monotonic = monotonic
        self._sleep = sleep
        self._tokens = _BURST
        self._filled_at = monotonic()
        self._stopped_until = 0.0
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = count()
        self._pump: asyncio.Task[None] | None = None

    @property
    def is_queued(self) -> bool:
        """Whether any request waits for its turn."""
        return bool(self._waiting)

    async def wait_turn(self, urgency: Urgency) -> None:
        """Wait until a request of this urgency may be sent."""
        # Less urgent requests in the queue do not delay this one.
        must_queue = bool(self._waiting) and self._waiting[0][0] <= urgency
        if not must_queue and self._seconds_to_wait(urgency) <= 0:
            self._tokens -= 1
            return
        my_turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (urgency, next(self._order), my_turn))
        if self._pump is None or self._pump.done():
            self._pump = asyncio.create_task(
                self._release_waiting(), name="notion limiter"
            )
        await my_turn

    def pause_all(self, seconds: float) -> None:
        """Let no request through for so many seconds, as Notion demands."""
        until = self._monotonic() + seconds
        self._stopped_until = max(self._stopped_until, until)
        self._tokens = 0.0
        self._filled_at = self._stopped_until

    async def close(self) -> None:
        """Stop the task that releases waiting requests."""
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.gather(self._pump, return_exceptions=True)

    async def _release_waiting(self) -> None:
        while self._waiting:
            if (pause := self._seconds_to_wait(self._waiting[0][0])) > 0:
                await self._sleep(pause)
                continue
            _, _, waiter = heapq.heappop(self._waiting)
            # A request that was cancelled while it waited uses no budget.
            if not waiter.done():
                self._tokens -= 1
                waiter.set_result(None)

    def _seconds_to_wait(self, urgency: int) -> float:
        now = self._monotonic()
        if now < self._stopped_until:
            return max(_SHORTEST_SLEEP, self._stopped_until - now)
        gained = max(0.0, now - self._filled_at) * self._rate
        self._tokens = min(_BURST, self._tokens + gained)
        self._filled_at = max(now, self._filled_at)
        # A sweep leaves enough budget for a poll that comes next.
        wanted = 1 + (_RESERVED if urgency == Urgency.SWEEP else 0.0)
        # 1e-9 tolerates rounding of floating-point sums.
        missing = wanted - 1e-9 - self._tokens
        return max(_SHORTEST_SLEEP, missing / self._rate) if missing > 0 else 0.0


@dataclass(slots=True)
class RateLimitLog:
    """Logs the beginning and the end of a rate limit.

    Attributes:
        now: Returns a monotonic time, which changes of the clock do not affect.
    """

    log: BoundLogger
    now: Callable[[], datetime]
    _paused_until: datetime | None = None
    _limits: int = 0
    _throttle: FailureThrottle = field(default_factory=FailureThrottle)

    def record_limit(self, seconds: float) -> None:
        """Record that Notion asked for a pause of so many seconds."""
        now = self.now()
        self._paused_until = now + timedelta(seconds=seconds)
        self._limits += 1
        if self._throttle.record_failure("limited", now):
            self.log.warning(
                "notion.limited",
                summary=f"Notion's rate limit is reached. Waiting {seconds:g} s",
            )

    def record_answer(self) -> None:
        """Record a response without a limit, and log the end of one."""
        until = self._paused_until
        if until is None or self.now() - until < CALM:
            return
        duration = self._throttle.record_recovery("limited", until) or timedelta()
        times = "once" if self._limits == 1 else f"{self._limits} times"
        self._paused_until, self._limits = None, 0
        lasted = format_duration(duration.total_seconds(), "h:mm:ss")
        self.log.info(
            "notion.unlimited",
            summary="Notion's rate limit is no longer reached. "
            f"It was reached {times} within {lasted}",
        )


@dataclass(slots=True)
class NotionBackoff:
    """Increasing pauses while Notion is unavailable or refuses access to a source.

    Only requests about the whole source count: the poll, and the reading of the schema
    before it.  A refusal about a single page or file delays only its job
    (`daemon.service.tasks`), because polls still succeed.

    Attributes:
        failures: Failures in a row.
        until: The time before which no request is sent; None without a failure.
        is_refused: Whether Notion refuses the token or the source, which also stops
            generation.
        why: The newest failure in one line.
    """

    failures: int = 0
    until: datetime | None = None
    is_refused: bool = False
    why: str = ""
    _throttle: FailureThrottle = field(default_factory=FailureThrottle)

    def is_active(self, now: datetime) -> bool:
        """Return whether requests are paused at *now*."""
        return self.until is not None and now < self.until

    def record_failure(
        self, error: NotionError, now: datetime, log: BoundLogger
    ) -> None:
        """Record a failure, and log it at the start and once an hour."""
        # Requests that fail at the same time count as one failure.
        if not self.is_active(now):
            pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(self.failures, 10))
            self.until = now + pause
            self.failures += 1
        self.is_refused = isinstance(error, NoAccessError)
        self.why = str(error)
        reason = "refused" if self.is_refused else "away"
        if self._throttle.record_failure(reason, now):
            log_line = log.error if self.is_refused else log.warning
            why = str(error).rstrip(".")
            summary = f"{why}. postbrush retries with increasing delays"
            log_line("poll.failed", summary=summary, reason=reason)

    def record_success(self, now: datetime, log: BoundLogger) -> None:
        """Clear the failures after a response, and log the recovery."""
        self.failures, self.until, self.is_refused, self.why = 0, None, False, ""
        for reason in ("refused", "away"):
            if (duration := self._throttle.record_recovery(reason, now)) is not None:
                lasted = format_duration(duration.total_seconds(), "min")
                summary = f"Notion is available again after {lasted}"
                log.info("poll.recovered", summary=summary)
