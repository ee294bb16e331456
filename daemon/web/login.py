"""Login, logout and the static files."""

from __future__ import annotations

from urllib.parse import quote

from aiohttp import web

from daemon.web.session import web_context_of

_FOR_EVER = "public, max-age=31536000, immutable"


def routes(_app: web.Application) -> list[web.RouteDef]:
    """Return the routes of login, logout and static files."""
    return [
        web.get("/login", _show_login),
        web.post("/login", _log_in),
        web.post("/logout", _log_out),
        web.get("/static/{name}", _serve_static_file),
    ]


def login_path(request: web.Request) -> str:
    """Return the URL of the login page that leads back to this request."""
    path = web_context_of(request).local_path(request.path_qs)
    return f"/login?to={quote(path, safe='')}"


def safe_redirect_path(to: object) -> str:
    r"""Return *to* if it is a path of this site, else "/".

    Browsers treat //name and /\name as another site.
    """
    is_path = isinstance(to, str) and to.startswith("/") and to.isprintable()
    return to if isinstance(to, str) and is_path and to[1:2] not in {"/", "\\"} else "/"


async def _show_login(request: web.Request) -> web.StreamResponse:
    site, to = web_context_of(request), safe_redirect_path(request.query.get("to"))
    if site.may_enter(request):
        return site.redirect_to(request, to)
    return site.render(request, "login.html", to=to, why="")


async def _log_in(request: web.Request) -> web.StreamResponse:
    site, form = web_context_of(request), await request.post()
    to = safe_redirect_path(form.get("to"))
    visitor = site.origin_of(request).visitor
    guess = str(form.get("password", ""))
    result = await site.authenticator.authenticate(visitor, guess)
    if result is True:
        response = site.redirect_to(request, to)
        site.set_session_cookie(request, response, site.new_session(inside=True))
        return response
    if result is False:
        site.source.log.warning("web.refused", summary=f"wrong password from {visitor}")
        return site.render(
            request, "login.html", status=401, to=to, why="Wrong password."
        )
    response = site.render(
        request,
        "login.html",
        status=429,
        to=to,
        why=f"Too many wrong passwords. Try again in {result:.0f} seconds.",
    )
    response.headers["Retry-After"] = str(int(result) + 1)
    return response


async def _log_out(request: web.Request) -> web.StreamResponse:
    site = web_context_of(request)
    response = site.redirect_to(request, "/login")
    site.set_session_cookie(request, response, site.new_session(inside=False))
    return response


async def _serve_static_file(request: web.Request) -> web.StreamResponse:
    asset = web_context_of(request).assets.get(request.match_info["name"])
    if asset is None:
        raise web.HTTPNotFound
    current = request.query.get("v") == asset.mark
    return web.Response(
        body=asset.body,
        content_type=asset.kind,
        charset="utf-8",
        headers={"Cache-Control": _FOR_EVER if current else "no-cache"},
    )
