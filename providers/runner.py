"""Runs a request for an image: sends, polls, downloads, until its deadline."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

import aiohttp

from providers import charges, outcomes
from providers.base import (
    FollowUp,
    GeneratedImage,
    HttpCall,
    ImageRequest,
    ProviderTraits,
    Response,
    Step,
)
from providers.cancellation import CancellationToken, JobCancelled, ShuttingDown
from providers.http import HttpClient
from providers.late_responses import LateResponses
from providers.outcomes import ProviderError, RemoteJobLostError, TimedOutError
from providers.provider import Provider

_MAX_STEPS = 2000
_MAX_RETRIES = 5
_RETRY_SECONDS = 2.0
_CALL_SECONDS = 15.0
_CANCEL_SECONDS = 5.0

SaveRemoteId = Callable[[str], Awaitable[None]]
T = TypeVar("T")


class _DeadlineExceededError(TimedOutError):
    """Our deadline has passed, as opposed to a timeout that the service reports."""


@dataclass(slots=True, kw_only=True)
class _RequestState:
    """The state of one running request.

    Attributes:
        deadline: Seconds on the monotonic clock.
        remote_id: The job id or URL that was committed.
        is_waiting: The image was not ready, so the deadline applies.  A ready image
            is downloaded after it, and a resumed job is polled once.
        retries: Consecutive errors of polls and downloads.
        price: US dollars, if the last request for an image names its price.
        model: The model of the last request for an image, if it names one.
    """

    provider: Provider
    deadline: float
    cancellation: CancellationToken
    save_remote_id: SaveRemoteId | None = None
    remote_id: str | None = None
    is_waiting: bool = False
    retries: int = 0
    price: float | None = None
    model: str = ""


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
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        monotonic: Callable[[], float] = time.monotonic,
        resolver: aiohttp.abc.AbstractResolver | None = None,
    ) -> None:
        self._sleep = sleep
        self.monotonic = monotonic
        self._http = HttpClient(resolver, monotonic)
        self._late = LateResponses()

    async def close(self) -> None:
        """Close all connections."""
        await self._late.close()
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
        await self._wait_for_server(provider.traits, cancellation)
        state = _RequestState(
            provider=provider,
            deadline=self.monotonic() + provider.traits.timeout,
            save_remote_id=save_remote_id,
            cancellation=cancellation,
        )
        try:
            image = await self._run_steps(first, state)
        except ProviderError as error:
            error.price = state.price
            raise
        return replace(image, price=state.price)

    async def resume(
        self,
        provider: Provider,
        remote_id: str,
        *,
        seconds_left: float,
        cancellation: CancellationToken,
    ) -> GeneratedImage:
        """Return the image of a remote job; poll once before the deadline applies.

        Args:
            seconds_left: Seconds until the deadline; negative if it has passed.

        Raises:
            ProviderError: The job failed, was lost, or takes too long.
            ShuttingDown: The daemon stops.
            JobCancelled: The image is no longer wanted; the remote job is cancelled.
        """
        if (call := provider.resume(remote_id)) is None:
            raise RemoteJobLostError("the result cannot be requested again")
        state = _RequestState(
            provider=provider,
            deadline=self.monotonic() + seconds_left,
            cancellation=cancellation,
            remote_id=remote_id,
        )
        return await self._run_steps(call, state)

    async def cancel(self, provider: Provider, remote_id: str) -> None:
        """Try to cancel a remote job within 5 seconds; errors are ignored."""
        if (call := provider.cancel(remote_id)) is not None:
            with contextlib.suppress(ProviderError, TimeoutError):
                async with asyncio.timeout(_CANCEL_SECONDS):
                    await self._http.send(call, provider.traits)

    async def send_once(
        self, call: HttpCall, traits: ProviderTraits, seconds: float = _CALL_SECONDS
    ) -> Response:
        """Return the response to one call, within *seconds*.

        Raises:
            ProviderError: There was no response.
        """
        try:
            async with asyncio.timeout(seconds):
                return await self._http.send(call, traits)
        except TimeoutError:
            raise TimedOutError("no response in time") from None

    async def _run_steps(self, call: HttpCall, state: _RequestState) -> GeneratedImage:
        try:
            for _ in range(_MAX_STEPS):
                step = await self._run_step(call, state)
                if isinstance(step, GeneratedImage):
                    model = step.model or state.model or state.provider.model
                    return replace(step, model=model or None)
                await self._persist_remote_id(step, state)
                state.is_waiting = step.seconds > 0 or step.call.is_stream
                await self._wait_before_step(step.seconds, state)
                call = step.call
        except (_DeadlineExceededError, JobCancelled):
            await self._cancel_remote(state)
            raise
        await self._cancel_remote(state)
        raise RemoteJobLostError("did not finish in time")

    async def _wait_for_server(
        self, traits: ProviderTraits, cancellation: CancellationToken
    ) -> None:
        """Wait while a server of the owner works on a request that timed out."""
        if not traits.is_own_server:
            return
        stopping, withdrawn = cancellation.stopping, cancellation.withdrawn
        await self._late.wait(traits.server, traits.timeout, stopping, withdrawn)
        if withdrawn.is_set():
            raise JobCancelled
        if stopping.is_set():
            raise ShuttingDown

    async def _cancel_remote(self, state: _RequestState) -> None:
        if state.remote_id is not None:
            await self.cancel(state.provider, state.remote_id)

    async def _persist_remote_id(self, step: FollowUp, state: _RequestState) -> None:
        if step.remote_id is None or step.remote_id == state.remote_id:
            return
        if state.save_remote_id is not None:
            await state.save_remote_id(step.remote_id)
        state.remote_id = step.remote_id

    async def _run_step(self, call: HttpCall, state: _RequestState) -> Step:
        if call.is_image_request:
            state.price, state.model = call.price, call.model
        try:
            response = await self._send_in_time(call, state)
            step = charges.read_response(call, response)
        except ProviderError as error:
            return self._handle_error(call, error, state)
        state.retries = 0
        return step

    def _handle_error(
        self, call: HttpCall, error: ProviderError, state: _RequestState
    ) -> FollowUp:
        is_late = isinstance(error, _DeadlineExceededError)
        # An optional call names its replacement.
        if call.on_error is not None and not is_late:
            return call.on_error(error)
        # The error is the result of the request for an image.
        if is_late or not (call.is_poll or call.is_download):
            raise error
        # The remote job runs on despite temporary errors of polls and downloads.
        state.retries += 1
        may_retry = call.is_poll or state.retries < _MAX_RETRIES
        if may_retry and isinstance(error, outcomes.TEMPORARY_ERRORS):
            return FollowUp(call=call, seconds=error.seconds or _RETRY_SECONDS)
        if isinstance(error, outcomes.JOB_RESULTS):
            raise error
        raise RemoteJobLostError(str(error), status=error.status) from error

    async def _send_in_time(self, call: HttpCall, state: _RequestState) -> Response:
        left, traits = state.deadline - self.monotonic(), state.provider.traits
        sending = self._http.send(call, traits)
        is_repeatable = call.is_poll or call.is_download
        if is_repeatable and not state.is_waiting:
            left = max(left, _CALL_SECONDS)
        try:
            if call.is_image_request and traits.is_own_server:
                return await self._late.send(sending, traits.server, left)
            async with asyncio.timeout(max(0.0, left)):
                if is_repeatable:
                    return await self._run_cancellable(sending, state, call)
                return await sending
        except TimeoutError:
            text = f"no image within {traits.timeout:g} s"
            raise _DeadlineExceededError(text) from None

    async def _wait_before_step(self, seconds: float, state: _RequestState) -> None:
        if state.remote_id is not None:
            seconds = min(seconds, max(0.0, state.deadline - self.monotonic()))
        await self._run_cancellable(self._sleep(seconds), state)

    async def _run_cancellable(
        self, work: Awaitable[T], state: _RequestState, call: HttpCall | None = None
    ) -> T:
        """Await *work*; abort it on cancellation if a saved id leads to the image."""
        if state.remote_id is None:
            return await work
        task = asyncio.ensure_future(work)
        stopping, withdrawn = state.cancellation.stopping, state.cancellation.withdrawn
        # A stream that has begun is finished although the daemon stops.
        events = (withdrawn,) if call and call.is_stream else (stopping, withdrawn)
        ends = [asyncio.ensure_future(event.wait()) for event in events]
        try:
            if not stopping.is_set() and not withdrawn.is_set():
                await asyncio.wait([task, *ends], return_when=asyncio.FIRST_COMPLETED)
            if withdrawn.is_set():
                raise JobCancelled
            if stopping.is_set() and not task.done():
                raise ShuttingDown
            return await task
        finally:
            for future in (task, *ends):
                future.cancel()
