"""Jobs: the list, and one job's history as a line of time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aiohttp import web

from daemon.context import SourceContext
from daemon.web.session import web_context_of
from db import attempts, images, job_lists, jobs, posts
from db.models import Attempt, JobEvent
from db.states import OPEN, JobEventType, JobState

_SHOWN = 50
#: What the list can be narrowed to.
_KINDS: Mapping[str, tuple[JobState, ...]] = {
    "": (),
    "open": tuple(state for state in JobState if state in OPEN),
    "done": (JobState.DONE,),
    "failed": (JobState.FAILED,),
    "cancelled": (JobState.CANCELLED,),
}
_AFTER_A_CALL = frozenset(
    {
        *(
            JobEventType.GENERATED,
            JobEventType.UPLOADED,
            JobEventType.RETRIED,
            JobEventType.SNOOZED,
        ),
        *(JobEventType.ABANDONED, JobEventType.CANCELLED),
    }
)


def add_routes(app: web.Application) -> None:
    app.router.add_get("/jobs", _list_jobs)
    app.router.add_get(r"/jobs/{number:[0-9]{1,18}}", _show_job)


async def _list_jobs(request: web.Request) -> web.StreamResponse:
    site = web_context_of(request)
    kind = request.query.get("state", "")
    kind = kind if kind in _KINDS else ""
    edge = request.query.get("before", "")
    before = int(edge) if edge.isdecimal() and len(edge) < 19 else None  # noqa: PLR2004 - what the database can hold
    async with site.flow.db.read_transaction() as tx:
        found = await job_lists.list_jobs(
            tx, _KINDS[kind], limit=_SHOWN + 1, before=before
        )
        shown = found[:_SHOWN]
        calls = await attempts.of_jobs(tx, [job.id for job in shown])
    return site.render(
        request,
        "jobs.html",
        kind=kind,
        kinds=list(_KINDS),
        first=before is None,
        rows=[{"job": job, **_call_totals(calls.get(job.id, ()))} for job in shown],
        older=shown[-1].id if len(found) > _SHOWN else None,
    )


def _call_totals(calls: Sequence[Attempt]) -> dict[str, Any]:
    return {
        "asked": list(dict.fromkeys(one.provider for one in calls)),
        "cost": sum(one.cost for one in calls),
        "covered": sum(one.covered for one in calls),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """One point on the line of time: what happened to the job, or a call for it."""

    at: datetime
    event: JobEvent | None = None
    call: Attempt | None = None
    label: str = ""


async def _show_job(request: web.Request) -> web.StreamResponse:
    site, number = web_context_of(request), int(request.match_info["number"])
    async with site.flow.db.read_transaction() as tx:
        job = await jobs.get(tx, number)
        if job is None:
            raise web.HTTPNotFound(text="There is no such job.")
        history = await jobs.list_events(tx, number)
        calls = await attempts.of_job(tx, number)
        made = await images.of_job(tx, number)
        post = await posts.get(tx, job.source, job.page_id)
    return site.render(
        request,
        "job.html",
        job=job,
        post=post,
        line=_build_timeline(site.flow, history, calls),
        made=made,
        made_names={one.name: one for one in made},
        open=job.is_open,
        retriable=job.state in {JobState.FAILED, JobState.CANCELLED},
        **_call_totals(calls),
    )


def _build_timeline(
    flow: SourceContext, history: Sequence[JobEvent], calls: Sequence[Attempt]
) -> list[TimelineEntry]:
    def label(name: str) -> str:
        known = flow.providers.get(name)
        return known.traits.label if known else name

    marks = [TimelineEntry(at=one.at, event=one) for one in history]
    marks += [
        TimelineEntry(at=one.started_at, call=one, label=label(one.provider))
        for one in calls
    ]
    return sorted(marks, key=_sort_key)


def _sort_key(mark: TimelineEntry) -> tuple[datetime, int]:
    """Of the same instant, a call lies between what led to it and what came of it."""
    if mark.event is None:
        return mark.at, 1
    return mark.at, 2 if mark.event.event in _AFTER_A_CALL else 0
