"""A pretend service that takes notifications, and pings, over real HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

_PATIENCE = 90.0
#: Stands in the path of every address, and nowhere in what postbrush says.
KEY = "k3yOfTheHouse-0123"


@dataclass(slots=True)
class Post:
    """What arrived, and what is answered.

    Attributes:
        hold: While it is not set, nothing is answered.
    """

    port: int = 0
    status: int = 200
    location: str = ""
    asked: int = 0
    got: list[dict[str, Any]] = field(default_factory=list)
    pings: list[str] = field(default_factory=list)
    hold: asyncio.Event = field(default_factory=asyncio.Event)
    more: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def url(self) -> str:
        return f"json://tester:{KEY}@127.0.0.1:{self.port}/{KEY}"

    @property
    def ping(self) -> str:
        return f"http://127.0.0.1:{self.port}/ping/{KEY}"

    async def arrived(self, count: int) -> list[str]:
        """Wait until so many messages were brought; return their titles."""
        async with asyncio.timeout(_PATIENCE), self.more:
            await self.more.wait_for(lambda: len(self.got) >= count)
        return [message["title"] for message in self.got]

    async def reached(self) -> None:
        """Wait until somebody asks, who may be kept waiting."""
        async with asyncio.timeout(_PATIENCE), self.more:
            await self.more.wait_for(lambda: self.asked > 0)

    async def _take(self, request: web.Request) -> web.Response:
        self.asked += 1
        async with self.more:
            self.more.notify_all()
        await self.hold.wait()
        if request.method == "POST":
            self.got.append(await request.json())
        else:
            self.pings.append(request.path)
        async with self.more:
            self.more.notify_all()
        headers = {"Location": self.location} if self.location else {}
        return web.Response(status=self.status, headers=headers)


@asynccontextmanager
async def post() -> AsyncIterator[Post]:
    """Open one, on any free port of this machine."""
    made = Post()
    made.hold.set()
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", made._take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.port = runner.addresses[0][1]
    try:
        yield made
    finally:
        made.hold.set()
        await runner.cleanup()
