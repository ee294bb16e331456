"""`jobs` and `job`: what was wished for, and what became of it."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from daemon.cli import desk, find
from daemon.flow.context import Flow
from daemon.flow.money import dollars
from db import attempts, images
from db import jobs as stored
from db.records import Job


def jobs(source: str | None, *, limit: int, json: bool) -> None:
    """List the newest jobs."""
    desk.finish(_jobs(source, limit, json=json))


async def _jobs(source: str | None, limit: int, *, json: bool) -> None:
    settings = desk.settings(source)
    async with desk.looking(settings) as flows, flows.first.db.reading() as tx:
        flow, several = flows.first, settings.several
        found = await stored.latest(tx, limit=limit, source=source)
        spent = await attempts.of_jobs(tx, [job.id for job in found])
        zone = flow.clock.zone

        def line(job: Job) -> list[object]:
            cost = sum(one.cost for one in spent.get(job.id, ()))
            asked = ", ".join(
                dict.fromkeys(one.provider for one in spent.get(job.id, ()))
            )
            return [
                job.id,
                *([job.source] if several else []),
                job.state,
                job.reason,
                job.title,
                asked,
                dollars(cost) if asked else "",
                desk.moment(job.created_at, zone),
                job.outcome or waits(job, flow),
            ]

        def human(out: Console) -> None:
            columns = (
                "JOB",
                *(["SOURCE"] if several else []),
                "STATE",
                "WHY",
                "POST",
                "ASKED",
                "COST",
                "WHEN",
                "OUTCOME",
            )
            made = desk.rows(desk.table(*columns), [line(job) for job in found])
            out.print(made if found else "no jobs yet")

        desk.show([desk.fields(job) for job in found], json=json, human=human)


def waits(job: Job, flow: Flow) -> str:
    """Say what an open job waits for, and until when; "" when it is over."""
    if not job.is_open:
        return ""
    if job.owed == "untick" and job.acked_at is None:
        return "waits for Notion to confirm the un-tick"
    if job.due_at > flow.now():
        for_whom = f" for {job.waits_for}" if job.waits_for else ""
        return f"waits{for_whom} until {desk.moment(job.due_at, flow.clock.zone)}"
    return "is due"


def job(number: int, *, json: bool) -> None:
    """Show one job's whole history."""
    desk.finish(_job(number, json=json))


async def _job(number: int, *, json: bool) -> None:
    async with desk.looking(desk.settings()) as flows, flows.first.db.reading() as tx:
        flow = flows.first
        found = await find.job(tx, number)
        data: dict[str, Any] = desk.fields(found)
        data["history"] = [desk.fields(one) for one in await stored.history(tx, number)]
        data["attempts"] = [
            desk.fields(one) for one in await attempts.of_job(tx, number)
        ]
        data["images"] = [desk.fields(one) for one in await images.of_job(tx, number)]
        desk.show(data, json=json, human=lambda out: _print_job(out, flow, data))


def _print_job(out: Console, flow: Flow, data: dict[str, Any]) -> None:
    zone = flow.clock.zone
    out.print(
        f"job {data['id']} '{data['title']}' is {data['state']} ({data['reason']})",
        markup=False,
    )
    out.print(
        f"page {data['page_id']}; prompt: {data['inputs']['prompt']}", markup=False
    )
    history = [
        [desk.moment(one["at"], zone), one["event"], one["state"], one["reason"]]
        for one in data["history"]
    ]
    out.print(desk.rows(desk.table("WHEN", "EVENT", "STATE", "WHY"), history))
    calls = [
        [
            desk.moment(one["started_at"], zone),
            one["provider"],
            one["outcome"] or "under way",
            _money(one),
            one["file_name"] if one["outcome"] == "image" else one["error"],
        ]
        for one in data["attempts"]
    ]
    if calls:
        out.print(
            desk.rows(desk.table("CALL", "ASKED", "OUTCOME", "COST", "WHAT"), calls)
        )


def _money(attempt: dict[str, Any]) -> str:
    if attempt["covered"] > 0:
        return "included"
    return dollars(attempt["cost"])
