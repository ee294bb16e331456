"""The list of jobs, and the timeline of one job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aiohttp import web

from daemon.context import SourceContext
from daemon.jobs.writing import describe_author, prompt_of, writing_of
from daemon.notion.model import Role
from daemon.web.session import query_number, web_context_of
from db import attempts, images, jobs, posts, queue
from db.models import Attempt, JobEvent
from db.states import OPEN, JobEventType, JobState

_SHOWN = 50
#: The filters of the list, with the states each one shows.
_KINDS: Mapping[str, tuple[JobState, ...]] = {
    "": (),
    "open": tuple(state for state in JobState if state in OPEN),
    "done": (JobState.DONE,),
    "failed": (JobState.FAILED,),
    "cancelled": (JobState.CANCELLED,),
}
#: Events that follow from a call, and sort after one of the same instant.
_AFTER_A_CALL = {
    *(JobEventType.GENERATED, JobEventType.UPLOADED, JobEventType.RETRIED),
    *(JobEventType.SNOOZED, JobEventType.ABANDONED, JobEventType.CANCELLED),
}


def routes(_app: web.Application) -> list[web.RouteDef]:
    """Return the routes of the job pages."""
    return [
        web.get("/jobs", _list_jobs),
        web.get(r"/jobs/{number:[0-9]{1,18}}", _show_job),
    ]


async def _list_jobs(request: web.Request) -> web.StreamResponse:
    site = web_context_of(request)
    kind = request.query.get("state", "")
    kind = kind if kind in _KINDS else ""
    before = query_number(request, "before")
    async with site.source.app.db.read_transaction() as tx:
        rows = await queue.list_jobs(tx, _KINDS[kind], limit=_SHOWN + 1, before=before)
        shown = rows[:_SHOWN]
        calls = await attempts.of_jobs(tx, [job.id for job in shown])
    return site.render(
        request,
        "jobs.html",
        kind=kind,
        kinds=list(_KINDS),
        first=before is None,
        rows=[
            {"job": job, **_call_totals(site.source, calls.get(job.id, ()))}
            for job in shown
        ],
        older=shown[-1].id if len(rows) > _SHOWN else None,
    )


def _call_totals(source: SourceContext, calls: Sequence[Attempt]) -> dict[str, Any]:
    """Return what calls have cost, and who has generated images, or was asked to."""
    asked = [call for call in calls if call.is_for_image]
    successful = [call for call in asked if call.outcome == "image"]
    providers = list(dict.fromkeys(call.provider for call in successful or asked))
    return {
        "providers": providers,
        "is_card": bool(successful) and all(_is_card(source, n) for n in providers),
        "cost": sum(call.cost for call in calls),
        "included_cost": sum(call.included_cost for call in calls),
    }


def _is_card(source: SourceContext, name: str) -> bool:
    provider = source.providers.get(name)
    return provider is not None and provider.traits.is_card


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """One entry of the timeline: either an event of the job or a provider call."""

    at: datetime
    event: JobEvent | None = None
    call: Attempt | None = None
    is_card: bool = False


async def _show_job(request: web.Request) -> web.StreamResponse:
    site, number = web_context_of(request), int(request.match_info["number"])
    async with site.source.app.db.read_transaction() as tx:
        job = await jobs.get(tx, number)
        if job is None:
            raise web.HTTPNotFound(text="There is no such job.")
        history = await jobs.list_events(tx, number)
        calls = await attempts.of_job(tx, number)
        job_images = await images.of_job(tx, number)
        post = await posts.get(tx, job.source, job.page_id)
    writing = writing_of(job)
    return site.render(
        request,
        "job.html",
        job=job,
        post=post,
        line=_build_timeline(site.source, history, calls),
        made=job_images,
        made_names={image.name: image for image in job_images},
        open=job.is_open,
        retriable=job.state in {JobState.FAILED, JobState.CANCELLED},
        prompt=prompt_of(job),
        author=describe_author(job),
        writing=writing,
        adoptable=bool(writing and writing.text)
        and has_prompt_property(site.sources.source_of(job.source)),
        **_call_totals(site.source, calls),
    )


def has_prompt_property(source: SourceContext) -> bool:
    """Return whether an image prompt can be written to the pages of a source."""
    if source.state.schema is None:
        return False
    found = source.state.schema.roles.get(Role.PROMPT)
    return found is not None and found.type == "rich_text"


def _build_timeline(
    source: SourceContext, history: Sequence[JobEvent], calls: Sequence[Attempt]
) -> list[TimelineEntry]:
    entries = [TimelineEntry(at=event.at, event=event) for event in history]
    entries += [
        TimelineEntry(
            at=call.started_at, call=call, is_card=_is_card(source, call.provider)
        )
        for call in calls
    ]
    return sorted(entries, key=_sort_key)


def _sort_key(entry: TimelineEntry) -> tuple[datetime, int]:
    """Sort by time; a call comes after its cause and before its results."""
    if entry.event is None:
        return entry.at, 1
    return entry.at, 2 if entry.event.event in _AFTER_A_CALL else 0
