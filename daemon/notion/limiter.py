"""Rate limiter for Notion: one per token, the most urgent request first."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Awaitable, Callable
from itertools import count

from daemon.notion.model import Urgency

_BURST = 3.0
_LEAST_PAUSE = 0.001
#: Requests that a sweep leaves for more urgent ones, such as a poll or an un-tick.
_RESERVED = 2.0
#: This share of the rate, so that burst and rate stay within a minute's budget.
_SHARE = 0.975


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
            return max(_LEAST_PAUSE, self._stopped_until - now)
        gained = max(0.0, now - self._filled_at) * self._rate
        self._tokens = min(_BURST, self._tokens + gained)
        self._filled_at = max(now, self._filled_at)
        # A sweep leaves enough budget for a poll that comes next.
        wanted = 1 + (_RESERVED if urgency == Urgency.SWEEP else 0.0)
        # 1e-9 tolerates rounding of floating-point sums.
        missing = wanted - 1e-9 - self._tokens
        return max(_LEAST_PAUSE, missing / self._rate) if missing > 0 else 0.0
