"""Starts and stops the web server, and checks every request before its handler."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

from aiohttp import web

from daemon.config import Settings
from daemon.config.parsing import parse_listen
from daemon.context import Sources
from daemon.generation.storage_guard import is_storage_error
from daemon.imaging.store import StoreUnavailableError
from daemon.web import actions, api, dashboard, gallery, history, live, login
from daemon.web.forwarding import parse_networks
from daemon.web.security import (
    HEADERS,
    Authenticator,
    RateLimiter,
    Signer,
    is_host_allowed,
    is_same_origin,
    own_host_names,
)
from daemon.web.session import WEB_CONTEXT, WebContext, web_context_of
from db import attempts
from db.errors import DatabaseError

#: Bytes of a form at most; forms have a few short fields.
_LONGEST_FORM = 16 * 1024
_FORM_SECONDS = 10.0
_FORM_KIND = "application/x-www-form-urlencoded"
_STOP_SECONDS = 2.0
_BACKLOG = 128
_PROCESS = secrets.token_bytes(32)
_PACE = web.AppKey("pace", RateLimiter)
_BUTTONS = web.AppKey("buttons", RateLimiter)
_API = web.AppKey("api", RateLimiter)
#: The metrics, once they were read for the first time.
_METRICS = web.AppKey("metrics", list[Any])
#: Paths that need no session; /metrics and the API have their own authentication.
_OPEN = ("/login", "/static/", "/healthz", "/metrics", api.PREFIX)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def run_web_server(
    sources: Sources,
    settings: Settings,
    *,
    board: int | None = None,
    poll_now: Callable[[], None] = lambda: None,
) -> AsyncIterator[WebContext | None]:
    """Listen on the address of `[web]`; yield None if it is off or unavailable.

    Args:
        board: Port of the demo's board, for a link.
        poll_now: Looks at Notion at once.
    """
    address, source = parse_listen(settings.options.web.listen), sources.first
    if address is None:
        yield None
        return
    secret = settings.secrets.web_password
    password = secret.get_secret_value() if secret else ""
    async with source.app.db.read_transaction() as tx:
        position = await attempts.current_feed_position(tx)
    site = WebContext(
        sources=sources,
        authenticator=Authenticator(password, source.app.clock.monotonic),
        names=own_host_names() | frozenset(settings.options.web.hosts),
        signer=Signer(_signing_key(password)),
        feed_position=position,
        board=board,
        trusted_proxies=parse_networks(settings.options.web.trusted_proxies),
        base=settings.options.web.base_path,
        poll_now=poll_now,
    )
    runner = web.AppRunner(
        create_application(site), access_log=None, shutdown_timeout=_STOP_SECONDS
    )
    await runner.setup()
    try:
        is_listening = await _start_listening(runner, site, *address)
        yield site if is_listening else None
    finally:
        await runner.cleanup()


def _signing_key(password: str) -> bytes:
    """Return the signing key, which a reload with the same password keeps."""
    return hmac.new(_PROCESS, password.encode(), hashlib.sha256).digest()


async def _start_listening(
    runner: web.AppRunner, site: WebContext, address: str, port: int
) -> bool:
    log = site.source.app.log
    shown = f"[{address}]" if ":" in address else address
    try:
        if address == "::":
            # asyncio listens on IPv6 only, and whoever writes [::] means both.
            listener = socket.create_server(
                (address, port),
                family=socket.AF_INET6,
                dualstack_ipv6=socket.has_dualstack_ipv6(),
                backlog=_BACKLOG,
            )
            await web.SockSite(runner, listener).start()
        else:
            await web.TCPSite(runner, address, port).start()
    except OSError as error:
        # The daemon keeps generating images without its page.
        log.warning(
            "web.failed",
            summary=f"the web page is off: cannot listen on {shown}:{port} "
            f"({error.strerror}). Set web.listen to another port, or to off",
        )
        return False
    site.port = int(runner.addresses[0][1])
    log.info("web.ready", summary=f"http://{shown}:{site.port}/")
    return True


def create_application(site: WebContext) -> web.Application:
    """Return the application with all routes and middlewares."""
    app = web.Application(
        middlewares=[_handle_errors, _check_request, _check_form],
        client_max_size=_LONGEST_FORM,
    )
    app[WEB_CONTEXT] = site
    monotonic = site.source.app.clock.monotonic
    # One page of the gallery takes about 60 requests.
    app[_PACE] = RateLimiter(rate=60, burst=600, monotonic=monotonic)
    app[_BUTTONS] = RateLimiter(rate=1, burst=40, monotonic=monotonic)
    # Notion sends a request for each edited page, and pauses an automation that fails.
    app[_API] = RateLimiter(rate=1, burst=20, monotonic=monotonic)
    app.on_response_prepare.append(_add_headers)
    app[_METRICS] = []
    routes = [web.get("/metrics", _serve_metrics)]
    for module in (dashboard, gallery, history, actions, api, login, live):
        routes += module.routes(app)
    app.add_routes(routes)
    # A proxy may remove the base path, or pass it on.
    if site.base:
        app.router.add_get(site.base, dashboard.show_dashboard)
        for route in routes:
            app.router.add_route(route.method, site.base + route.path, route.handler)
    return app


async def _serve_metrics(request: web.Request) -> web.StreamResponse:
    from daemon.web import metrics  # noqa: PLC0415 - 1.5 MB until the first scrape

    cached = request.app[_METRICS]
    if not cached:
        cached.append(metrics.Metrics(web_context_of(request)))
    return await metrics.answer_scrape(request, cached[0])


async def _add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", "no-store")
    # The default value would name the library and its version.
    response.headers["Server"] = "postbrush"


@web.middleware
async def _handle_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer every error with a page of ours, without a traceback."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < HTTPStatus.BAD_REQUEST:
            raise
        return _error_response(request, error.status, error.text or error.reason, error)
    except (DatabaseError, StoreUnavailableError) as error:
        return _error_response(request, 503, str(error))
    except OSError as error:
        if not is_storage_error(error):
            raise
        return _error_response(
            request, 503, f"The disk cannot be written: {error.strerror}"
        )
    except (asyncio.CancelledError, ConnectionError):
        raise
    except Exception:  # noqa: BLE001 - logged, without a traceback on the page
        web_context_of(request).source.app.log.exception(
            "web.broke", summary=request.path
        )
        return _error_response(
            request, 500, "postbrush ran into an error. The log has the details."
        )


def _error_response(
    request: web.Request,
    status: int,
    message: str,
    error: web.HTTPException | None = None,
) -> web.StreamResponse:
    site = web_context_of(request)
    message = message.removeprefix(f"{status}: ")
    wants_page = "text/html" in request.headers.get("Accept", "")
    if wants_page and _is_host_allowed(request):
        title = HTTPStatus(status).phrase
        data = {"title": title, "why": "" if message == title else message}
        response = site.render(request, "sorry.html", status=status, **data)
    else:
        response = web.Response(text=f"{message}\n", status=status)
    for name in ("Allow", "Retry-After", "WWW-Authenticate"):
        if error is not None and name in error.headers:
            response.headers[name] = error.headers[name]
    return response


@web.middleware
async def _check_request(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse wrong host names, foreign origins, too many requests, and no session."""
    site = web_context_of(request)
    if not _is_host_allowed(request):
        raise web.HTTPMisdirectedRequest(
            text="This host name is not allowed. Add it to web.hosts."
        )
    visitor, path = site.origin_of(request).visitor, site.local_path(request.path)
    is_form, is_api = request.method not in {"GET", "HEAD"}, path.startswith(api.PREFIX)
    limiter = _API if is_api else _BUTTONS if is_form else _PACE
    seconds = request.app[limiter].count_request(visitor)
    if seconds > 0:
        _raise_rate_limited(seconds)
    is_same = is_same_origin(request.headers, site.origin_of(request).hosts[0])
    if is_form and not is_api and not is_same:
        raise web.HTTPForbidden(
            text="The form came from another site. If postbrush is behind a reverse "
            "proxy, the proxy must pass on the Host header (docs/operations.md)."
        )
    if not site.may_enter(request) and not path.startswith(_OPEN):
        if is_form or path == "/live":
            raise web.HTTPUnauthorized(text="Log in first.")
        return site.redirect_to(request, login.login_path(request))
    return await handler(request)


def _is_host_allowed(request: web.Request) -> bool:
    """Return whether all hosts are ours; a proxy may pass on a visitor's header."""
    site = web_context_of(request)
    hosts = site.origin_of(request).hosts
    return all(is_host_allowed(host, site.names) for host in hosts)


def _raise_rate_limited(seconds: float) -> None:
    raise web.HTTPTooManyRequests(
        text="Too many requests. Try again in a few seconds.",
        headers={"Retry-After": str(int(seconds) + 1)},
    )


@web.middleware
async def _check_form(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Read a form and check its size and token before the handler runs."""
    path = web_context_of(request).local_path(request.path)
    if request.method in {"GET", "HEAD"} or path.startswith(api.PREFIX):
        return await handler(request)
    if request.content_type != _FORM_KIND:
        raise web.HTTPUnsupportedMediaType(text="Only form data is accepted.")
    if (request.content_length or 0) > _LONGEST_FORM:
        raise web.HTTPRequestEntityTooLarge(_LONGEST_FORM, request.content_length or 0)
    try:
        async with asyncio.timeout(_FORM_SECONDS):
            form = await request.post()
    except TimeoutError:
        raise web.HTTPRequestTimeout(
            text="The form data did not arrive in time."
        ) from None
    except ValueError:
        raise web.HTTPBadRequest(text="This is not valid form data.") from None
    token = form.get("token", "")
    if not isinstance(token, str) or not web_context_of(request).is_form_token(
        request, token
    ):
        raise web.HTTPForbidden(
            text="This form has expired. Go back, reload the page and try again."
        )
    return await handler(request)
