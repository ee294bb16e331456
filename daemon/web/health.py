"""/healthz: whether the daemon can do its work, for a monitor."""

from __future__ import annotations

from aiohttp import web

from daemon.generation import storage_guard
from daemon.web.session import WebContext, web_context_of
from db import job_lists
from db.errors import DatabaseError


def add_routes(app: web.Application) -> None:
    app.router.add_get("/healthz", _show_health)


async def _show_health(request: web.Request) -> web.StreamResponse:
    site = web_context_of(request)
    found = await find_problems(site)
    if not found:
        return web.Response(text="ok\n")
    # Paths and messages are for those who may see the page; a word for all others.
    inside = site.may_enter(request)
    lines = [f"{word}: {why}" if inside else word for word, why in found.items()]
    return web.Response(text="\n".join(lines) + "\n", status=503)


async def find_problems(site: WebContext) -> dict[str, str]:
    """Return what keeps the daemon from working, by a word for each; empty: nothing.

    Notion being away is none of it: the daemon waits, and nothing here mends that.
    """
    flow = site.flow
    found: dict[str, str] = {}
    if (why := storage_guard.unwritable_reason(flow)) is not None:
        found["store" if why == flow.store.away else "disk"] = why
    try:
        async with flow.db.read_transaction() as tx:
            await job_lists.count_open_by_state(tx)
    except DatabaseError as error:
        found["database"] = str(error)
    if stuck := flow.pulse.missed_deadlines():
        found["stuck"] = f"no progress of {' and '.join(stuck)}"
    return found
