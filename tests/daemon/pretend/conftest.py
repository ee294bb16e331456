"""A town, and somebody who calls."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest_asyncio

from daemon.pretend.server import FakeServer
from tests.daemon.house import MovingClock
from tests.daemon.pretend.caller import Caller


@pytest_asyncio.fixture(name="clock")
async def _clock() -> MovingClock:
    return MovingClock()


@pytest_asyncio.fixture(name="caller")
async def _caller(clock: MovingClock) -> AsyncIterator[Caller]:
    async with FakeServer(now=clock.now) as town, aiohttp.ClientSession() as session:
        yield Caller(town, session)
