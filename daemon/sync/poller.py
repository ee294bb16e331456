"""Poll a Notion source every few seconds and apply the changed pages."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from daemon.context import SourceContext
from daemon.notion.errors import NoAccessError, NotionError, SchemaOutdatedError
from daemon.notion.filters import filter_problems, uncomparable_properties
from daemon.notion.model import Role, Schema, Urgency, Wanted
from daemon.sync.apply import (
    ApplyResult,
    apply_pages,
    cancel_missing_pages,
    log_poll_result,
)
from daemon.sync.other_installation import InstallationWatch
from daemon.sync.revalidate import (
    confirm_ticks,
    is_sweep_due,
    next_watermark,
    split_outdated,
)
from db import jobs, source_state
from db.engine import Tx
from db.models import SourceState

#: Notion rounds last_edited_time down to the minute, and clocks differ.
OVERLAP = timedelta(minutes=2)
#: Longest time after an edit within which polls find it.
FOUND_BY = timedelta(minutes=5)
_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
#: Seconds between schema reads: renamed properties and options change no page.
_SCHEMA_LIFE = 3600.0
#: Minimum seconds between schema reads after refused queries.
_REFRESH_PAUSE = 60.0
#: Seconds after an action of a person in which polls are frequent.
_ACTIVE_SECONDS = 300.0


@dataclass(slots=True)
class Poller:
    """Polls one source, one poll at a time.

    Attributes:
        target: `notion.data_source` as configured; empty: the stored or only one.
        others: Names of the other configured sources.
        seen_until: Start of the last complete poll, by the earlier of both clocks.
        listed: Number of pages in the last response.
        sweep_is_due: The last poll found that a sweep is due.
    """

    source: SourceContext
    target: str
    others: frozenset[str] = frozenset()
    seen_until: datetime | None = None
    listed: int = 0
    sweep_is_due: bool = False
    _installations: InstallationWatch = field(default_factory=InstallationWatch)
    _written: str = ""
    _warned: frozenset[str] = frozenset()
    _schema_read_at: float = 0.0
    _refreshed_at: float | None = None
    _polling: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def poll(self) -> ApplyResult | None:
        """Poll once; None if a poll or a backoff is active, or the poll failed."""
        source, backoff = self.source, self.source.notion_backoff
        if self._polling.locked() or backoff.is_active(source.app.steady_now()):
            return None
        async with self._polling:
            try:
                schema = await self._current_schema()
                result = await self._poll_with_current_schema(schema)
            except NotionError as error:
                backoff.record_failure(error, source.app.steady_now(), source.log)
                await self._save_access_state(backoff.why if backoff.is_refused else "")
                return None
            was_unreachable = bool(backoff.why)
            backoff.record_success(source.app.steady_now(), source.log)
            # Retry delayed tasks now, since Notion is reachable again.
            if was_unreachable:
                source.app.retry_schedule.release_after_outage(source.name)
                source.app.signals.kick.set()
            await self._save_access_state("")
            source.state.polled_at = source.app.steady_now()
            if result.is_news:
                note_activity(source)
            log_poll_result(source, result)
            return result

    async def _save_access_state(self, why: str) -> None:
        """Store why Notion refuses access, for daemons that only generate images."""
        if why == self._written:
            return
        async with self.source.app.db.write_transaction() as tx:
            state = await source_state.load_source_state(tx, self.source.name)
            if state is not None and state.access_error != why:
                state = replace(state, access_error=why)
                await source_state.save_source_state(tx, state)
        self._written = why

    async def _current_schema(self) -> Schema:
        schema, now = self.source.state.schema, self.source.app.clock.monotonic()
        if schema is not None and now - self._schema_read_at < _SCHEMA_LIFE:
            return schema
        return await self.connect_source()

    async def connect_source(self) -> Schema:
        """Find the source, read its schema, and store both.

        Raises:
            NotionError: Notion cannot be reached or refuses access, or the source
                lacks a required property.
        """
        source = self.source
        source.state.bot_user = await source.notion.fetch_bot_user()
        async with source.app.db.read_transaction() as tx:
            stored = await source_state.load_source_state(tx, source.name)
        data_source = await source.notion.resolve_source(
            self.target or (stored.data_source if stored else "")
        )
        same = stored if stored and stored.data_source == data_source.id else None
        schema = await source.notion.fetch_schema(
            data_source.id, same.columns if same else {}
        )
        rules = source.options.posts
        filter_errors = uncomparable_properties(schema, rules.only, rules.skip)
        if schema.cannot_start or filter_errors:
            raise NoAccessError(". ".join([*schema.problems, *filter_errors]))
        is_solved = self._log_new_problems(schema)
        state = SourceState(
            source=source.name,
            data_source=data_source.id,
            title=data_source.title or schema.title,
            columns=dict(schema.property_ids),
            sweep_scope=sweep_scope(schema, rules.only),
            watermark=same.watermark if same else None,
            last_sweep_at=same.last_sweep_at if same else None,
        )
        # Sweep again: the source, its properties or posts.only have changed, or a
        # solved problem lets more posts match.
        if is_solved or (
            stored is not None and stored.sweep_scope != state.sweep_scope
        ):
            state = replace(state, last_sweep_at=None)
        is_new, database = state != stored, source.app.db
        begin = database.write_transaction if is_new else database.read_transaction
        async with begin() as tx:
            await self._reject_duplicate_source(tx, data_source.id)
            if is_new:
                await source_state.save_source_state(tx, state)
        source.state.schema = schema
        self._schema_read_at = source.app.clock.monotonic()
        return schema

    def _log_new_problems(self, schema: Schema) -> bool:
        """Log the problems of the schema, each once while it lasts.

        Returns:
            Whether an earlier problem is solved.
        """
        rules = self.source.options.posts
        events = dict.fromkeys(schema.warnings, "column.unused")
        for problem in filter_problems(schema, rules.only, rules.skip):
            events[problem] = "filter.unmatched"
        for problem, event in events.items():
            if problem not in self._warned:
                self.source.log.warning(event, summary=problem)
        warned, self._warned = self._warned, frozenset(events)
        return not warned <= self._warned

    async def _reject_duplicate_source(self, tx: Tx, data_source: str) -> None:
        """Refuse a database that another source uses: its posts would get two images.

        Raises:
            NoAccessError: Another configured source has the same database.
        """
        if twins := self.others & await source_state.sources_of(tx, data_source):
            raise NoAccessError(
                f"The source {min(twins)} has the same Notion database as "
                f"{self.source.name}. Remove one of the two from the configuration"
            )

    async def _poll_with_current_schema(self, schema: Schema) -> ApplyResult:
        """Poll; if Notion no longer has the known properties, read the schema again."""
        try:
            return await self._poll_pages(schema)
        except SchemaOutdatedError:
            now, refreshed_at = self.source.app.clock.monotonic(), self._refreshed_at
            if refreshed_at is not None and now - refreshed_at < _REFRESH_PAUSE:
                raise
            self._refreshed_at = now
        return await self._poll_pages(await self.connect_source())

    async def _poll_pages(self, schema: Schema) -> ApplyResult:
        source = self.source
        async with source.app.db.read_transaction() as tx:
            state = await source_state.load_source_state(tx, source.name)
            only = await _poll_filter(tx, source)
        self.sweep_is_due = is_sweep_due(state, source.app.now())
        since = query_since(state, self.seen_until)
        asked_at = source.app.now()
        started_at = earlier_time(source.notion.server_time, asked_at)
        with source.page_cache.track_query() as mark:
            pages = await source.notion.fetch_changed_pages(
                schema, since=since, only=only
            )
            self.listed = len(pages)
            current, _ = split_outdated(source.page_cache, pages, mark)
            confirmed = await confirm_ticks(
                source, schema, current, asked_at, Urgency.POLL
            )
            # Keep the watermark before pages that changed while ticks were read.
            _, dropped = split_outdated(source.page_cache, pages, mark)
            watermark = next_watermark(confirmed, dropped)
            result = await apply_pages(
                source,
                confirmed,
                mark=mark,
                # A query for ticks only leaves edits unseen.
                watermark=watermark if since else None,
                hold="too many",
            )
            await cancel_missing_pages(source, {page.id for page in pages}, mark)
        await self._installations.check_pages(source, confirmed)
        if since and not dropped:
            self.seen_until = started_at or self.seen_until
        return result


async def _poll_filter(tx: Tx, source: SourceContext) -> Mapping[str, Wanted]:
    """Return the part of posts.only that a poll may send to Notion as a filter.

    The filter is empty while an automatic job is open, so that the poll also lists the
    job's post when it no longer matches, before money is spent on it.  A variant may be
    picked on any post, and an emptied pick cannot be told from one that never was.
    """
    only = source.options.posts.only
    picks = Role.PICK in source.known_schema.roles
    if only and (picks or await jobs.has_automatic_open(tx, source.name)):
        return {}
    return only


def earlier_time(notion_time: datetime | None, local_time: datetime) -> datetime | None:
    """Return the earlier time, since either clock may be wrong; None: no time yet."""
    return min(notion_time, local_time) if notion_time else None


def query_since(
    state: SourceState | None, seen_until: datetime | None
) -> datetime | None:
    """Return the time from which a poll lists edits; None: it lists only ticks.

    Args:
        seen_until: Start of the last complete poll.  Without it, every poll would list
            the posts of a bulk import again until a later edit.
    """
    # No sweep has finished.  With a watermark, polls go on during a repeated sweep.
    if state is None or (state.last_sweep_at is None and state.watermark is None):
        return None
    # The source was empty at its sweep, so all pages are new.
    since = state.watermark - OVERLAP if state.watermark else _BEGINNING
    return max(since, seen_until - FOUND_BY) if seen_until else since


def sweep_scope(schema: Schema, only: Mapping[str, object]) -> str:
    """Return a hash of the source, its columns and posts.only.

    A sweep is due when the hash changes.
    """
    scope = json.dumps(
        [schema.source, dict(schema.property_ids), dict(only)],
        sort_keys=True,
        default=list,
    )
    return hashlib.sha256(scope.encode()).hexdigest()[:32]


def note_activity(source: SourceContext) -> None:
    """Poll the source frequently for the next five minutes: a person is active."""
    source.state.active_until = source.app.clock.elapsed() + _ACTIVE_SECONDS


def is_active_poll_due(source: SourceContext) -> bool:
    """Return whether the next poll should not wait for the usual interval.

    A frequent poll takes no budget that other requests wait for.
    """
    is_active = source.app.clock.elapsed() < source.state.active_until
    return is_active and not source.notion.transport.limiter.is_queued
