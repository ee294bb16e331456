"""The commands `jobs`, `job` and `costs`: requests, their results and their price."""

from __future__ import annotations

import asyncio
import csv as csv_module
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from daemon.cli import context, output
from daemon.cli.command_group import JobArgument, Json, Source
from daemon.cli.why import describe_wait
from daemon.config import Settings
from daemon.context import SourceContext
from daemon.formatting import format_cents, format_dollars, format_price, format_service
from daemon.generation import provider_selection
from daemon.jobs.allowance import describe_allowance
from daemon.jobs.budget import months_between
from daemon.jobs.writing import describe_author, prompt_of
from daemon.status_line import load_blocked_reasons
from db import attempts, images, posts, queue, spending
from db import jobs as stored
from db.models import Attempt, ImageRecord, Job, JobEvent
from db.spending import CostRow


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDetails(Job):
    """A job with its prompt and all that has happened to it."""

    prompt: str
    prompt_by: str
    history: Sequence[JobEvent]
    attempts: Sequence[Attempt]
    images: Sequence[ImageRecord]


@dataclass(frozen=True, slots=True, kw_only=True)
class TitledCost(CostRow):
    """A row of costs; `title` is empty unless the row is that of a post."""

    title: str


def jobs(
    limit: Annotated[
        int, typer.Option("-n", min=1, max=100_000, help="Number of jobs.")
    ] = 20,
    source: Source = None,
    json: Json = False,
) -> None:
    """List the newest jobs."""
    asyncio.run(list_jobs(source, limit, json=json))


async def list_jobs(source: str | None, limit: int, *, json: bool) -> None:
    """Print the newest *limit* jobs."""
    settings = context.load_settings(source)
    async with context.read_transaction(settings) as (sources, tx):
        newest = await queue.list_jobs(tx, limit=limit, source=source)
        calls = await attempts.of_jobs(tx, [job.id for job in newest])
        blocked = await load_blocked_reasons(tx, sources, newest)
    several = settings.has_named_sources
    rows = [
        _job_row(job, calls.get(job.id, ()), sources.first, blocked, several=several)
        for job in newest
    ]
    columns = (
        *("JOB", *(["SOURCE"] if several else [])),
        *("STATE", "REASON", "POST", "PROVIDER", "COST", "WHEN", "OUTCOME"),
    )
    output.print_result(
        newest,
        json=json,
        human=output.make_table(columns, rows) if newest else "No jobs yet.",
    )


def _job_row(
    job: Job,
    calls: Sequence[Attempt],
    source: SourceContext,
    blocked: Mapping[int, str],
    *,
    several: bool,
) -> list[object]:
    providers = ", ".join(
        dict.fromkeys(call.provider for call in calls if call.is_for_image)
    )
    cost = sum(call.cost for call in calls)
    included_cost = sum(call.included_cost for call in calls)
    return [
        job.id,
        *([job.source] if several else []),
        job.state,
        job.reason,
        job.title,
        providers,
        format_price(cost, included_cost) if calls else "",
        output.format_time(job.created_at, source.app.clock.zone),
        job.outcome or describe_wait(job, source, blocked.get(job.id, "")),
    ]


def job(number: JobArgument, json: Json = False) -> None:
    """Show the whole history of a job."""
    asyncio.run(_show_job(number, json=json))


async def _show_job(number: int, *, json: bool) -> None:
    async with context.read_transaction(context.load_settings()) as (sources, tx):
        events = await stored.list_events(tx, number)
        found = await context.find_job(tx, number)
        data = output.extend_record(
            JobDetails,
            found,
            prompt=prompt_of(found),
            prompt_by=describe_author(found),
            history=events,
            attempts=await attempts.of_job(tx, number),
            images=await images.of_job(tx, number),
        )
    output.print_result(
        data, json=json, human=lambda out: _print_job(out, sources.first, data)
    )


def _print_job(out: Console, source: SourceContext, data: JobDetails) -> None:
    zone = source.app.clock.zone
    out.print(
        f"job {data.id} '{data.title}' is {data.state} ({data.reason})", markup=False
    )
    out.print(f"page {data.page_id}", markup=False)
    out.print(f"prompt: {data.prompt}", markup=False)
    out.print(f"prompt written by {data.prompt_by}", markup=False)
    if (seed := data.inputs.get("seed")) is not None:
        out.print(f"seed {seed}, as requested")
    history = [
        [output.format_time(event.at, zone), event.event, event.state, event.reason]
        for event in data.history
    ]
    out.print(output.make_table(("WHEN", "EVENT", "STATE", "REASON"), history))
    calls = [
        [
            output.format_time(call.started_at, zone),
            format_service(call.provider),
            call.outcome or "running",
            format_price(call.cost, call.included_cost),
            _describe_answer(call),
        ]
        for call in data.attempts
    ]
    if calls:
        columns = ("CALL", "PROVIDER", "OUTCOME", "COST", "RESULT")
        out.print(output.make_table(columns, calls))


def _describe_answer(call: Attempt) -> str:
    match call.outcome:
        case "image":
            return f"{call.file_name}, seed {call.seed}"
        case "text":
            return str(call.model or "")
        case _:
            return str(call.error)


def costs(
    posts: Annotated[
        bool, typer.Option("--posts", help="Show one line per post.")
    ] = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    source: Source = None,
    json: Json = False,
) -> None:
    """Show images and costs by month and provider."""
    settings = context.load_settings(source)
    rows, titles, credit_lines = asyncio.run(
        _load_costs(settings, source, by_post=posts)
    )
    if csv:
        _write_csv(rows, titles)
        return

    def print_table(out: Console) -> None:
        several = settings.has_named_sources
        if rows:
            out.print(_cost_table(rows, titles, by_post=posts, several=several))
            out.print(f"Total: {format_cents(sum(row.cost for row in rows))}")
        else:
            out.print("No calls to image services yet.")
        for line in credit_lines:
            out.print(line, markup=False)

    data = [
        output.extend_record(TitledCost, row, title=titles.get(row.page_id, ""))
        for row in rows
    ]
    output.print_result(data, json=json, human=print_table)


async def _load_costs(
    settings: Settings, source: str | None, *, by_post: bool
) -> tuple[list[CostRow], dict[str, str], list[str]]:
    """Return the rows, the titles of their pages, and the credits of the accounts."""
    async with context.read_transaction(settings) as (sources, tx):
        span, zone = await spending.started_range(tx), sources.app.clock.zone
        months = months_between(*span, zone) if span else []
        rows = await spending.load_cost_rows(tx, months, by_page=by_post, source=source)
        titles: dict[str, str] = {}
        for name in {row.source for row in rows}:
            pages = [row.page_id for row in rows if row.page_id and row.source == name]
            stored_posts = await posts.get_many(tx, name, pages)
            titles |= {page: post.title for page, post in stored_posts.items()}
        chain_state = await provider_selection.load_chain_state(tx, sources.first)
    return rows, titles, _describe_credits(sources.first, chain_state)


def _describe_credits(
    source: SourceContext, chain_state: provider_selection.ChainState
) -> list[str]:
    """Return one line for each provider that includes credits, or might."""
    zone, lines = source.app.clock.zone, []
    for name, provider in source.providers.items():
        allowance = chain_state.allowances[name]
        if words := describe_allowance(
            provider.traits, allowance, zone, source.price_of(name)
        ):
            lines.append(f"{provider.traits.label}: {words}")
    return lines


def _write_csv(rows: Sequence[CostRow], titles: Mapping[str, str]) -> None:
    writer = csv_module.writer(sys.stdout)
    columns = "month provider page title calls images usd included_usd source"
    writer.writerow(columns.split())
    for row in rows:
        writer.writerow(
            [
                row.month,
                row.provider,
                row.page_id,
                _escape_formula(titles.get(row.page_id, "")),
                row.calls,
                row.images,
                f"{row.cost:.6f}",
                f"{row.included_cost:.6f}",
                row.source,
            ]
        )


def _escape_formula(title: str) -> str:
    """Quote a title that a spreadsheet would read as a formula."""
    return f"'{title}" if title[:1] in "=+-@\t\r" and title else title


def _cost_table(
    rows: Sequence[CostRow], titles: Mapping[str, str], *, by_post: bool, several: bool
) -> Table:
    columns = (
        *("MONTH", *(["SOURCE"] if several else [])),
        *("PROVIDER", "CALLS", "IMAGES", "COST", "INCLUDED"),
        *(["POST"] if by_post else []),
    )
    cells = [
        [
            row.month,
            *([row.source] if several else []),
            format_service(row.provider),
            row.calls,
            row.images,
            format_dollars(row.cost),
            format_dollars(row.included_cost) if row.included_cost else "",
            *([titles.get(row.page_id, "without a post")] if by_post else []),
        ]
        for row in rows
    ]
    return output.make_table(columns, cells)
