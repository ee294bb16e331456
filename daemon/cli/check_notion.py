"""The checks of `check` that ask Notion."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from daemon import app
from daemon.config import Settings
from daemon.context import SourceContext
from daemon.errors import PostbrushError
from daemon.notion.filter_check import filter_problems, uncomparable_properties
from daemon.notion.filters import matches_filter
from daemon.notion.model import Page, Role, Schema
from daemon.notion.query_position import QueryPosition
from db import posts, upgrade

#: Posts; with more it says "at least".
_COUNTED = 10_000
#: Seconds that this machine's clock and Notion's may differ.
_CLOCK_TOLERANCE = 120


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One thing that was checked; `todo` says what to do, empty when all is well."""

    what: str
    found: str
    todo: str = ""


async def check_notion(
    found: Settings, flow: SourceContext
) -> AsyncIterator[CheckResult]:
    if "notion" not in found.options.roles:
        yield CheckResult("Notion", "another daemon asks it (roles)")
        return
    try:
        app.require_notion_token(found)
        me = await flow.door.fetch_bot_user()
        clock = compare_clocks(flow.now(), flow.door.told_time)
        limit = me.upload_limit // 2**20
        yield CheckResult(
            "Notion", f"{me.workspace or me.name}, files up to {limit} MiB"
        )
        if clock is not None:
            yield clock
        info = await flow.door.resolve_source(found.notion.data_source)
        schema = await flow.door.fetch_schema(
            info.id, await _load_property_ids(flow, info.id)
        )
    except PostbrushError as error:
        yield CheckResult("Notion", "", str(error))
        return
    yield CheckResult("source", f"'{schema.title}' {schema.source}")
    for problem in schema.problems:
        yield CheckResult("columns", "", problem)
    for warning in schema.warnings:
        yield CheckResult("columns", "not used", warning)
    if used := ", ".join(f"{r.value} = {c.name}" for r, c in schema.roles.items()):
        yield CheckResult("columns", used)
    for note in schema.notes:
        yield CheckResult("columns", note)
    only, skip = found.posts.only, found.posts.skip
    for problem in [
        *uncomparable_properties(schema, only, skip),
        *filter_problems(schema, only, skip),
    ]:
        yield CheckResult("filters", "", problem)
    for name in {**found.posts.on_done, **(found.posts.on_card or {})}:
        if schema.find_property(name) is None:
            yield CheckResult(
                "columns", "", f"posts.* names '{name}', which is no column"
            )
    if not schema.cannot_start:
        yield await _check_posts(found, flow, schema)


async def _load_property_ids(
    flow: SourceContext, data_source: str
) -> Mapping[str, str]:
    """Return the property IDs that the daemon has stored, so that renames hold."""
    if not upgrade.database_exists(flow.db.backend):
        return {}
    async with flow.db.read_transaction() as tx:
        known = await posts.load_source_state(tx, flow.plan.source)
    return known.columns if known and known.data_source == data_source else {}


def compare_clocks(ours: datetime, theirs: datetime | None) -> CheckResult | None:
    """Compare this machine's clock with Notion's; None: Notion did not say."""
    if theirs is None:
        return None
    seconds = (ours - theirs).total_seconds()
    if abs(seconds) <= _CLOCK_TOLERANCE:
        return CheckResult("clock", "agrees with Notion's")
    length = str(timedelta(seconds=round(abs(seconds))))
    words = f"{length} {'ahead of' if seconds > 0 else 'behind'} Notion's"
    return CheckResult(
        "clock", words, "Set this machine's clock: timedatectl set-ntp true"
    )


async def _check_posts(
    found: Settings, flow: SourceContext, schema: Schema
) -> CheckResult:
    try:
        pages, rest = await _load_first_pages(flow, schema)
    except PostbrushError as error:
        return CheckResult("posts", "", str(error))
    chosen = [page for page in pages if matches_filter(page.columns, found.posts.only)]
    more = "at least " if rest else ""
    words = f"{more}{len(pages)} posts, {len(chosen)} match posts.only"
    if todo := _hint_about_titles(chosen, schema):
        return CheckResult("posts", words, todo)
    return CheckResult("posts", words)


async def _load_first_pages(
    flow: SourceContext, schema: Schema
) -> tuple[list[Page], bool]:
    """Return as many posts as are counted, and whether there are more."""
    found: dict[str, Page] = {}
    position: QueryPosition | None = None
    while True:
        window, position = await flow.door.fetch_page_batch(schema, after=position)
        found |= {page.id: page for page in window}
        if position is None or len(found) >= _COUNTED:
            return list(found.values()), position is not None


def _hint_about_titles(pages: list[Page], schema: Schema) -> str:
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
