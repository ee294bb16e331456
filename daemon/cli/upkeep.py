"""Commands that look after the data folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

import typer
from rich.console import Console

from daemon import app
from daemon.cli import context, lookup
from daemon.cli.backup import require_database
from daemon.cli.generate import silence_log
from daemon.clock import local_zone, utc_now
from daemon.config import Settings
from daemon.config.values import parse_duration
from daemon.errors import PostbrushError, SetupError
from daemon.jobs import actions
from daemon.maintenance import verify as checks
from daemon.maintenance.prune import PruneResult, prune_images
from daemon.maintenance.verify import Finding
from db import images, pauses
from db.models import ImageRecord, Job, Pause


def use_image(
    words: str, name: str | None, source: str | None, *, only: bool, json: bool
) -> None:
    """List a page's images, or put one back."""
    if name is None and only:
        raise SetupError("--only needs the FILE to put back: `postbrush use PAGE FILE`")
    if name is None:
        _list_images(words, source, json=json)
        return
    job = context.run_coroutine(_queue_reattach(words, name, source, only=only))
    context.print_result(
        context.to_dict(job),
        json=json,
        human=lambda out: out.print(
            f"{name} goes back onto '{job.title}' as its "
            f"{'only' if only else 'first'} image (job {job.id})",
            markup=False,
        ),
    )


def _list_images(words: str, source: str | None, *, json: bool) -> None:
    found = context.run_coroutine(_load_images(words, source))
    zone = local_zone()

    def human(out: Console) -> None:
        made = context.make_table("FILE", "MADE", "BY", "")
        lines = [
            [
                one.name,
                context.format_time(one.made_at, zone),
                one.provider,
                _describe_state(one),
            ]
            for one in found
        ]
        out.print(
            context.fill_table(made, lines) if lines else "no image was made for it yet"
        )

    context.print_result(
        [context.to_dict(one) for one in found], json=json, human=human
    )


def _describe_state(one: ImageRecord) -> str:
    if one.pruned_at is not None:
        return "pruned"
    return "was on the page" if one.shown_at else "never on the page"


async def _load_images(words: str, source: str | None) -> list[ImageRecord]:
    found = context.load_settings(source)
    async with (
        context.read_session(found) as flows,
        flows.first.db.read_transaction() as tx,
    ):
        post = await lookup.find_page(tx, words, source)
        return await images.of_page(tx, post.source, post.page_id)


async def _queue_reattach(
    words: str, name: str, source: str | None, *, only: bool
) -> Job:
    found = context.load_settings(source)
    async with context.write_session(found) as db, db.write_transaction() as tx:
        post = await lookup.find_page(tx, words, source)
        image = await images.by_name(tx, Path(name).name)
        if image is None or image.page_id != post.page_id:
            raise SetupError(
                f"{name} was not made for '{post.title}': `postbrush use PAGE` lists "
                "what was"
            )
        if app.open_store(found).is_lost(image.name):
            raise PostbrushError(f"{image.name} is gone from the disk")
        return await actions.reattach_image(tx, post, image, utc_now(), alone=only)


def pause_sources(duration: str | None, source: str | None, *, json: bool) -> None:
    """Make nothing for a while."""
    now = utc_now()
    until = now + _parse_pause(duration) if duration is not None else None
    found = context.load_settings(source)
    made = [Pause(source=name, since=now, until=until) for name in found.by_source()]
    context.run_coroutine(_store_pauses(found, made))
    when = (
        f"until {context.format_time(until, local_zone())}"
        if until
        else "until `resume`"
    )
    shown = [context.to_dict(one) for one in made]
    context.print_result(
        shown if found.has_named_sources else shown[0],
        json=json,
        human=lambda out: out.print(
            f"{_source_prefix(found)}nothing is made {when}; wishes are remembered",
            markup=False,
        ),
    )


def _source_prefix(found: Settings) -> str:
    return f"{', '.join(found.by_source())}: " if found.has_named_sources else ""


def _parse_pause(duration: str) -> timedelta:
    try:
        length = parse_duration(duration)
    except ValueError as error:
        raise SetupError(f"--for {duration}: {error}") from None
    return length if isinstance(length, timedelta) else timedelta()


async def _store_pauses(found: Settings, made: Sequence[Pause]) -> None:
    async with context.write_session(found) as db, db.write_transaction() as tx:
        for one in made:
            await pauses.set_pause(tx, one)


def resume_sources(source: str | None, *, json: bool) -> None:
    """End a pause."""
    found = context.load_settings(source)
    was = context.run_coroutine(_end_pauses(found))
    words = "images are made again" if was else "it was not paused"
    context.print_result(
        {"was_paused": was},
        json=json,
        human=lambda out: out.print(f"{_source_prefix(found)}{words}", markup=False),
    )


async def _end_pauses(found: Settings) -> bool:
    async with context.write_session(found) as db, db.write_transaction() as tx:
        return any([await pauses.clear_pause(tx, name) for name in found.by_source()])


def prune_old_images(
    days: int | None, source: str | None, *, dry_run: bool, json: bool
) -> None:
    """Remove old images."""
    found = context.load_settings(source)
    wanted = {
        name: days if days is not None else own.images.keep_days
        for name, own in found.by_source().items()
    }
    if not any(wanted.values()):
        raise SetupError(
            "images.keep_days is 0, which keeps all: say --days N, or set it"
        )

    async def work() -> list[PruneResult]:
        async with context.write_session(found) as db:
            store = app.open_store(found)
            return [
                await prune_images(
                    db,
                    store,
                    now=utc_now(),
                    keep=timedelta(days=keep),
                    source=name,
                    dry_run=dry_run,
                )
                for name, keep in wanted.items()
                if keep
            ]

    several = context.run_coroutine(work())
    names = [name for one in several for name in one.names]
    size = sum(one.bytes for one in several)
    verb = "would go" if dry_run else "removed"
    context.print_result(
        {"names": names, "bytes": size, "dry_run": dry_run},
        json=json,
        human=lambda out: out.print(
            f"{context.format_image_count(len(names))} {verb}, {size / 2**20:.1f} MiB"
        ),
    )


def verify_data(source: str | None, *, fix: bool, offline: bool, json: bool) -> None:
    """Compare everything; exit 1 when something is wrong and was not mended."""
    found = context.load_settings(source)
    require_database(found)
    if not offline:
        app.require_notion_token(found)
    silence_log(found)
    findings = context.run_coroutine(_verify_all(found, fix=fix, offline=offline))

    def human(out: Console) -> None:
        made = context.make_table("WHAT", "WRONG", "DONE")
        lines = [[one.what, one.wrong, one.fixed] for one in findings]
        out.print(context.fill_table(made, lines) if lines else "all fits together")

    context.print_result([asdict(one) for one in findings], json=json, human=human)
    if any(not one.fixed for one in findings):
        raise typer.Exit(1)


async def _verify_all(
    found: Settings, *, fix: bool, offline: bool
) -> Sequence[Finding]:
    async with app.open_context(found, readonly=not fix) as flows:
        findings = [one async for one in checks.verify_files(flows.first, fix=fix)]
        for name, own in {} if offline else found.by_source().items():
            flow = flows.by_source[name]
            pages = await checks.read_all_pages(flow, own.notion.data_source)
            compared = checks.verify_pages(flow, pages, fix=fix)
            findings += [one async for one in compared]
    if fix:
        await app.wake_daemon(found)
    return findings
