"""The checks of `check` that call the Notion API."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from daemon import app
from daemon.config import Settings
from daemon.context import SourceContext
from daemon.errors import PostbrushError
from daemon.formatting import format_count, format_duration
from daemon.notion.filters import (
    filter_problems,
    matches_filter,
    uncomparable_properties,
)
from daemon.notion.model import Page, Role, Schema
from daemon.notion.schema import PURPOSES, REQUIRED, describe_unshown_statuses
from daemon.source_setup import property_names
from daemon.sync.other_installation import describe_second, find_unknown_image
from db import source_state, upgrade

#: Posts that are read at most; with more the result says "at least".
_COUNTED = 10_000
#: How old an image of another installation may be to be named.
_RECENT = timedelta(days=7)
#: Seconds by which this machine's clock may differ from Notion's.
_CLOCK_TOLERANCE = 120


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of one check.

    Attributes:
        todo: What must be done; empty means success.
        warning: What should be done soon.
    """

    what: str
    found: str
    todo: str = ""
    warning: str = ""

    @property
    def mark(self) -> str:
        """The sign in the table."""
        if self.todo:
            return "✗"
        return "!" if self.warning else "✓"


async def check_notion(
    settings: Settings, source: SourceContext
) -> AsyncIterator[CheckResult]:
    """Check token, clock, schema, filters and posts of one source."""
    if "notion" not in settings.options.roles:
        yield CheckResult("Notion", "not used by this daemon (roles)")
        return
    try:
        app.require_notion_token(settings)
        bot = await source.notion.fetch_bot_user()
        clock = compare_clocks(source.app.now(), source.notion.server_time)
        limit = bot.upload_limit // 2**20
        yield CheckResult(
            "Notion", f"{bot.workspace or bot.name}, files up to {limit} MiB"
        )
        if clock is not None:
            yield clock
        info = await source.notion.resolve_source(settings.options.notion.data_source)
        schema = await source.notion.fetch_schema(
            info.id, await _load_property_ids(source, info.id)
        )
    except PostbrushError as error:
        yield CheckResult("Notion", "", str(error))
        return
    yield CheckResult("Notion database", f"'{schema.title}' {schema.source}")
    for problem in schema.problems:
        yield CheckResult("properties", "", problem)
    for warning in schema.warnings:
        yield CheckResult("properties", "not used", warning)
    if used := ", ".join(
        f"{role.value} = {column.name}" for role, column in schema.roles.items()
    ):
        yield CheckResult("properties", used)
    if absent := _describe_absent(settings, schema):
        yield CheckResult("properties", absent)
    for note in schema.notes:
        yield CheckResult("properties", note)
    if unshown := describe_unshown_statuses(schema, settings.options.posts):
        yield CheckResult("properties", unshown)
    only, skip = settings.options.posts.only, settings.options.posts.skip
    for problem in [
        *uncomparable_properties(schema, only, skip),
        *filter_problems(schema, only, skip),
    ]:
        yield CheckResult("filters", "", problem)
    for name in {
        **settings.options.posts.on_done,
        **(settings.options.posts.on_card or {}),
    }:
        if schema.find_property(name) is None:
            yield CheckResult(
                "properties",
                "",
                f"posts.on_done or posts.on_card names the property '{name}', "
                "which the database does not have",
            )
    if not schema.cannot_start:
        async for result in _check_posts(settings, source, schema):
            yield result


def _describe_absent(settings: Settings, schema: Schema) -> str:
    """Return which optional properties are missing, and what each would do."""
    names = property_names(settings)
    absent = [
        f"'{names[role]}' ({purpose})"
        for role, purpose in PURPOSES.items()
        if role not in schema.roles and role not in REQUIRED
    ]
    if not absent:
        return ""
    return (
        f"optional, not in the database: {', '.join(absent)}. "
        "`postbrush init --columns add` adds them"
    )


async def _load_property_ids(
    source: SourceContext, data_source: str
) -> Mapping[str, str]:
    """Return the stored property IDs, by which renamed properties are found."""
    if not upgrade.database_exists(source.app.db.backend):
        return {}
    async with source.app.db.read_transaction() as tx:
        state = await source_state.load_source_state(tx, source.name)
    return state.columns if state and state.data_source == data_source else {}


def compare_clocks(ours: datetime, theirs: datetime | None) -> CheckResult | None:
    """Compare this machine's clock with Notion's; None if Notion sent no time."""
    if theirs is None:
        return None
    seconds = (ours - theirs).total_seconds()
    if abs(seconds) <= _CLOCK_TOLERANCE:
        return CheckResult("clock", "agrees with Notion")
    difference = format_duration(round(abs(seconds)), "h:mm:ss")
    words = f"{difference} {'ahead of' if seconds > 0 else 'behind'} Notion"
    return CheckResult(
        "clock", words, "set this machine's clock: timedatectl set-ntp true"
    )


async def _check_posts(
    settings: Settings, source: SourceContext, schema: Schema
) -> AsyncIterator[CheckResult]:
    try:
        pages, has_more = await _load_first_pages(source, schema)
    except PostbrushError as error:
        yield CheckResult("posts", "", str(error))
        return
    matching = [
        page
        for page in pages
        if matches_filter(page.properties, settings.options.posts.only)
    ]
    at_least = "at least " if has_more else ""
    words = f"{at_least}{format_count(len(pages), 'post')}"
    if settings.options.posts.only:
        verb = "matches" if len(matching) == 1 else "match"
        words += f", {len(matching)} {verb} posts.only"
    yield CheckResult("posts", words, _hint_about_titles(matching, schema))
    # Without a database, the images of an earlier installation would be strange.
    if upgrade.database_exists(source.app.db.backend):
        since = source.app.now() - _RECENT
        unknown = await find_unknown_image(source, pages, since)
        if unknown is not None:
            warning = describe_second(unknown)
            yield CheckResult("second installation", "", warning=warning)


async def _load_first_pages(
    source: SourceContext, schema: Schema
) -> tuple[list[Page], bool]:
    """Return up to about 10,000 posts, and whether there are more."""
    pages: dict[str, Page] = {}
    batches, has_more = source.notion.iterate_page_batches(schema), True
    while has_more and len(pages) < _COUNTED:
        batch, has_more = await anext(batches)
        pages |= {page.id: page for page in batch}
    return list(pages.values()), has_more


def _hint_about_titles(pages: list[Page], schema: Schema) -> str:
    """Return a hint if a card would show titles that look like prompts, else ""."""
    if Role.POST in schema.roles:
        return ""
    hints = ("photo of", "image of", "illustration", "8k", "style of", "--ar")
    prompt_count = sum(
        any(hint in page.title.casefold() for hint in hints) for page in pages
    )
    if pages and prompt_count > len(pages) / 2:
        return (
            "most titles look like image prompts, and cards would show them. Add a "
            "text property Post with the text of each post"
        )
    return ""
