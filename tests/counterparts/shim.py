"""What Replicate puts around cog: a prefix, tokens, addresses, and looking again."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp import web

TOKEN = "r8_" + "c" * 37
_ENDED = {"succeeded", "failed", "canceled"}


@asynccontextmanager
async def shimmed(cog: str) -> AsyncIterator[str]:
    """Serve the hosted API's paths in front of a cog server."""
    known: dict[str, dict[str, Any]] = {}
    ended: dict[str, asyncio.Event] = {}
    own = ""

    def refusal(request: web.Request) -> web.Response | None:
        if request.headers.get("Authorization") == f"Bearer {TOKEN}":
            return None
        words = "You did not pass a valid authentication token"
        return web.json_response(
            {"title": "Unauthenticated", "detail": words}, status=401
        )

    async def create(request: web.Request) -> web.Response:
        if refused := refusal(request):
            return refused
        body = await request.json()
        name = uuid.uuid4().hex
        ended[name] = asyncio.Event()
        sent = {"input": body["input"], "webhook": f"{own}/hook/{name}"}
        headers = {"Prefer": "respond-async"}
        async with (
            aiohttp.ClientSession() as session,
            session.put(f"{cog}/predictions/{name}", json=sent, headers=headers) as got,
        ):
            answer = await got.json()
            if got.status >= 300:
                return web.json_response(answer, status=got.status)
        known.setdefault(name, answer)
        return web.json_response(shown(name), status=201)

    def shown(name: str) -> dict[str, Any]:
        get = f"{own}/v1/predictions/{name}"
        return {
            **known[name],
            "id": name,
            "urls": {"get": get, "cancel": f"{get}/cancel"},
        }

    async def hook(request: web.Request) -> web.Response:
        name = request.match_info["name"]
        known[name] = await request.json()
        if known[name].get("status") in _ENDED:
            ended[name].set()
        return web.Response()

    async def get(request: web.Request) -> web.Response:
        if refused := refusal(request):
            return refused
        name = request.match_info["name"]
        if name not in known:
            return web.json_response({"detail": "Not found."}, status=404)
        # A patient service: it answers when there is something to say.
        await ended[name].wait()
        return web.json_response(shown(name))

    app = web.Application()
    app.router.add_post("/v1/models/{owner}/{model}/predictions", create)
    app.router.add_get("/v1/predictions/{name}", get)
    app.router.add_post("/hook/{name}", hook)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    own = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield own
    finally:
        await runner.cleanup()
