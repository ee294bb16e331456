"""The commands that change jobs or breakers, and wake the daemon."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

from daemon.cli import context, lookup
from daemon.clock import utc_now
from daemon.errors import SetupError
from daemon.jobs import actions
from db import posts
from db.engine import Tx
from db.models import Job


def approve_posts(source: str | None, *, newest: int | None, json: bool) -> None:
    """Queue held posts: the *newest* ones, or all."""
    queued, still_held = asyncio.run(_queue_held_posts(source, newest))
    data = {"queued": [job.id for job in queued], "still_held": still_held}
    held_note = f", {still_held} still held" if still_held else ""
    context.print_result(
        data,
        json=json,
        human=lambda out: out.print(
            f"{len(queued)} posts queued{held_note}"
            if queued
            else f"nothing to queue{held_note}"
        ),
    )


async def _queue_held_posts(
    source: str | None, newest: int | None
) -> tuple[list[Job], int]:
    async with context.write_transaction(context.load_settings(source)) as tx:
        queued = await actions.approve_held(tx, newest, utc_now(), source=source)
        return queued, await posts.count_held(tx, source=source)


def regenerate_page(page: str, source: str | None, *, json: bool) -> None:
    """Queue another image for the page that `lookup.find_page` finds."""
    _print_job_state(asyncio.run(_queue_regeneration(page, source)), json=json)


async def _queue_regeneration(query: str, source: str | None) -> Job:
    async with context.write_transaction(context.load_settings(source)) as tx:
        post = await lookup.find_page(tx, query, source)
        return await actions.request_regeneration(tx, post, utc_now())


def retry_job(number: int, *, json: bool) -> None:
    """Queue a failed or cancelled job again; SetupError if there is no such job."""
    _change_job(number, actions.retry_job, json=json)


def cancel_job(number: int, *, json: bool) -> None:
    """Cancel an open job; SetupError if there is no such job."""
    _change_job(number, actions.cancel_job, json=json)


def _change_job(
    number: int, action: Callable[[Tx, Job, datetime], Awaitable[Job]], *, json: bool
) -> None:
    async def change() -> Job:
        async with context.write_transaction(context.load_settings()) as tx:
            return await action(tx, await lookup.find_job(tx, number), utc_now())

    _print_job_state(asyncio.run(change()), json=json)


def _print_job_state(job: Job, *, json: bool) -> None:
    context.print_result(
        context.to_dict(job),
        json=json,
        human=lambda out: out.print(
            f"job {job.id} '{job.title}' is {job.state}", markup=False
        ),
    )


def reset_provider(name: str, *, json: bool) -> None:
    """Close a provider's breaker; SetupError if it is not configured."""
    was_open = asyncio.run(_reset_breaker(name))
    result = "serves again" if was_open else "was not resting"
    context.print_result(
        {"provider": name, "was_resting": was_open},
        json=json,
        human=lambda out: out.print(f"{name} {result}", markup=False),
    )


async def _reset_breaker(name: str) -> bool:
    settings = context.load_settings()
    configured = settings.configured_providers()
    if name not in configured:
        raise SetupError(f"{name!r} is not configured ({', '.join(configured)})")
    async with context.write_transaction(settings) as tx:
        return await actions.reset_breaker(tx, name, utc_now())
