"""The commands `jobs` and `job`: requests and their results."""

from __future__ import annotations

import asyncio
from typing import Any

from rich.console import Console

from daemon.cli import context, lookup
from daemon.context import SourceContext
from daemon.formatting import format_dollars, format_price
from db import attempts, images
from db import jobs as stored
from db.models import Job


def list_jobs(source: str | None, *, limit: int, json: bool) -> None:
    """List the newest *limit* jobs."""
    asyncio.run(_list_jobs(source, limit, json=json))


async def _list_jobs(source_name: str | None, limit: int, *, json: bool) -> None:
    settings = context.load_settings(source_name)
    async with (
        context.read_session(settings) as sources,
        sources.app.db.read_transaction() as tx,
    ):
        source, several = sources.first, settings.has_named_sources
        newest = await stored.list_latest(tx, limit=limit, source=source_name)
        calls = await attempts.of_jobs(tx, [job.id for job in newest])
        zone = source.app.clock.zone

        def job_row(job: Job) -> list[object]:
            job_calls = calls.get(job.id, ())
            cost = sum(call.cost for call in job_calls)
            providers = ", ".join(dict.fromkeys(call.provider for call in job_calls))
            return [
                job.id,
                *([job.source] if several else []),
                job.state,
                job.reason,
                job.title,
                providers,
                format_dollars(cost) if providers else "",
                context.format_time(job.created_at, zone),
                job.outcome or describe_wait(job, source),
            ]

        def print_table(out: Console) -> None:
            columns = (
                *("JOB", *(["SOURCE"] if several else [])),
                *("STATE", "WHY", "POST", "ASKED", "COST", "WHEN", "OUTCOME"),
            )
            table = context.make_table(columns, map(job_row, newest))
            out.print(table if newest else "no jobs yet")

        context.print_result(
            [context.to_dict(job) for job in newest], json=json, human=print_table
        )


def describe_wait(job: Job, source: SourceContext) -> str:
    """Return what an open job waits for, and until when; "" for an ended job."""
    app = source.app
    if not job.is_open:
        return ""
    if job.owed == "untick" and job.acked_at is None:
        return "waits for Notion to confirm the un-tick"
    if job.due_at > app.now():
        for_whom = f" for {job.waits_for}" if job.waits_for else ""
        return (
            f"waits{for_whom} until {context.format_time(job.due_at, app.clock.zone)}"
        )
    return "is due"


def show_job(number: int, *, json: bool) -> None:
    """Print the history of one job; raise SetupError if there is none."""
    asyncio.run(_show_job(number, json=json))


async def _show_job(number: int, *, json: bool) -> None:
    async with (
        context.read_session(context.load_settings()) as sources,
        sources.app.db.read_transaction() as tx,
    ):
        source = sources.first
        job = await lookup.find_job(tx, number)
        data: dict[str, Any] = context.to_dict(job)
        data["history"] = [
            context.to_dict(event) for event in await stored.list_events(tx, number)
        ]
        data["attempts"] = [
            context.to_dict(attempt) for attempt in await attempts.of_job(tx, number)
        ]
        data["images"] = [
            context.to_dict(image) for image in await images.of_job(tx, number)
        ]
        context.print_result(
            data, json=json, human=lambda out: _print_job(out, source, data)
        )


def _print_job(out: Console, source: SourceContext, data: dict[str, Any]) -> None:
    zone = source.app.clock.zone
    out.print(
        f"job {data['id']} '{data['title']}' is {data['state']} ({data['reason']})",
        markup=False,
    )
    out.print(
        f"page {data['page_id']}; prompt: {data['inputs']['prompt']}", markup=False
    )
    history = [
        [
            context.format_time(event["at"], zone),
            event["event"],
            event["state"],
            event["reason"],
        ]
        for event in data["history"]
    ]
    out.print(context.make_table(("WHEN", "EVENT", "STATE", "WHY"), history))
    calls = [
        [
            context.format_time(call["started_at"], zone),
            call["provider"],
            call["outcome"] or "under way",
            format_price(call["cost"], call["covered"]),
            call["file_name"] if call["outcome"] == "image" else call["error"],
        ]
        for call in data["attempts"]
    ]
    if calls:
        columns = ("CALL", "ASKED", "OUTCOME", "COST", "WHAT")
        out.print(context.make_table(columns, calls))
