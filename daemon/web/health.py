"""/healthz, which tells a monitor whether the daemon can work."""

from __future__ import annotations

from aiohttp import web

from daemon.generation import storage_guard
from daemon.web.session import WebContext, web_context_of
from db import job_lists
from db.errors import DatabaseError


def add_routes(app: web.Application) -> None:
    """Add the route /healthz."""
    app.router.add_get("/healthz", _show_health)


async def _show_health(request: web.Request) -> web.StreamResponse:
    site = web_context_of(request)
    problems = await find_problems(site)
    if not problems:
        return web.Response(text="ok\n")
    # Without access to the page, a visitor gets no paths and messages.
    may_enter = site.may_enter(request)
    lines = [f"{word}: {why}" if may_enter else word for word, why in problems.items()]
    return web.Response(text="\n".join(lines) + "\n", status=503)


async def find_problems(site: WebContext) -> dict[str, str]:
    """Return the problems that prevent work, as keyword and message.

    An outage of Notion is not included, because the daemon waits for its end.
    """
    source = site.source
    problems: dict[str, str] = {}
    if (why := storage_guard.unwritable_reason(source)) is not None:
        problems["store" if why == source.app.store.away else "disk"] = why
    try:
        async with source.app.db.read_transaction() as tx:
            await job_lists.count_open_by_state(tx)
    except DatabaseError as error:
        problems["database"] = str(error)
    if stuck := source.app.watchdog.missed_deadlines():
        problems["stuck"] = f"no progress of {' and '.join(stuck)}"
    return problems
