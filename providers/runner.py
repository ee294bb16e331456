"""An order from its first request to the image: polls, deadline, restarts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import aiohttp

from providers.base import (
    FollowUp,
    GeneratedImage,
    HttpCall,
    ImageRequest,
    Provider,
    ProviderTraits,
    Response,
    Step,
)
from providers.cancellation import CancellationToken, JobCancelled, ShuttingDown
from providers.http import HttpClient
from providers.outcomes import (
    BadRequestError,
    BlankImageError,
    InvalidImageError,
    ModelLoadingError,
    PromptRefusedError,
    ProviderError,
    RateLimitedError,
    RemoteJobFailedError,
    RemoteJobLostError,
    TimedOutError,
    UnavailableError,
)

_MOST_STEPS = 2000
_MOST_STUMBLES = 5
_AGAIN_SECONDS = 2.0
_QUESTION_SECONDS = 15.0
_CANCEL_SECONDS = 5.0
#: What passes while a remote job goes on.
_PASSING = (UnavailableError, RateLimitedError, ModelLoadingError)
#: How a remote job, or its image, turned out: an answer to the order.
_ANSWERS = (
    RemoteJobFailedError,
    PromptRefusedError,
    BlankImageError,
    BadRequestError,
    InvalidImageError,
    TimedOutError,
)

Remember = Callable[[str], Awaitable[None]]
Sleep = Callable[[float], Awaitable[None]]
T = TypeVar("T")


class _DeadlineExceededError(TimedOutError):
    """Our own deadline, not one a service has told us of."""


@dataclass(slots=True, kw_only=True)
class _RequestState:
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
    leave: CancellationToken
    remote: str | None = None
    waiting: bool = False
    stumbles: int = 0


class ProviderRunner:
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
        self._http = HttpClient(resolver)

    async def close(self) -> None:
        """Close all connections."""
        await self._http.close()

    async def run(
        self,
        provider: Provider,
        request: ImageRequest,
        *,
        now: datetime,
        remember: Remember,
        leave: CancellationToken,
    ) -> GeneratedImage:
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
        first = await asyncio.to_thread(provider.start, request, now)
        if isinstance(first, GeneratedImage):
            return first
        trip = _RequestState(
            provider=provider,
            deadline=self._monotonic() + provider.traits.timeout,
            remember=remember,
            leave=leave,
        )
        return await self._run_steps(first, trip)

    async def resume(
        self, provider: Provider, remote: str, *, left: float, leave: CancellationToken
    ) -> GeneratedImage:
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
            raise RemoteJobLostError("cannot be asked for its result again")

        async def known(_: str) -> None:
            return

        trip = _RequestState(
            provider=provider,
            deadline=self._monotonic() + left,
            remember=known,
            leave=leave,
            remote=remote,
        )
        return await self._run_steps(call, trip)

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

    async def send_once(self, call: HttpCall, traits: ProviderTraits) -> Response:
        """Send one request outside of any order.  Raises ProviderError."""
        try:
            async with asyncio.timeout(_QUESTION_SECONDS):
                return await self._http.send(call, traits)
        except TimeoutError:
            raise TimedOutError("no answer in time") from None

    async def _run_steps(self, call: HttpCall, trip: _RequestState) -> GeneratedImage:
        try:
            for _ in range(_MOST_STEPS):
                step = await self._run_step(call, trip)
                if isinstance(step, GeneratedImage):
                    return step
                await self._persist_remote_id(step, trip)
                trip.waiting = step.seconds > 0
                await self._wait_before_step(step.seconds, trip)
                call = step.call
        except _DeadlineExceededError:
            await self._cancel_remote(trip)
            raise
        except JobCancelled:
            await self._cancel_remote(trip)
            raise
        await self._cancel_remote(trip)
        raise RemoteJobLostError("never came to an end")

    async def _cancel_remote(self, trip: _RequestState) -> None:
        if trip.remote is not None:
            await self.cancel(trip.provider, trip.remote)

    async def _persist_remote_id(self, step: FollowUp, trip: _RequestState) -> None:
        if step.remote is not None and step.remote != trip.remote:
            await trip.remember(step.remote)
            trip.remote = step.remote

    async def _run_step(self, call: HttpCall, trip: _RequestState) -> Step:
        try:
            response = await self._with_deadline(
                self._http.send(call, trip.provider.traits), trip, call
            )
            step = call.read(response)
        except _DeadlineExceededError:
            raise
        except ProviderError as error:
            return self._handle_error(call, error, trip)
        trip.stumbles = 0
        return step

    def _handle_error(
        self, call: HttpCall, error: ProviderError, trip: _RequestState
    ) -> FollowUp:
        # It does not matter: something else is asked instead.
        if call.failed is not None:
            return _as_follow_up(call.failed(error))
        # The request for an image itself: that is its answer.
        if not (call.waits or call.fetches):
            raise error
        # The job goes on, whatever its service stumbles over meanwhile.
        trip.stumbles += 1
        patient = call.waits or trip.stumbles < _MOST_STUMBLES
        if isinstance(error, _PASSING) and patient:
            return FollowUp(call=call, seconds=error.seconds or _AGAIN_SECONDS)
        if isinstance(error, _ANSWERS):
            raise error
        # Neither the job nor its image can be had any more.
        raise RemoteJobLostError(str(error), status=error.status) from error

    async def _with_deadline(
        self, sending: Coroutine[Any, Any, T], trip: _RequestState, call: HttpCall
    ) -> T:
        left = trip.deadline - self._monotonic()
        waits = call.waits or call.fetches
        if waits and not trip.waiting:
            left = max(left, _QUESTION_SECONDS)
        try:
            async with asyncio.timeout(max(0.0, left)):
                return await self._run_cancellable(sending, trip, may=waits)
        except TimeoutError:
            raise _DeadlineExceededError(
                f"no image within {trip.provider.traits.timeout:g} s"
            ) from None

    async def _wait_before_step(self, seconds: float, trip: _RequestState) -> None:
        left = max(0.0, trip.deadline - self._monotonic())
        known = trip.remote is not None
        pause = self._sleep(min(seconds, left) if known else seconds)
        await self._run_cancellable(pause, trip, may=True)

    async def _run_cancellable(
        self, doing: Awaitable[T], trip: _RequestState, *, may: bool
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
            if not trip.leave.is_cancelled:
                await asyncio.wait([task, *ends], return_when=asyncio.FIRST_COMPLETED)
            if trip.leave.withdrawn.is_set():
                raise JobCancelled
            if trip.leave.stopping.is_set() and not task.done():
                raise ShuttingDown
            return await task
        finally:
            for one in (task, *ends):
                one.cancel()


def _as_follow_up(step: Step) -> FollowUp:
    if isinstance(step, GeneratedImage):
        raise AssertionError("nothing failed")  # noqa: TRY004 - a provider's mistake
    return step
