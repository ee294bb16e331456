"""The commands that queue or end jobs: approve, regenerate, retry, cancel, use."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from daemon import app
from daemon.cli import context, output
from daemon.cli.command_group import JobArgument, Json, PageArgument, Seed, Source
from daemon.clock import local_zone, utc_now
from daemon.config import Settings
from daemon.errors import PostbrushError, SetupError
from daemon.formatting import format_count
from daemon.jobs import actions
from db import images, posts
from db.engine import Tx
from db.models import ImageRecord, Job


@dataclass(frozen=True, slots=True)
class ApprovalResult:
    """The IDs of the queued jobs, and the number of posts that still wait."""

    job_ids: Sequence[int]
    waiting_for_approval: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RegeneratedJob(Job):
    """A requested job, and the services of the chain that take no seed."""

    ignores_seed: Sequence[str]


def approve(
    newest: Annotated[
        int | None, typer.Option(min=1, help="Only the newest N posts.", metavar="N")
    ] = None,
    source: Source = None,
    json: Json = False,
) -> None:
    """Generate the images that wait for your approval."""

    async def queue() -> tuple[list[Job], int]:
        async with context.write_transaction(context.load_settings(source)) as tx:
            queued = await actions.approve_held(tx, newest, utc_now(), source=source)
            return queued, await posts.count_held(tx, source=source)

    queued, still_held = asyncio.run(queue())
    result = f"{format_count(len(queued), 'post')} queued"
    if not queued:
        result = "No posts are waiting for approval."
    held_note = f", {still_held} still waiting for approval" if still_held else ""
    output.print_result(
        ApprovalResult([job.id for job in queued], still_held),
        json=json,
        human=f"{result}{held_note}",
    )


def regenerate(
    page: PageArgument, seed: Seed = None, source: Source = None, json: Json = False
) -> None:
    """Queue another image for a page."""
    settings = context.load_settings(source)

    async def queue() -> Job:
        async with context.write_transaction(settings) as tx:
            post = await context.find_page(tx, page, source)
            return await actions.request_regeneration(tx, post, utc_now(), seed=seed)

    job, labels = asyncio.run(queue()), list[str]()
    if seed is not None:
        labels = asyncio.run(_list_seedless(settings, job.source))
    seed_note = "" if seed is None else f" Seed: {seed}."
    note = f" {' and '.join(labels)} will not use the seed." if labels else ""
    output.print_result(
        output.extend_record(RegeneratedJob, job, ignores_seed=labels),
        json=json,
        human=f"Job {job.id} '{job.title}' is {job.state}.{seed_note}{note}",
    )


async def _list_seedless(settings: Settings, source_name: str) -> list[str]:
    """Return the services of a source's chain that take no seed."""
    async with context.read_session(settings) as sources:
        source = sources.source_of(source_name)
        names = [name for name in source.chain if not source.takes_seed(name)]
        return [source.providers[name].traits.label for name in names]


def retry(number: JobArgument, json: Json = False) -> None:
    """Queue a failed or cancelled job again."""
    _change_job(number, actions.retry_job, json=json)


def cancel(number: JobArgument, json: Json = False) -> None:
    """Cancel a queued or running job."""
    _change_job(number, actions.cancel_job, json=json)


def _change_job(
    number: int, action: Callable[[Tx, Job, datetime], Awaitable[Job]], *, json: bool
) -> None:
    async def change() -> Job:
        async with context.write_transaction(context.load_settings()) as tx:
            return await action(tx, await context.find_job(tx, number), utc_now())

    job = asyncio.run(change())
    output.print_result(
        job, json=json, human=f"Job {job.id} '{job.title}' is {job.state}."
    )


def use(
    page: PageArgument,
    file: Annotated[
        str | None, typer.Argument(metavar="[FILE]", help="The image to restore.")
    ] = None,
    only: Annotated[
        bool, typer.Option("--only", help="Show only FILE, without its other variants.")
    ] = False,
    headline: Annotated[
        str | None,
        typer.Option(help='New words on the image, "" for none.', metavar="WORDS"),
    ] = None,
    source: Source = None,
    json: Json = False,
) -> None:
    """List the images of a page, restore one, or reword it."""
    if only and file is None:
        raise SetupError(
            "--only needs the FILE to restore: `postbrush use PAGE FILE --only`"
        )
    settings = context.load_settings(source)
    if file is not None:
        job = asyncio.run(
            _queue_reattach(settings, page, file, source, only=only, headline=headline)
        )
        place = "only" if only else "first"
        human = f"{file} will be the {place} image of '{job.title}'"
        output.print_result(job, json=json, human=f"{human} (job {job.id})")
        return
    if headline is not None:
        job = asyncio.run(_queue_reletter(settings, page, headline, source))
        human = (
            f"The image of '{job.title}' gets this headline (job {job.id}, no charge)"
        )
        output.print_result(job, json=json, human=human)
        return
    records = asyncio.run(_load_images(settings, page, source))
    zone = local_zone()
    rows = [
        [
            image.name,
            output.format_time(image.made_at, zone),
            image.provider,
            _describe_state(image),
        ]
        for image in records
    ]
    table = output.make_table(("FILE", "GENERATED", "PROVIDER", ""), rows)
    output.print_result(records, json=json, human=table if rows else "No images yet.")


def _describe_state(image: ImageRecord) -> str:
    if image.pruned_at is not None:
        return "deleted"
    return "was on the page" if image.shown_at else "never on the page"


async def _load_images(
    settings: Settings, query: str, source: str | None
) -> list[ImageRecord]:
    async with context.read_transaction(settings) as (_, tx):
        post = await context.find_page(tx, query, source)
        return await images.of_page(tx, post.source, post.page_id)


async def _queue_reattach(
    settings: Settings,
    query: str,
    name: str,
    source: str | None,
    *,
    only: bool,
    headline: str | None,
) -> Job:
    async with context.write_transaction(settings) as tx:
        post = await context.find_page(tx, query, source)
        image = await images.by_name(tx, images.plain_name(Path(name).name))
        if image is None or image.page_id != post.page_id:
            raise SetupError(
                f"{name} is not an image of '{post.title}'. `postbrush use PAGE` "
                "lists its images"
            )
        if app.open_store(settings).is_lost(image.name):
            raise PostbrushError(f"The file of {image.name} no longer exists")
        return await actions.reattach_image(
            tx, post, image, utc_now(), alone=only, headline=headline
        )


async def _queue_reletter(
    settings: Settings, query: str, headline: str, source: str | None
) -> Job:
    async with context.write_transaction(settings) as tx:
        post = await context.find_page(tx, query, source)
        return await actions.reletter_images(tx, post, headline, utc_now())
