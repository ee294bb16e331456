"""A pretend Notion for each side, and a porch for what n8n's old words ask of it."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
from aiohttp import web
from PIL import Image

from daemon.clock import utc_now
from daemon.pretend.server import FakeServer
from tests.waiting import until

_PATIENCE = 90.0
#: As in credentials.json.
_TOKEN = "ntn_bench"


@dataclass(slots=True)
class World:
    """One side's Notion, seen from the thread that measures.

    Attributes:
        porch: Where n8n's trigger asks, and gets its images.
    """

    town: FakeServer
    porch: str
    loop: asyncio.AbstractEventLoop

    def forget(self) -> None:
        self.town.workspace.requests.clear()

    def requests_per_poll(self) -> float:
        """Return how many requests came for each poll since `forget`."""
        polls = self._polls()
        assert polls, "nobody has polled"
        return len(self.town.workspace.requests) / polls

    def requests_for_a_post(self) -> int:
        """Add a post; return how many requests its image takes, a poll left out."""
        space = self.town.workspace
        asyncio.run_coroutine_threadsafe(self._add(), self.loop).result()
        until(
            lambda: any(one.method == "PATCH" for one in space.requests),
            _PATIENCE,
            "no image came",
        )
        assert all(one.status == 200 for one in space.requests)
        return len(space.requests) - self._polls()

    async def _add(self) -> None:
        self.forget()
        self.town.workspace.add_page(
            self.town.source.id, {"Name": "Bread", "Post": "We bake."}
        )

    def _polls(self) -> int:
        """Count polls: n8n asks for one page first, and for ten when there is one."""
        return sum(
            one.path.endswith("/query") and (one.body or {}).get("page_size") != 10
            for one in self.town.workspace.requests
        )


@asynccontextmanager
async def world() -> AsyncIterator[World]:
    async with FakeServer(now=utc_now) as town, aiohttp.ClientSession() as session:
        town.workspace.requests_per_minute = None
        town.workspace.token = _TOKEN

        async def query(request: web.Request) -> web.Response:
            """Ask as the trigger did before databases had data sources."""
            url = f"{town.url}/v1/data_sources/{town.source.id}/query"
            headers = {
                "Authorization": request.headers["Authorization"].strip(),
                "Notion-Version": "2025-09-03",
            }
            body = await request.json()
            async with session.post(url, json=body, headers=headers) as answer:
                found = await answer.json()
            for page in found.get("results", ()):
                page["parent"] |= {"type": "database_id"}
            return web.json_response(found, status=answer.status)

        async def image(_: web.Request) -> web.Response:
            return web.Response(body=_png(), content_type="image/png")

        app = web.Application()
        app.router.add_post("/v1/databases/{id}/query", query)
        app.router.add_post("/image", image)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            porch = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield World(town, porch, asyncio.get_running_loop())
        finally:
            await runner.cleanup()


def _png() -> bytes:
    out = io.BytesIO()
    Image.effect_noise((1080, 1080), 40).convert("RGB").save(out, "PNG")
    return out.getvalue()
