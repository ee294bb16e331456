"""The commands `use`, `pause`, `resume`, `prune` and `verify`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

import typer
from rich.console import Console

from daemon import app
from daemon.cli import context, lookup
from daemon.cli.generate import silence_log
from daemon.clock import local_zone, utc_now
from daemon.config import Settings
from daemon.config.parsing import parse_duration
from daemon.errors import PostbrushError, SetupError
from daemon.formatting import format_count
from daemon.jobs import actions
from daemon.maintenance import verify as checks
from daemon.maintenance.prune import PruneResult, prune_images
from daemon.maintenance.verify import Finding
from db import images, pauses
from db.models import ImageRecord, Job, Pause


def use_image(
    query: str, name: str | None, source: str | None, *, only: bool, json: bool
) -> None:
    """List a page's images, or queue the upload of the file *name*.

    Args:
        only: Whether to leave out the variants the file was generated with.
    """
    if name is None and only:
        raise SetupError("--only needs the FILE to put back: `postbrush use PAGE FILE`")
    if name is None:
        _list_images(query, source, json=json)
        return
    job = asyncio.run(_queue_reattach(query, name, source, only=only))
    context.print_result(
        context.to_dict(job),
        json=json,
        human=lambda out: out.print(
            f"{name} goes back onto '{job.title}' as its "
            f"{'only' if only else 'first'} image (job {job.id})",
            markup=False,
        ),
    )


def _list_images(query: str, source: str | None, *, json: bool) -> None:
    records = asyncio.run(_load_images(query, source))
    zone = local_zone()

    def print_table(out: Console) -> None:
        rows = [
            [
                image.name,
                context.format_time(image.made_at, zone),
                image.provider,
                _describe_state(image),
            ]
            for image in records
        ]
        table = context.make_table(("FILE", "MADE", "BY", ""), rows)
        out.print(table if rows else "no image was made for it yet")

    context.print_result(
        [context.to_dict(image) for image in records], json=json, human=print_table
    )


def _describe_state(image: ImageRecord) -> str:
    if image.pruned_at is not None:
        return "pruned"
    return "was on the page" if image.shown_at else "never on the page"


async def _load_images(query: str, source: str | None) -> list[ImageRecord]:
    settings = context.load_settings(source)
    async with (
        context.read_session(settings) as sources,
        sources.app.db.read_transaction() as tx,
    ):
        post = await lookup.find_page(tx, query, source)
        return await images.of_page(tx, post.source, post.page_id)


async def _queue_reattach(
    query: str, name: str, source: str | None, *, only: bool
) -> Job:
    settings = context.load_settings(source)
    async with context.write_transaction(settings) as tx:
        post = await lookup.find_page(tx, query, source)
        image = await images.by_name(tx, Path(name).name)
        if image is None or image.page_id != post.page_id:
            raise SetupError(
                f"{name} was not made for '{post.title}': `postbrush use PAGE` lists "
                "what was"
            )
        if app.open_store(settings).is_lost(image.name):
            raise PostbrushError(f"{image.name} is gone from the disk")
        return await actions.reattach_image(tx, post, image, utc_now(), alone=only)


def pause_sources(duration: str | None, source: str | None, *, json: bool) -> None:
    """Pause the sources for *duration*, such as "7d", or until `resume`."""
    now = utc_now()
    until = now + _parse_pause(duration) if duration is not None else None
    settings = context.load_settings(source)
    new_pauses = [
        Pause(source=name, since=now, until=until) for name in settings.by_source()
    ]
    asyncio.run(_store_pauses(settings, new_pauses))
    when = (
        f"until {context.format_time(until, local_zone())}"
        if until
        else "until `resume`"
    )
    data = [context.to_dict(pause) for pause in new_pauses]
    context.print_result(
        data if settings.has_named_sources else data[0],
        json=json,
        human=lambda out: out.print(
            f"{_source_prefix(settings)}nothing is made {when}; wishes are remembered",
            markup=False,
        ),
    )


def _source_prefix(settings: Settings) -> str:
    return f"{', '.join(settings.by_source())}: " if settings.has_named_sources else ""


def _parse_pause(duration: str) -> timedelta:
    try:
        length = parse_duration(duration)
    except ValueError as error:
        raise SetupError(f"--for {duration}: {error}") from None
    return length if isinstance(length, timedelta) else timedelta()


async def _store_pauses(settings: Settings, new_pauses: Sequence[Pause]) -> None:
    async with context.write_transaction(settings) as tx:
        for pause in new_pauses:
            await pauses.set_pause(tx, pause)


def resume_sources(source: str | None, *, json: bool) -> None:
    """End the pauses of the sources."""
    settings = context.load_settings(source)
    was_paused = asyncio.run(_end_pauses(settings))
    message = "images are made again" if was_paused else "it was not paused"
    context.print_result(
        {"was_paused": was_paused},
        json=json,
        human=lambda out: out.print(
            f"{_source_prefix(settings)}{message}", markup=False
        ),
    )


async def _end_pauses(settings: Settings) -> bool:
    async with context.write_transaction(settings) as tx:
        return any(
            [await pauses.clear_pause(tx, name) for name in settings.by_source()]
        )


def prune_old_images(
    days: int | None, source: str | None, *, dry_run: bool, json: bool
) -> None:
    """Remove images that are on no page and older than *days*.

    By default, *days* is `images.keep_days` of each source.
    """
    settings = context.load_settings(source)
    keep_days = {
        name: days if days is not None else source_settings.options.images.keep_days
        for name, source_settings in settings.by_source().items()
    }
    if not any(keep_days.values()):
        raise SetupError(
            "images.keep_days is 0, which keeps all: say --days N, or set it"
        )

    async def prune_all() -> list[PruneResult]:
        async with context.write_session(settings) as db:
            store = app.open_store(settings)
            return [
                await prune_images(
                    db,
                    store,
                    now=utc_now(),
                    keep=timedelta(days=source_days),
                    source=name,
                    dry_run=dry_run,
                )
                for name, source_days in keep_days.items()
                if source_days
            ]

    results = asyncio.run(prune_all())
    names = [name for result in results for name in result.names]
    size = sum(result.bytes for result in results)
    verb = "would go" if dry_run else "removed"
    context.print_result(
        {"names": names, "bytes": size, "dry_run": dry_run},
        json=json,
        human=lambda out: out.print(
            f"{format_count(len(names), 'image')} {verb}, {size / 2**20:.1f} MiB"
        ),
    )


def verify_data(source: str | None, *, fix: bool, offline: bool, json: bool) -> None:
    """Compare rows, files and pages; exit with 1 if a finding was not repaired."""
    settings = context.load_settings(source)
    context.require_database(settings)
    if not offline:
        app.require_notion_token(settings)
    silence_log(settings)
    findings = asyncio.run(_verify_all(settings, fix=fix, offline=offline))

    def print_table(out: Console) -> None:
        rows = [[finding.what, finding.wrong, finding.fixed] for finding in findings]
        table = context.make_table(("WHAT", "WRONG", "DONE"), rows)
        out.print(table if rows else "all fits together")

    context.print_result(
        [asdict(finding) for finding in findings], json=json, human=print_table
    )
    if any(not finding.fixed for finding in findings):
        raise typer.Exit(1)


async def _verify_all(
    settings: Settings, *, fix: bool, offline: bool
) -> Sequence[Finding]:
    async with app.open_context(settings, readonly=not fix) as sources:
        findings = [
            finding async for finding in checks.verify_files(sources.first, fix=fix)
        ]
        for name, source_settings in {} if offline else settings.by_source().items():
            source = sources.by_name[name]
            pages = await checks.read_all_pages(
                source, source_settings.options.notion.data_source
            )
            compared = checks.verify_pages(source, pages, fix=fix)
            findings += [finding async for finding in compared]
    if fix:
        await app.wake_daemon(settings)
    return findings
