"""The commands `pause`, `resume`, `prune` and `verify`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

import typer

from daemon import app
from daemon.cli import context, output
from daemon.cli.command_group import Json, Source
from daemon.clock import local_zone, utc_now
from daemon.config import Settings
from daemon.config.parsing import parse_duration
from daemon.errors import SetupError
from daemon.formatting import format_count
from daemon.maintenance import verify as checks
from daemon.maintenance.prune import PruneResult, prune_images
from daemon.maintenance.verify import Finding
from db import source_state
from db.models import Pause


@dataclass(frozen=True, slots=True)
class ResumeResult:
    """Whether a source was paused."""

    was_paused: bool


@dataclass(frozen=True, slots=True)
class PrunedImages:
    """The images that `prune` has deleted, or would delete."""

    names: Sequence[str]
    bytes: int
    dry_run: bool


def pause(
    duration: Annotated[
        str | None,
        typer.Option(
            "--for", metavar="7d", help="Resume automatically after this long, e.g. 7d."
        ),
    ] = None,
    source: Source = None,
    json: Json = False,
) -> None:
    """Stop generating images until `resume`; requests are queued."""
    now = utc_now()
    until = now + _parse_pause(duration) if duration is not None else None
    settings = context.load_settings(source)
    new_pauses = [
        Pause(source=name, since=now, until=until) for name in settings.by_source()
    ]
    asyncio.run(_store_pauses(settings, new_pauses))
    end = "you run `postbrush resume`"
    if until:
        end = output.format_time(until, local_zone())
    output.print_result(
        new_pauses,
        json=json,
        human=f"{_source_prefix(settings)}Paused. New requests are queued; no images "
        f"are generated until {end}.",
    )


def _source_prefix(settings: Settings) -> str:
    return f"{', '.join(settings.by_source())}: " if settings.has_named_sources else ""


def _parse_pause(duration: str) -> timedelta:
    try:
        return parse_duration(duration)
    except ValueError as error:
        raise SetupError(f"--for {duration} {error}") from None


async def _store_pauses(settings: Settings, new_pauses: Sequence[Pause]) -> None:
    async with context.write_transaction(settings) as tx:
        for pause in new_pauses:
            await source_state.set_pause(tx, pause)


def resume(source: Source = None, json: Json = False) -> None:
    """End a pause."""
    settings = context.load_settings(source)
    was_paused = asyncio.run(_end_pauses(settings))
    message = "Image generation resumes." if was_paused else "postbrush was not paused."
    output.print_result(
        ResumeResult(was_paused),
        json=json,
        human=f"{_source_prefix(settings)}{message}",
    )


async def _end_pauses(settings: Settings) -> bool:
    async with context.write_transaction(settings) as tx:
        return any(
            [await source_state.clear_pause(tx, name) for name in settings.by_source()]
        )


def prune(
    days: Annotated[
        int | None,
        typer.Option(
            min=1, max=3650, help="Age in days; default: images.keep_days.", metavar="N"
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List what would be deleted.")
    ] = False,
    source: Source = None,
    json: Json = False,
) -> None:
    """Delete old images that are not on any page."""
    settings = context.load_settings(source)
    keep_days = {
        name: days if days is not None else source_settings.options.images.keep_days
        for name, source_settings in settings.by_source().items()
    }
    if not any(keep_days.values()):
        raise SetupError(
            "images.keep_days is 0, so all images are kept. Set it, or use --days N"
        )
    results = asyncio.run(_prune_all(settings, keep_days, dry_run=dry_run))
    names = [name for result in results for name in result.names]
    size = sum(result.bytes for result in results)
    verb = "would be deleted" if dry_run else "deleted"
    output.print_result(
        PrunedImages(names, size, dry_run),
        json=json,
        human=f"{format_count(len(names), 'image')} {verb} ({size / 2**20:.1f} MiB).",
    )


async def _prune_all(
    settings: Settings, keep_days: Mapping[str, int], *, dry_run: bool
) -> list[PruneResult]:
    """Remove the images of each source that are older; 0 days keeps all."""
    async with context.write_session(settings) as db:
        store = app.open_store(settings)
        return [
            await prune_images(
                db,
                store,
                now=utc_now(),
                keep=timedelta(days=days),
                source=name,
                dry_run=dry_run,
            )
            for name, days in keep_days.items()
            if days
        ]


def verify(
    fix: Annotated[
        bool, typer.Option("--fix", help="Repair what can be repaired.")
    ] = False,
    offline: Annotated[
        bool, typer.Option("--offline", help="Do not compare with the pages in Notion.")
    ] = False,
    source: Source = None,
    json: Json = False,
) -> None:
    """Compare database, image files and Notion pages."""
    settings = context.load_settings(source)
    context.require_database(settings)
    if not offline:
        app.require_notion_token(settings)
    context.silence_log(settings)
    findings = asyncio.run(_verify_all(settings, fix=fix, offline=offline))
    rows = [[finding.what, finding.wrong, finding.fixed] for finding in findings]
    table = output.make_table(("WHAT", "PROBLEM", "REPAIR"), rows)
    output.print_result(
        findings, json=json, human=table if rows else "No problems found."
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
        for source in [] if offline else list(sources):
            pages = await checks.read_all_pages(source)
            compared = checks.verify_pages(source, pages, fix=fix)
            findings += [finding async for finding in compared]
    if fix:
        await app.wake_daemon(settings)
    return findings
