"""`check`: the whole set-up, tested without paying."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

import typer
from rich.console import Console

from daemon import app
from daemon.cli import desk, told
from daemon.cli.generate import quiet
from daemon.config import Settings
from daemon.errors import PostbrushError
from daemon.flow import files
from daemon.flow.context import Flow
from daemon.flow.flows import Flows
from daemon.flow.money import dollars
from daemon.notion.filter_check import filter_problems, uncomparable_properties
from daemon.notion.filters import matches
from daemon.notion.model import Page, Role, Schema
from daemon.notion.position import Position
from daemon.others import apart, identity_of, others
from daemon.service import lock
from daemon.store.errors import StoreAwayError
from db import posts, upgrade
from db.errors import DatabaseError
from providers.outcomes import (
    BadTokenError,
    ProviderError,
    TimedOutError,
    UnavailableError,
)

_LOOKED_AT = 5000
#: Posts; with more it says "at least".
_COUNTED = 10_000
#: Seconds that this machine's clock and Notion's may differ.
_CLOCK_TOLERANCE = 120


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that was checked; `todo` says what to do, empty when all is well."""

    what: str
    found: str
    todo: str = ""


def check(source: str | None, *, json: bool) -> None:
    """Check everything and print a table; exit 1 when something must be done."""
    found = desk.settings(source)
    quiet(found)
    lines = desk.finish(_all(found))

    def human(out: Console) -> None:
        made = desk.table("", "WHAT", "FOUND", "WHAT TO DO")
        marked = [
            ["✗" if one.todo else "✓", one.what, one.found, one.todo] for one in lines
        ]
        out.print(desk.rows(made, marked))

    desk.show([asdict(one) for one in lines], json=json, human=human)
    if any(one.todo for one in lines):
        raise typer.Exit(1)


async def _all(found: Settings) -> list[Line]:
    lines = [_configuration(found), _disk(found), _database(found)]
    lines += [Line("secrets", "", todo) for todo in found.secrets.exposed]
    lines += await asyncio.to_thread(_store, found)
    async with desk.looking(found, missing_ok=True) as flows:
        lines += await _daemons(found, flows)
        for name, own in found.each().items():
            of = f"{name}: " if found.several else ""
            async for line in _notion(own, flows.by_source[name]):
                lines.append(replace(line, what=f"{of}{line.what}"))
        for name in flows.first.providers:
            lines.append(await _provider(flows.first, name))
        for flow in flows:
            lines += _money(flow, f"{flow.plan.source}: " if found.several else "")
        lines += [line async for line in _told(found)]
    return lines


def _money(flow: Flow, of: str) -> list[Line]:
    chain = ", then ".join(app.price_of(flow, name) for name in flow.plan.chain)
    month = flow.plan.limits.month
    budget = "no limit" if month is None else f"${month:.2f} a month"
    if flow.plan.own_budgets and not flow.plan.spends_alone:
        budget += ", for all sources without a budget of their own together"
    return [Line(f"{of}chain", chain), Line(f"{of}budget", budget)]


def _configuration(found: Settings) -> Line:
    return Line("configuration", str(found.file or "defaults and environment"))


def _disk(found: Settings) -> Line:
    folder = app.images_path(found)
    existing = next(one for one in [folder, *folder.parents] if one.exists())
    free = files.free_bytes(existing)
    words = f"{folder}, {free // 2**20} MiB free"
    if free < found.images.reserve:
        return Line("disk", words, "make room: below images.reserve nothing is made")
    todo = f"give {existing} to the user postbrush runs as, or set data_dir"
    if not existing.is_dir():
        return Line("disk", f"{existing} is no folder", "set data_dir to a folder")
    if not os.access(existing, os.W_OK | os.X_OK):
        return Line("disk", f"{words}; {existing} cannot be written to", todo)
    return Line("disk", words)


def _store(found: Settings) -> list[Line]:
    """Put something on the store that is set, read it and remove it."""
    remote = app.store_of(found).remote
    if found.store is None or remote is None:
        return []
    server = found.store.endpoint or f"Amazon, {found.store.region}"
    where = f"{found.store} ({server})"
    try:
        remote.probe()
    except StoreAwayError as error:
        return [Line("store", where, str(error))]
    return [Line("store", f"{where}: written, read and removed")]


def _database(found: Settings) -> Line:
    place = app.database(found)
    holder = lock.holder(app.lock_path(found))
    running = f"; the daemon runs (process {holder.pid})" if holder else ""
    try:
        revision = upgrade.refuse_newer(place)
    except DatabaseError as error:
        return Line("database", str(place), str(error))
    state = "none yet" if revision is None else "up to date"
    if revision not in {None, upgrade.HEAD}:
        state = "older; brought up to date at the next start"
    return Line("database", f"{place}: {state}{running}")


async def _daemons(found: Settings, flows: Flows) -> list[Line]:
    """Say who else works on the database, and whether they share their images."""
    db, now = flows.first.db, flows.first.now()
    if db.folder is not None or not upgrade.is_there(db.place):
        return []
    async with db.reading() as tx:
        known = await others(tx, db, identity_of(found.data_dir))
    lease = found.options.database.lease
    there = [one for one in known if not one.is_silent(now, lease)]
    if not there:
        return [Line("daemons", "no other works on this database now")]
    names = ", ".join(f"{one.name} ({one.roles})" for one in there)
    words, todo = apart(str(found.store or ""), there)
    return [Line("daemons", f"also {names}"), Line("images", words, todo)]


async def _notion(found: Settings, flow: Flow) -> AsyncIterator[Line]:
    if "notion" not in found.options.roles:
        yield Line("Notion", "another daemon asks it (roles)")
        return
    try:
        app.require_notion(found)
        me = await flow.door.me()
        clock = clock_line(flow.now(), flow.door.told_time)
        limit = me.upload_limit // 2**20
        yield Line("Notion", f"{me.workspace or me.name}, files up to {limit} MiB")
        if clock is not None:
            yield clock
        info = await flow.door.resolve(found.notion.data_source)
        schema = await flow.door.schema(info.id, await _remembered(flow, info.id))
    except PostbrushError as error:
        yield Line("Notion", "", str(error))
        return
    yield Line("source", f"'{schema.title}' {schema.source}")
    for problem in schema.problems:
        yield Line("columns", "", problem)
    for warning in schema.warnings:
        yield Line("columns", "not used", warning)
    if used := ", ".join(f"{r.value} = {c.name}" for r, c in schema.roles.items()):
        yield Line("columns", used)
    for note in schema.notes:
        yield Line("columns", note)
    only, skip = found.posts.only, found.posts.skip
    for problem in [
        *uncomparable_properties(schema, only, skip),
        *filter_problems(schema, only, skip),
    ]:
        yield Line("filters", "", problem)
    for name in {**found.posts.on_done, **(found.posts.on_card or {})}:
        if schema.find(name) is None:
            yield Line("columns", "", f"posts.* names '{name}', which is no column")
    if not schema.cannot_start:
        yield await _posts(found, flow, schema)


async def _remembered(flow: Flow, data_source: str) -> Mapping[str, str]:
    """Return the property IDs that the daemon has stored, so that renames hold."""
    if not upgrade.is_there(flow.db.place):
        return {}
    async with flow.db.reading() as tx:
        known = await posts.load_sync(tx, flow.plan.source)
    return known.columns if known and known.data_source == data_source else {}


def clock_line(ours: datetime, theirs: datetime | None) -> Line | None:
    """Compare this machine's clock with Notion's; None: Notion did not say."""
    if theirs is None:
        return None
    seconds = (ours - theirs).total_seconds()
    if abs(seconds) <= _CLOCK_TOLERANCE:
        return Line("clock", "agrees with Notion's")
    length = str(timedelta(seconds=round(abs(seconds))))
    words = f"{length} {'ahead of' if seconds > 0 else 'behind'} Notion's"
    return Line("clock", words, "Set this machine's clock: timedatectl set-ntp true")


async def _posts(found: Settings, flow: Flow, schema: Schema) -> Line:
    try:
        pages, rest = await _first_pages(flow, schema)
    except PostbrushError as error:
        return Line("posts", "", str(error))
    chosen = [page for page in pages if matches(page.columns, found.posts.only)]
    more = "at least " if rest else ""
    words = f"{more}{len(pages)} posts, {len(chosen)} match posts.only"
    if todo := _prompts_in_titles(chosen, schema):
        return Line("posts", words, todo)
    return Line("posts", words)


async def _first_pages(flow: Flow, schema: Schema) -> tuple[list[Page], bool]:
    """Return as many posts as are counted, and whether there are more."""
    found: dict[str, Page] = {}
    position: Position | None = None
    while True:
        window, position = await flow.door.everything(schema, after=position)
        found |= {page.id: page for page in window}
        if position is None or len(found) >= _COUNTED:
            return list(found.values()), position is not None


def _prompts_in_titles(pages: list[Page], schema: Schema) -> str:
    """A card letters the title when there is no post: is that what people wrote?"""
    if Role.POST in schema.roles:
        return ""
    hints = ("photo of", "image of", "illustration", "8k", "style of", "--ar")
    found = sum(any(h in page.title.casefold() for h in hints) for page in pages)
    if pages and found > len(pages) / 2:
        return (
            "titles look like image prompts, and a card would letter them: add a Post"
        )
    return ""


async def _told(found: Settings) -> AsyncIterator[Line]:
    """Test who is told of troubles; nothing is sent."""
    none = True
    async for one in told.findings(found):
        none = False
        yield Line("notify", one.where, one.wrong)
    if none:
        yield Line("notify", "nobody is told: notify.urls is empty")


async def _provider(flow: Flow, name: str) -> Line:
    """Test a service without paying, as far as it can be tested."""
    provider = flow.providers[name]
    traits = provider.traits
    if traits.is_card:
        return Line(name, "made here, free")
    costs = traits.price(1.1664)
    price = f"{dollars(costs)}{' an image' if costs else ''} ({traits.price_source})"
    call = provider.account()
    if call is None:
        return Line(name, f"{price}; `postbrush test` shows whether it works")
    try:
        provider.check(await flow.studio.once(call, traits))
    except BadTokenError as error:
        return Line(name, price, f"it refuses the token: {error}. {_remedy(name)}")
    except (UnavailableError, TimedOutError) as error:
        return Line(name, price, f"{traits.base_url} {error}: is it up?")
    except ProviderError as error:
        return Line(name, price, str(error))
    return Line(name, f"answers and knows us, {price}")


def _remedy(name: str) -> str:
    if name == "flux":
        return (
            "Make one at huggingface.co/settings/tokens that may 'Make calls to "
            "Inference Providers'"
        )
    return "Make a new one there"
