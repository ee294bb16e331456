"""`POST /api/poll`: another program has postbrush look at Notion at once.

Notion's webhook action, a button and Home Assistant call it.  They send the password in
each request, so neither a cookie nor a form token protects it.
"""

from __future__ import annotations

import base64
import binascii
from http import HTTPStatus

from aiohttp import web

from daemon.web.session import WebContext, web_context_of

#: Paths of this module.
PREFIX = "/api/"


def routes(_app: web.Application) -> list[web.RouteDef]:
    """Return the routes of the API."""
    return [web.post(f"{PREFIX}poll", _request_poll)]


async def _request_poll(request: web.Request) -> web.Response:
    site = web_context_of(request)
    if not site.authenticator.requires_password:
        raise web.HTTPForbidden(text="Set WEB_PASSWORD to use this address.")
    if not await has_password(site, request):
        raise_password_required("Send WEB_PASSWORD as a bearer token.")
    site.poll_now()
    return web.json_response({"ok": True}, status=HTTPStatus.ACCEPTED)


def raise_password_required(text: str) -> None:
    """Refuse a request that lacks the password."""
    raise web.HTTPUnauthorized(
        text=text,
        headers={"WWW-Authenticate": 'Basic realm="postbrush", charset="UTF-8"'},
    )


async def has_password(site: WebContext, request: web.Request) -> bool:
    """Return whether the header Authorization holds the password, basic or bearer."""
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    match scheme.casefold():
        case "bearer":
            password = given.strip()
        # Any name will do.
        case "basic":
            try:
                password = base64.b64decode(given, validate=True).decode()
            except (binascii.Error, UnicodeDecodeError):
                return False
            password = password.partition(":")[2]
        case _:
            return False
    visitor = site.origin_of(request).visitor
    return await site.authenticator.authenticate(visitor, password) is True
