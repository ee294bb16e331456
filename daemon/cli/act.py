"""Commands that write to the database and wake the daemon."""

from __future__ import annotations

from daemon.cli import desk, find
from daemon.clock import utc_now
from daemon.errors import SetupError
from daemon.flow import manual
from db import posts
from db.records import Job


def approve(source: str | None, *, newest: int | None, json: bool) -> None:
    """Queue what is held."""
    made, left = desk.finish(_approve(source, newest))
    data = {"queued": [job.id for job in made], "still_held": left}
    rest = f", {left} still held" if left else ""
    desk.show(
        data,
        json=json,
        human=lambda out: out.print(
            f"{len(made)} posts queued{rest}" if made else f"nothing to queue{rest}"
        ),
    )


async def _approve(source: str | None, newest: int | None) -> tuple[list[Job], int]:
    async with desk.acting(desk.settings(source)) as db, db.writing() as tx:
        made = await manual.approve(tx, newest, utc_now(), source=source)
        return made, await posts.held_count(tx, source=source)


def regenerate(page: str, source: str | None, *, json: bool) -> None:
    """Make another image for a page."""
    _say(desk.finish(_regenerate(page, source)), json=json)


async def _regenerate(words: str, source: str | None) -> Job:
    async with desk.acting(desk.settings(source)) as db, db.writing() as tx:
        post = await find.page(tx, words, source)
        return await manual.regenerate(tx, post, utc_now())


def retry(number: int, *, json: bool) -> None:
    """Give a job another try."""
    _say(desk.finish(_retry(number)), json=json)


async def _retry(number: int) -> Job:
    async with desk.acting(desk.settings()) as db, db.writing() as tx:
        return await manual.retry(tx, await find.job(tx, number), utc_now())


def cancel(number: int, *, json: bool) -> None:
    """End a job."""
    _say(desk.finish(_cancel(number)), json=json)


async def _cancel(number: int) -> Job:
    async with desk.acting(desk.settings()) as db, db.writing() as tx:
        return await manual.cancel(tx, await find.job(tx, number), utc_now())


def _say(job: Job, *, json: bool) -> None:
    desk.show(
        desk.fields(job),
        json=json,
        human=lambda out: out.print(
            f"job {job.id} '{job.title}' is {job.state}", markup=False
        ),
    )


def reset(name: str, *, json: bool) -> None:
    """Let a provider serve again."""
    was_resting = desk.finish(_reset(name))
    words = "serves again" if was_resting else "was not resting"
    desk.show(
        {"provider": name, "was_resting": was_resting},
        json=json,
        human=lambda out: out.print(f"{name} {words}", markup=False),
    )


async def _reset(name: str) -> bool:
    found = desk.settings()
    known = found.configured()
    if name not in known:
        raise SetupError(f"{name!r} is not configured ({', '.join(known)})")
    async with desk.acting(found) as db, db.writing() as tx:
        return await manual.reset(tx, name, utc_now())
