"""/metrics: access with a session of the page, or with basic authentication."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from aiohttp import web

from daemon.web.session import WebContext, web_context_of

if TYPE_CHECKING:
    from daemon.web.metrics import Metrics

_KIND = "text/plain; version=0.0.4; charset=utf-8"
_METRICS = web.AppKey("metrics", list["Metrics"])


def add_routes(app: web.Application) -> None:
    """Add the route /metrics."""
    app[_METRICS] = []
    app.router.add_get("/metrics", _serve_metrics)


async def _serve_metrics(request: web.Request) -> web.StreamResponse:
    site = web_context_of(request)
    if not site.may_enter(request) and not await _has_basic_password(site, request):
        raise web.HTTPUnauthorized(
            text="Say the password: any name, and WEB_PASSWORD.",
            headers={"WWW-Authenticate": 'Basic realm="postbrush", charset="UTF-8"'},
        )
    metrics = request.app[_METRICS]
    if not metrics:
        from daemon.web.metrics import Metrics  # noqa: PLC0415 - loaded at the first request

        metrics.append(Metrics(site))
    text = await metrics[0].render_text()
    return web.Response(body=text, headers={"Content-Type": _KIND})


async def _has_basic_password(site: WebContext, request: web.Request) -> bool:
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    if scheme.casefold() != "basic":
        return False
    try:
        credentials = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return False
    return (
        await site.door.authenticate(
            request.remote or "", credentials.partition(":")[2]
        )
        is True
    )
