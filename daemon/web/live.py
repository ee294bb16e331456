"""Tells open pages that something changed; they fetch themselves again.

A stream waits for the flow's news and reads nothing: while nothing happens, an open
page costs a comment every half minute.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from aiohttp import web

from daemon.web.session import web_context_of

#: Pages watched at once; the others are looked at without being live.
MOST = 40
_QUIET_SECONDS = 25.0
_STREAMS = web.AppKey("streams", set[asyncio.Task[None]])


def add_routes(app: web.Application) -> None:
    app[_STREAMS] = set()
    app.router.add_get("/live", _serve_stream)
    app.on_shutdown.append(_cancel_streams)


async def _cancel_streams(app: web.Application) -> None:
    for task in app[_STREAMS]:
        task.cancel()


async def _serve_stream(request: web.Request) -> web.StreamResponse:
    streams = request.app[_STREAMS]
    if len(streams) >= MOST:
        raise web.HTTPServiceUnavailable(text="Too many pages are open.")
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"}
    )
    await response.prepare(request)
    # A task of its own, so that it can be ended without the server's request.
    task = asyncio.create_task(_send_changes(request, response), name="live page")
    streams.add(task)
    try:
        with suppress(asyncio.CancelledError, ConnectionError):
            await task
    finally:
        task.cancel()
        streams.discard(task)
    return response


async def _send_changes(request: web.Request, response: web.StreamResponse) -> None:
    news = web_context_of(request).flow.news
    version = news.version
    # Whatever came between the page and this stream is seen at once.
    await response.write(f"retry: 2000\ndata: {version}\n\n".encode())
    while True:
        try:
            async with asyncio.timeout(_QUIET_SECONDS):
                version = await news.wait_beyond(version)
        except TimeoutError:
            await response.write(b": still here\n\n")
        else:
            await response.write(f"data: {version}\n\n".encode())
