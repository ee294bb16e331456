"""An order from its first request to the image: polls, deadline, restarts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

import aiohttp

from providers.base import Call, Image, Order, Provider, Reply, Step, Traits
from providers.http import Http
from providers.outcomes import (
    ProviderError,
    RemoteFailedError,
    TimedOutError,
    UnavailableError,
)

_MOST_BYTES = 34 * 2**20  # 25 MB of image as base64, and slack
_MOST_REDIRECTS = 3
_MOST_STEPS = 2000
_CONNECT_SECONDS = 15.0
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_CANCEL_SECONDS = 5.0

Remember = Callable[[str], Awaitable[None]]
Sleep = Callable[[float], Awaitable[None]]


class Interrupted(Exception):  # noqa: N818 - not an error: it goes on after a restart
    """We are stopping, and the job goes on at the service: ask again later."""


class Studio:
    """Carries out orders, as many requests as each takes.

    Args:
        sleep: How to wait between two requests of one order.
        resolver: For tests; replaces the name server of file hosts.
    """

    def __init__(
        self,
        *,
        sleep: Sleep = asyncio.sleep,
        resolver: aiohttp.abc.AbstractResolver | None = None,
    ) -> None:
        self._sleep = sleep
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
        timeout: float,  # noqa: ASYNC109 - the deadline of the whole order
        remember: Remember,
        stopping: asyncio.Event,
    ) -> Image:
        """Carry out an order.

        Args:
            timeout: Seconds from the first request to the last byte.
            remember: Awaited with a job id or address before the next request.
            stopping: Once set, waiting ends; a call without an id is let finish.

        Raises:
            ProviderError: How it ended, if not with an image.
            Interrupted: Stopping, and the id was remembered.
        """
        # The card draws here, and that takes a while.
        first = await asyncio.to_thread(provider.start, order, now)
        if isinstance(first, Image):
            return first
        return await self._follow(
            provider, first, timeout=timeout, remember=remember, stopping=stopping
        )

    async def resume(
        self,
        provider: Provider,
        remote: str,
        *,
        now: datetime,
        timeout: float,  # noqa: ASYNC109 - the deadline of the whole order
        stopping: asyncio.Event,
    ) -> Image:
        """Ask for the result of an earlier order; once before any deadline applies.

        Raises:
            ProviderError: It failed, was lost, or takes too long.
            Interrupted: Stopping.
        """
        del now
        call = provider.resume(remote)
        if call is None:
            raise RemoteFailedError("cannot be asked for its result again")

        async def known(_: str) -> None:
            return

        return await self._follow(
            provider,
            call,
            timeout=timeout,
            remember=known,
            stopping=stopping,
            remote=remote,
        )

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
        """Send one request outside of any order (`check`).  Raises ProviderError."""
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                return await self._http.send(call, traits)
        except TimeoutError:
            raise TimedOutError("no answer in time") from None

    async def _follow(
        self,
        provider: Provider,
        call: Call,
        *,
        timeout: float,  # noqa: ASYNC109 - the deadline of the whole order
        remember: Remember,
        stopping: asyncio.Event,
        remote: str | None = None,
    ) -> Image:
        place = [remote]
        try:
            async with asyncio.timeout(timeout):
                return await self._steps(
                    provider, call, remember=remember, stopping=stopping, place=place
                )
        except TimeoutError:
            if place[0] is not None:
                await self.cancel(provider, place[0])
            raise TimedOutError(f"no image within {timeout:g} s") from None

    async def _steps(
        self,
        provider: Provider,
        call: Call,
        *,
        remember: Remember,
        stopping: asyncio.Event,
        place: list[str | None],
    ) -> Image:
        for _ in range(_MOST_STEPS):
            step = await self._one(provider.traits, call)
            if isinstance(step, Image):
                return step
            if step.remote is not None and step.remote != place[0]:
                await remember(step.remote)
                place[0] = step.remote
            await self._pause(step.seconds, stopping, known=place[0] is not None)
            call = step.call
        raise UnavailableError("never came to an end")

    async def _one(self, traits: Traits, call: Call) -> Step:
        try:
            reply = await self._http.send(call, traits)
            # What no service means seriously; a 503 may be a loading model.
            if reply.status in {502, 504, 520, 521, 522, 523, 524, 530}:
                raise _broken(reply)
            return call.read(reply)
        except ProviderError as error:
            if call.failed is None:
                raise
            return call.failed(error)

    async def _pause(
        self, seconds: float, stopping: asyncio.Event, *, known: bool
    ) -> None:
        if stopping.is_set() and known:
            raise Interrupted
        if seconds <= 0:
            return
        sleeping = asyncio.ensure_future(self._sleep(seconds))
        ending = asyncio.ensure_future(stopping.wait())
        watched = {sleeping, ending} if known else {sleeping}
        try:
            await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
            if known and stopping.is_set():
                raise Interrupted
        finally:
            sleeping.cancel()
            ending.cancel()


def _broken(reply: Reply) -> UnavailableError:
    return UnavailableError(f"HTTP {reply.status}", status=reply.status)
