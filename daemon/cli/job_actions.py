"""Commands that write to the database and wake the daemon."""

from __future__ import annotations

from daemon.cli import context, lookup
from daemon.clock import utc_now
from daemon.errors import SetupError
from daemon.jobs import actions
from db import posts
from db.models import Job


def approve_posts(source: str | None, *, newest: int | None, json: bool) -> None:
    """Queue what is held."""
    made, left = context.run_coroutine(_queue_held_posts(source, newest))
    data = {"queued": [job.id for job in made], "still_held": left}
    rest = f", {left} still held" if left else ""
    context.print_result(
        data,
        json=json,
        human=lambda out: out.print(
            f"{len(made)} posts queued{rest}" if made else f"nothing to queue{rest}"
        ),
    )


async def _queue_held_posts(
    source: str | None, newest: int | None
) -> tuple[list[Job], int]:
    async with (
        context.write_session(context.load_settings(source)) as db,
        db.write_transaction() as tx,
    ):
        made = await actions.approve_held(tx, newest, utc_now(), source=source)
        return made, await posts.count_held(tx, source=source)


def regenerate_page(page: str, source: str | None, *, json: bool) -> None:
    """Make another image for a page."""
    _print_job_state(
        context.run_coroutine(_queue_regeneration(page, source)), json=json
    )


async def _queue_regeneration(words: str, source: str | None) -> Job:
    async with (
        context.write_session(context.load_settings(source)) as db,
        db.write_transaction() as tx,
    ):
        post = await lookup.find_page(tx, words, source)
        return await actions.request_regeneration(tx, post, utc_now())


def retry_job(number: int, *, json: bool) -> None:
    """Give a job another try."""
    _print_job_state(context.run_coroutine(_requeue_job(number)), json=json)


async def _requeue_job(number: int) -> Job:
    async with (
        context.write_session(context.load_settings()) as db,
        db.write_transaction() as tx,
    ):
        return await actions.retry_job(tx, await lookup.find_job(tx, number), utc_now())


def cancel_job(number: int, *, json: bool) -> None:
    """End a job."""
    _print_job_state(context.run_coroutine(_cancel_open_job(number)), json=json)


async def _cancel_open_job(number: int) -> Job:
    async with (
        context.write_session(context.load_settings()) as db,
        db.write_transaction() as tx,
    ):
        return await actions.cancel_job(
            tx, await lookup.find_job(tx, number), utc_now()
        )


def _print_job_state(job: Job, *, json: bool) -> None:
    context.print_result(
        context.to_dict(job),
        json=json,
        human=lambda out: out.print(
            f"job {job.id} '{job.title}' is {job.state}", markup=False
        ),
    )


def reset_provider(name: str, *, json: bool) -> None:
    """Let a provider serve again."""
    was_resting = context.run_coroutine(_reset_breaker(name))
    words = "serves again" if was_resting else "was not resting"
    context.print_result(
        {"provider": name, "was_resting": was_resting},
        json=json,
        human=lambda out: out.print(f"{name} {words}", markup=False),
    )


async def _reset_breaker(name: str) -> bool:
    found = context.load_settings()
    known = found.configured_providers()
    if name not in known:
        raise SetupError(f"{name!r} is not configured ({', '.join(known)})")
    async with context.write_session(found) as db, db.write_transaction() as tx:
        return await actions.reset_breaker(tx, name, utc_now())
