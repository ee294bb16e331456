"""An order from its first request to the image: polls, deadline, restarts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import aiohttp

from providers.base import Again, Call, Image, Order, Provider, Reply, Step, Traits
from providers.http import Http
from providers.leave import Interrupted, Leave, Withdrawn
from providers.outcomes import (
    BlankError,
    LoadingError,
    LostError,
    ProviderError,
    RefusedError,
    RejectedError,
    RemoteFailedError,
    ThrottledError,
    TimedOutError,
    UnavailableError,
    UnusableError,
)

_MOST_STEPS = 2000
_MOST_STUMBLES = 5
_AGAIN_SECONDS = 2.0
_QUESTION_SECONDS = 15.0
_CANCEL_SECONDS = 5.0
#: What passes while a remote job goes on.
_PASSING = (UnavailableError, ThrottledError, LoadingError)
#: How a remote job, or its image, turned out: an answer to the order.
_ANSWERS = (
    RemoteFailedError,
    RefusedError,
    BlankError,
    RejectedError,
    UnusableError,
    TimedOutError,
)

Remember = Callable[[str], Awaitable[None]]
Sleep = Callable[[float], Awaitable[None]]
T = TypeVar("T")


class _DeadlineError(TimedOutError):
    """Our own deadline, not one a service has told us of."""


@dataclass(slots=True, kw_only=True)
class _Trip:
    """One order on its way.

    Attributes:
        deadline: On the monotonic clock.
        remote: The job id or address that was committed.
        waiting: It was not ready when it was last asked: the deadline counts.  What
            is ready is fetched, however late, and after a restart it is asked once.
        stumbles: Requests in a row that failed in passing.
    """

    provider: Provider
    deadline: float
    remember: Remember
    leave: Leave
    remote: str | None = None
    waiting: bool = False
    stumbles: int = 0


class Studio:
    """Carries out orders, as many requests as each takes.

    Args:
        sleep: How to wait between two requests of one order.
        monotonic: The clock deadlines are on, in seconds.
        resolver: For tests; replaces the name server of file hosts.
    """

    def __init__(
        self,
        *,
        sleep: Sleep = asyncio.sleep,
        monotonic: Callable[[], float] = time.monotonic,
        resolver: aiohttp.abc.AbstractResolver | None = None,
    ) -> None:
        self._sleep = sleep
        self._monotonic = monotonic
        self._http = Http(resolver)

    async def close(self) -> None:
        """Close all connections."""
        await self._http.close()

    async def draw(
        self,
        provider: Provider,
        order: Order,
        *,
        now: datetime,
        remember: Remember,
        leave: Leave,
    ) -> Image:
        """Carry out an order within the provider's timeout.

        Args:
            remember: Awaited with a job id or address before the next request.
            leave: A call without an id is let finish all the same.

        Raises:
            ProviderError: How it ended, if not with an image.
            Interrupted: Stopping, and the id was remembered.
            Withdrawn: Not wanted any more, and cancelled there.
        """
        # The card draws here, and that takes a while.
        first = await asyncio.to_thread(provider.start, order, now)
        if isinstance(first, Image):
            return first
        trip = _Trip(
            provider=provider,
            deadline=self._monotonic() + provider.traits.timeout,
            remember=remember,
            leave=leave,
        )
        return await self._follow(first, trip)

    async def resume(
        self, provider: Provider, remote: str, *, left: float, leave: Leave
    ) -> Image:
        """Ask for the result of an earlier order; once before any deadline applies.

        Args:
            left: Seconds until the order's deadline; may be past.

        Raises:
            ProviderError: It failed, was lost, or takes too long.
            Interrupted: Stopping.
            Withdrawn: Not wanted any more, and cancelled there.
        """
        call = provider.resume(remote)
        if call is None:
            raise LostError("cannot be asked for its result again")

        async def known(_: str) -> None:
            return

        trip = _Trip(
            provider=provider,
            deadline=self._monotonic() + left,
            remember=known,
            leave=leave,
            remote=remote,
        )
        return await self._follow(call, trip)

    async def cancel(self, provider: Provider, remote: str) -> None:
        """Stop a remote job, as well as that can be done."""
        call = provider.cancel(remote)
        if call is None:
            return
        try:
            async with asyncio.timeout(_CANCEL_SECONDS):
                await self._http.send(call, provider.traits)
        # It was worth a try.
        except (ProviderError, TimeoutError):
            return

    async def once(self, call: Call, traits: Traits) -> Reply:
        """Send one request outside of any order.  Raises ProviderError."""
        try:
            async with asyncio.timeout(_QUESTION_SECONDS):
                return await self._http.send(call, traits)
        except TimeoutError:
            raise TimedOutError("no answer in time") from None

    async def _follow(self, call: Call, trip: _Trip) -> Image:
        try:
            for _ in range(_MOST_STEPS):
                step = await self._one(call, trip)
                if isinstance(step, Image):
                    return step
                await self._note(step, trip)
                trip.waiting = step.seconds > 0
                await self._pause(step.seconds, trip)
                call = step.call
        except _DeadlineError:
            await self._give_back(trip)
            raise
        except Withdrawn:
            await self._give_back(trip)
            raise
        await self._give_back(trip)
        raise LostError("never came to an end")

    async def _give_back(self, trip: _Trip) -> None:
        if trip.remote is not None:
            await self.cancel(trip.provider, trip.remote)

    async def _note(self, step: Again, trip: _Trip) -> None:
        if step.remote is not None and step.remote != trip.remote:
            await trip.remember(step.remote)
            trip.remote = step.remote

    async def _one(self, call: Call, trip: _Trip) -> Step:
        try:
            reply = await self._in_time(
                self._http.send(call, trip.provider.traits), trip, call
            )
            step = call.read(reply)
        except _DeadlineError:
            raise
        except ProviderError as error:
            return self._went_wrong(call, error, trip)
        trip.stumbles = 0
        return step

    def _went_wrong(self, call: Call, error: ProviderError, trip: _Trip) -> Again:
        # It does not matter: something else is asked instead.
        if call.failed is not None:
            return _again(call.failed(error))
        # The request for an image itself: that is its answer.
        if not (call.waits or call.fetches):
            raise error
        # The job goes on, whatever its service stumbles over meanwhile.
        trip.stumbles += 1
        patient = call.waits or trip.stumbles < _MOST_STUMBLES
        if isinstance(error, _PASSING) and patient:
            return Again(call=call, seconds=error.seconds or _AGAIN_SECONDS)
        if isinstance(error, _ANSWERS):
            raise error
        # Neither the job nor its image can be had any more.
        raise LostError(str(error), status=error.status) from error

    async def _in_time(
        self, sending: Coroutine[Any, Any, T], trip: _Trip, call: Call
    ) -> T:
        left = trip.deadline - self._monotonic()
        waits = call.waits or call.fetches
        if waits and not trip.waiting:
            left = max(left, _QUESTION_SECONDS)
        try:
            async with asyncio.timeout(max(0.0, left)):
                return await self._unless_we_leave(sending, trip, may=waits)
        except TimeoutError:
            raise _DeadlineError(
                f"no image within {trip.provider.traits.timeout:g} s"
            ) from None

    async def _pause(self, seconds: float, trip: _Trip) -> None:
        left = max(0.0, trip.deadline - self._monotonic())
        known = trip.remote is not None
        pause = self._sleep(min(seconds, left) if known else seconds)
        await self._unless_we_leave(pause, trip, may=True)

    async def _unless_we_leave(
        self, doing: Awaitable[T], trip: _Trip, *, may: bool
    ) -> T:
        """Await *doing*; what can be taken up again is dropped when we leave."""
        task = asyncio.ensure_future(doing)
        if not may or trip.remote is None:
            return await task
        ends = [
            asyncio.ensure_future(event.wait())
            for event in (trip.leave.stopping, trip.leave.withdrawn)
        ]
        try:
            if not trip.leave.is_due:
                await asyncio.wait([task, *ends], return_when=asyncio.FIRST_COMPLETED)
            if trip.leave.withdrawn.is_set():
                raise Withdrawn
            if trip.leave.stopping.is_set() and not task.done():
                raise Interrupted
            return await task
        finally:
            for one in (task, *ends):
                one.cancel()


def _again(step: Step) -> Again:
    if isinstance(step, Image):
        raise AssertionError("nothing failed")  # noqa: TRY004 - a provider's mistake
    return step
