"""Commands that look after the data folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

import typer
from rich.console import Console

from daemon import app
from daemon.cli import desk, find
from daemon.cli.copies import require_database
from daemon.cli.generate import quiet
from daemon.clock import local_zone, utc_now
from daemon.config import Settings
from daemon.config.values import parse_duration
from daemon.errors import PostbrushError, SetupError
from daemon.flow import manual
from daemon.upkeep import verify as checks
from daemon.upkeep.prune import Pruned
from daemon.upkeep.prune import prune as prune_images
from daemon.upkeep.verify import Finding
from db import images, pauses
from db.records import ImageRecord, Job, Pause


def use(
    words: str, name: str | None, source: str | None, *, only: bool, json: bool
) -> None:
    """List a page's images, or put one back."""
    if name is None and only:
        raise SetupError("--only needs the FILE to put back: `postbrush use PAGE FILE`")
    if name is None:
        _list(words, source, json=json)
        return
    job = desk.finish(_use(words, name, source, only=only))
    desk.show(
        desk.fields(job),
        json=json,
        human=lambda out: out.print(
            f"{name} goes back onto '{job.title}' as its "
            f"{'only' if only else 'first'} image (job {job.id})",
            markup=False,
        ),
    )


def _list(words: str, source: str | None, *, json: bool) -> None:
    found = desk.finish(_images_of(words, source))
    zone = local_zone()

    def human(out: Console) -> None:
        made = desk.table("FILE", "MADE", "BY", "")
        lines = [
            [one.name, desk.moment(one.made_at, zone), one.provider, _state(one)]
            for one in found
        ]
        out.print(desk.rows(made, lines) if lines else "no image was made for it yet")

    desk.show([desk.fields(one) for one in found], json=json, human=human)


def _state(one: ImageRecord) -> str:
    if one.pruned_at is not None:
        return "pruned"
    return "was on the page" if one.shown_at else "never on the page"


async def _images_of(words: str, source: str | None) -> list[ImageRecord]:
    found = desk.settings(source)
    async with desk.looking(found) as flows, flows.first.db.reading() as tx:
        post = await find.page(tx, words, source)
        return await images.of_page(tx, post.source, post.page_id)


async def _use(words: str, name: str, source: str | None, *, only: bool) -> Job:
    found = desk.settings(source)
    async with desk.acting(found) as db, db.writing() as tx:
        post = await find.page(tx, words, source)
        image = await images.named(tx, Path(name).name)
        if image is None or image.page_id != post.page_id:
            raise SetupError(
                f"{name} was not made for '{post.title}': `postbrush use PAGE` lists "
                "what was"
            )
        if app.store_of(found).is_lost(image.name):
            raise PostbrushError(f"{image.name} is gone from the disk")
        return await manual.use(tx, post, image, utc_now(), alone=only)


def pause(duration: str | None, source: str | None, *, json: bool) -> None:
    """Make nothing for a while."""
    now = utc_now()
    until = now + _length(duration) if duration is not None else None
    found = desk.settings(source)
    made = [Pause(source=name, since=now, until=until) for name in found.each()]
    desk.finish(_pause(found, made))
    when = f"until {desk.moment(until, local_zone())}" if until else "until `resume`"
    shown = [desk.fields(one) for one in made]
    desk.show(
        shown if found.several else shown[0],
        json=json,
        human=lambda out: out.print(
            f"{_whose(found)}nothing is made {when}; wishes are remembered",
            markup=False,
        ),
    )


def _whose(found: Settings) -> str:
    return f"{', '.join(found.each())}: " if found.several else ""


def _length(duration: str) -> timedelta:
    try:
        length = parse_duration(duration)
    except ValueError as error:
        raise SetupError(f"--for {duration}: {error}") from None
    return length if isinstance(length, timedelta) else timedelta()


async def _pause(found: Settings, made: Sequence[Pause]) -> None:
    async with desk.acting(found) as db, db.writing() as tx:
        for one in made:
            await pauses.begin(tx, one)


def resume(source: str | None, *, json: bool) -> None:
    """End a pause."""
    found = desk.settings(source)
    was = desk.finish(_resume(found))
    words = "images are made again" if was else "it was not paused"
    desk.show(
        {"was_paused": was},
        json=json,
        human=lambda out: out.print(f"{_whose(found)}{words}", markup=False),
    )


async def _resume(found: Settings) -> bool:
    async with desk.acting(found) as db, db.writing() as tx:
        return any([await pauses.end(tx, name) for name in found.each()])


def prune(days: int | None, source: str | None, *, dry_run: bool, json: bool) -> None:
    """Remove old images."""
    found = desk.settings(source)
    wanted = {
        name: days if days is not None else own.images.keep_days
        for name, own in found.each().items()
    }
    if not any(wanted.values()):
        raise SetupError(
            "images.keep_days is 0, which keeps all: say --days N, or set it"
        )

    async def work() -> list[Pruned]:
        async with desk.acting(found) as db:
            store = app.store_of(found)
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

    several = desk.finish(work())
    names = [name for one in several for name in one.names]
    size = sum(one.bytes for one in several)
    verb = "would go" if dry_run else "removed"
    desk.show(
        {"names": names, "bytes": size, "dry_run": dry_run},
        json=json,
        human=lambda out: out.print(
            f"{desk.images(len(names))} {verb}, {size / 2**20:.1f} MiB"
        ),
    )


def verify(source: str | None, *, fix: bool, offline: bool, json: bool) -> None:
    """Compare everything; exit 1 when something is wrong and was not mended."""
    found = desk.settings(source)
    require_database(found)
    if not offline:
        app.require_notion(found)
    quiet(found)
    findings = desk.finish(_verify(found, fix=fix, offline=offline))

    def human(out: Console) -> None:
        made = desk.table("WHAT", "WRONG", "DONE")
        lines = [[one.what, one.wrong, one.fixed] for one in findings]
        out.print(desk.rows(made, lines) if lines else "all fits together")

    desk.show([asdict(one) for one in findings], json=json, human=human)
    if any(not one.fixed for one in findings):
        raise typer.Exit(1)


async def _verify(found: Settings, *, fix: bool, offline: bool) -> Sequence[Finding]:
    async with app.opened(found, readonly=not fix) as flows:
        findings = [one async for one in checks.verify_files(flows.first, fix=fix)]
        for name, own in {} if offline else found.each().items():
            flow = flows.by_source[name]
            pages = await checks.all_pages(flow, own.notion.data_source)
            compared = checks.verify_pages(flow, pages, fix=fix)
            findings += [one async for one in compared]
    if fix:
        await app.wake(found)
    return findings
