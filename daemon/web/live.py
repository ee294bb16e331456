"""Server-sent events that make open pages reload after a change.

A stream waits for the change event and does not query.  Without changes, an open
page costs one comment every 25 s.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from aiohttp import web

from daemon.web.session import web_context_of

#: Streams at once; further pages work without live updates.
MOST = 40
#: Seconds without a change after which a comment is sent.
_QUIET_SECONDS = 25.0
_STREAMS = web.AppKey("streams", set[asyncio.Task[None]])


def routes(app: web.Application) -> list[web.RouteDef]:
    """Return the route /live, whose streams end at shutdown."""
    app[_STREAMS] = set()
    app.on_shutdown.append(_cancel_streams)
    return [web.get("/live", _serve_stream)]


async def _cancel_streams(app: web.Application) -> None:
    for task in app[_STREAMS]:
        task.cancel()


async def _serve_stream(request: web.Request) -> web.StreamResponse:
    streams = request.app[_STREAMS]
    if len(streams) >= MOST:
        raise web.HTTPServiceUnavailable(
            text="Too many pages are open. This page will not update live."
        )
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"}
    )
    await response.prepare(request)
    # A separate task can be cancelled at shutdown without the request.
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
    news = web_context_of(request).source.app.signals.change_event
    version = news.version
    # The version shows the page whether it missed a change before this stream.
    await response.write(f"retry: 2000\ndata: {version}\n\n".encode())
    while True:
        try:
            async with asyncio.timeout(_QUIET_SECONDS):
                version = await news.wait_beyond(version)
        except TimeoutError:
            await response.write(b": still here\n\n")
        else:
            await response.write(f"data: {version}\n\n".encode())
