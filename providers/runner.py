"""Runs a request for an image: sends, polls, downloads, until its deadline."""

from __future__ import annotations

import asyncio
import contextlib
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

_MAX_STEPS = 2000
_MAX_RETRIES = 5
_RETRY_SECONDS = 2.0
_CALL_SECONDS = 15.0
_CANCEL_SECONDS = 5.0
#: Temporary errors while a remote job runs.
_TEMPORARY = (UnavailableError, RateLimitedError, ModelLoadingError)
#: Results of a remote job or of its image.
_RESULTS = (
    RemoteJobFailedError,
    PromptRefusedError,
    BlankImageError,
    BadRequestError,
    InvalidImageError,
    TimedOutError,
)

SaveRemoteId = Callable[[str], Awaitable[None]]
Sleep = Callable[[float], Awaitable[None]]
T = TypeVar("T")


class _DeadlineExceededError(TimedOutError):
    """Our deadline has passed, as opposed to a timeout that the service reports."""


@dataclass(slots=True, kw_only=True)
class _RequestState:
    """The state of one running request.

    Attributes:
        deadline: Seconds on the monotonic clock.
        remote: The job id or URL that was committed.
        waiting: The last poll said that the image is not ready, so the deadline
            applies.  A ready image is downloaded after it, and a resumed job is
            polled once.
        retries: Consecutive errors of polls and downloads.
    """

    provider: Provider
    deadline: float
    save_remote_id: SaveRemoteId
    cancellation: CancellationToken
    remote: str | None = None
    waiting: bool = False
    retries: int = 0


class ProviderRunner:
    """Runs requests for images, each of which takes one or more HTTP calls.

    Args:
        sleep: Waits between two calls, in seconds.
        monotonic: The clock of deadlines, in seconds.
        resolver: Replaces the name resolution of file hosts, for tests.
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
        save_remote_id: SaveRemoteId,
        cancellation: CancellationToken,
    ) -> GeneratedImage:
        """Return the image for a request, within the provider's timeout.

        Args:
            save_remote_id: Awaited with a job id or URL before the next call.
            cancellation: Applies once an id is saved; earlier calls are finished.

        Raises:
            ProviderError: The request ended without an image.
            ShuttingDown: The daemon stops, and the saved id leads to the image.
            JobCancelled: The image is no longer wanted; the remote job is cancelled.
        """
        # The card renders in `start`, which takes a while.
        first = await asyncio.to_thread(provider.start, request, now)
        if isinstance(first, GeneratedImage):
            return first
        state = _RequestState(
            provider=provider,
            deadline=self._monotonic() + provider.traits.timeout,
            save_remote_id=save_remote_id,
            cancellation=cancellation,
        )
        return await self._run_steps(first, state)

    async def resume(
        self,
        provider: Provider,
        remote: str,
        *,
        left: float,
        cancellation: CancellationToken,
    ) -> GeneratedImage:
        """Return the image of a remote job; poll once before the deadline applies.

        Args:
            left: Seconds until the deadline; negative if it has passed.

        Raises:
            ProviderError: The job failed, was lost, or takes too long.
            ShuttingDown: The daemon stops.
            JobCancelled: The image is no longer wanted; the remote job is cancelled.
        """
        call = provider.resume(remote)
        if call is None:
            raise RemoteJobLostError("cannot be asked for its result again")

        async def keep_id(_: str) -> None:
            return

        state = _RequestState(
            provider=provider,
            deadline=self._monotonic() + left,
            save_remote_id=keep_id,
            cancellation=cancellation,
            remote=remote,
        )
        return await self._run_steps(call, state)

    async def cancel(self, provider: Provider, remote: str) -> None:
        """Try to cancel a remote job within 5 seconds; errors are ignored."""
        if (call := provider.cancel(remote)) is not None:
            with contextlib.suppress(ProviderError, TimeoutError):
                async with asyncio.timeout(_CANCEL_SECONDS):
                    await self._http.send(call, provider.traits)

    async def send_once(self, call: HttpCall, traits: ProviderTraits) -> Response:
        """Return the response to one call, within 15 seconds.

        Raises:
            ProviderError: There was no response.
        """
        try:
            async with asyncio.timeout(_CALL_SECONDS):
                return await self._http.send(call, traits)
        except TimeoutError:
            raise TimedOutError("no answer in time") from None

    async def _run_steps(self, call: HttpCall, state: _RequestState) -> GeneratedImage:
        try:
            for _ in range(_MAX_STEPS):
                step = await self._run_step(call, state)
                if isinstance(step, GeneratedImage):
                    return step
                await self._persist_remote_id(step, state)
                state.waiting = step.seconds > 0
                await self._wait_before_step(step.seconds, state)
                call = step.call
        except (_DeadlineExceededError, JobCancelled):
            await self._cancel_remote(state)
            raise
        await self._cancel_remote(state)
        raise RemoteJobLostError("never came to an end")

    async def _cancel_remote(self, state: _RequestState) -> None:
        if state.remote is not None:
            await self.cancel(state.provider, state.remote)

    async def _persist_remote_id(self, step: FollowUp, state: _RequestState) -> None:
        if step.remote is not None and step.remote != state.remote:
            await state.save_remote_id(step.remote)
            state.remote = step.remote

    async def _run_step(self, call: HttpCall, state: _RequestState) -> Step:
        try:
            response = await self._with_deadline(
                self._http.send(call, state.provider.traits), state, call
            )
            step = call.read(response)
        except _DeadlineExceededError:
            raise
        except ProviderError as error:
            return self._handle_error(call, error, state)
        state.retries = 0
        return step

    def _handle_error(
        self, call: HttpCall, error: ProviderError, state: _RequestState
    ) -> FollowUp:
        # An optional call names its replacement.
        if call.failed is not None:
            return call.failed(error)
        # The error is the result of the request for an image.
        if not (call.waits or call.fetches):
            raise error
        # The remote job runs on despite temporary errors of polls and downloads.
        state.retries += 1
        may_retry = call.waits or state.retries < _MAX_RETRIES
        if isinstance(error, _TEMPORARY) and may_retry:
            return FollowUp(call=call, seconds=error.seconds or _RETRY_SECONDS)
        if isinstance(error, _RESULTS):
            raise error
        raise RemoteJobLostError(str(error), status=error.status) from error

    async def _with_deadline(
        self, sending: Coroutine[Any, Any, T], state: _RequestState, call: HttpCall
    ) -> T:
        left = state.deadline - self._monotonic()
        repeatable = call.waits or call.fetches
        if repeatable and not state.waiting:
            left = max(left, _CALL_SECONDS)
        try:
            async with asyncio.timeout(max(0.0, left)):
                return await self._run_cancellable(sending, state, may=repeatable)
        except TimeoutError:
            raise _DeadlineExceededError(
                f"no image within {state.provider.traits.timeout:g} s"
            ) from None

    async def _wait_before_step(self, seconds: float, state: _RequestState) -> None:
        left = max(0.0, state.deadline - self._monotonic())
        is_saved = state.remote is not None
        pause = self._sleep(min(seconds, left) if is_saved else seconds)
        await self._run_cancellable(pause, state, may=True)

    async def _run_cancellable(
        self, work: Awaitable[T], state: _RequestState, *, may: bool
    ) -> T:
        """Await *work*; abort it on cancellation if it *may* be repeated later."""
        task = asyncio.ensure_future(work)
        if not may or state.remote is None:
            return await task
        ends = [
            asyncio.ensure_future(event.wait())
            for event in (state.cancellation.stopping, state.cancellation.withdrawn)
        ]
        try:
            if not state.cancellation.is_cancelled:
                await asyncio.wait([task, *ends], return_when=asyncio.FIRST_COMPLETED)
            if state.cancellation.withdrawn.is_set():
                raise JobCancelled
            if state.cancellation.stopping.is_set() and not task.done():
                raise ShuttingDown
            return await task
        finally:
            for future in (task, *ends):
                future.cancel()
