"""Seeing: the poll every few seconds, and what was found becomes wishes."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from daemon.context import SourceContext, SourceSettings
from daemon.jobs import job_log
from daemon.jobs.budget import format_dollars
from daemon.notion.errors import NoAccessError, NotionError, SchemaOutdatedError
from daemon.notion.filter_check import filter_problems, uncomparable_properties
from daemon.notion.filters import Wanted
from daemon.notion.model import Page, Schema, Urgency
from daemon.sync.apply import ApplyResult, apply_pages
from daemon.sync.missing_pages import cancel_missing_pages
from daemon.sync.page_confirmation import confirm_ticks, is_sweep_due, split_outdated
from db import jobs, posts
from db.engine import Tx
from db.models import SourceState

#: Notion floors last_edited_time to the minute, and its clock is not ours.
OVERLAP = timedelta(minutes=2)
#: An edit is found this long after it was made, at the latest.
FOUND_BY = timedelta(minutes=5)
_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
#: Renamed properties and options change no page, so the schema is read this often.
_SCHEMA_LIFE = 3600.0
#: Seconds between two looks at the properties because a query was refused.
_REFRESH_PAUSE = 60.0


@dataclass(slots=True)
class Poller:
    """Polls one source; polls never overlap.

    Attributes:
        target: `notion.data_source`, as it was written; empty: whatever is seen.
        others: The other sources of the configuration.
        seen_until: By both clocks, the last poll that missed nothing was no earlier.
        listed: Pages that the last answer held.
        sweep_is_due: Whether everything is to be looked at, by the last poll.
    """

    flow: SourceContext
    target: str
    others: frozenset[str] = frozenset()
    seen_until: datetime | None = None
    listed: int = 0
    sweep_is_due: bool = False
    _written: str = ""
    _warned: frozenset[str] = frozenset()
    _schema_read_at: float = 0.0
    _refreshed_at: float | None = None
    _polling: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def poll(self) -> ApplyResult | None:
        """Look once; None when Notion was not asked or did not answer."""
        flow = self.flow
        if self._polling.locked() or flow.outage.is_active(flow.steady()):
            return None
        async with self._polling:
            try:
                schema = await self._current_schema()
                found = await self._poll_with_current_schema(schema)
            except NotionError as error:
                flow.outage.record_failure(error, flow.steady(), flow.log)
                await self._save_access_state(
                    flow.outage.why if flow.outage.shut else ""
                )
                return None
            was_away = bool(flow.outage.why)
            flow.outage.record_success(flow.steady(), flow.log)
            # What waited for Notion is tried at once.
            if was_away:
                flow.delays.release_after_outage(flow.plan.source)
                flow.kick.set()
            await self._save_access_state("")
            flow.looked_at = flow.steady()
            log_poll_result(flow, found)
            return found

    async def _save_access_state(self, why: str) -> None:
        """What shuts us out is news to those who make images and ask nobody."""
        if why == self._written:
            return
        async with self.flow.db.write_transaction() as tx:
            state = await posts.load_source_state(tx, self.flow.plan.source)
            if state is not None and state.shut != why:
                await posts.save_source_state(tx, replace(state, shut=why))
        self._written = why

    async def _current_schema(self) -> Schema:
        known, now = self.flow.schema, self.flow.clock.monotonic()
        if known is not None and now - self._schema_read_at < _SCHEMA_LIFE:
            return known
        return await self.connect_source()

    async def connect_source(self) -> Schema:
        """Find the source, read its columns, and remember both.

        Raises:
            NotionError: Notion is away, refuses, or the source lacks a column.
        """
        flow = self.flow
        flow.me = await flow.door.fetch_bot_user()
        async with flow.db.read_transaction() as tx:
            known = await posts.load_source_state(tx, flow.plan.source)
        info = await flow.door.resolve_source(
            self.target or (known.data_source if known else "")
        )
        same = known is not None and known.data_source == info.id
        remembered = known.columns if known is not None and same else {}
        schema = await flow.door.fetch_schema(info.id, remembered)
        rules = flow.plan.rules
        refused = uncomparable_properties(schema, rules.only, rules.skip)
        if schema.cannot_start or refused:
            raise NoAccessError("; ".join([*schema.problems, *refused]))
        solved = self._log_new_problems(schema)
        state = SourceState(
            source=flow.plan.source,
            data_source=info.id,
            title=info.title or schema.title,
            columns=dict(schema.column_ids),
            scope=sweep_scope(schema, flow.plan.rules.only),
            watermark=known.watermark if known and same else None,
            swept_at=known.swept_at if known and same else None,
        )
        # Another source, other columns or another `only`: everything is looked at.
        if known is not None and known.scope != state.scope:
            state = replace(state, swept_at=None)
        # Posts that a filter could not match before may match now.
        if solved:
            state = replace(state, swept_at=None)
        if state == known:
            async with flow.db.read_transaction() as tx:
                await self._reject_duplicate_source(tx, info.id)
        else:
            async with flow.db.write_transaction() as tx:
                await self._reject_duplicate_source(tx, info.id)
                await posts.save_source_state(tx, state)
        flow.schema = schema
        self._schema_read_at = flow.clock.monotonic()
        return schema

    def _log_new_problems(self, schema: Schema) -> bool:
        """Log what is wrong with the properties, each line once while it lasts.

        Returns:
            Whether something that was wrong before no longer is.
        """
        rules = self.flow.plan.rules
        events = dict.fromkeys(schema.warnings, "column.unused")
        for problem in filter_problems(schema, rules.only, rules.skip):
            events[problem] = "filter.unmatched"
        for problem, event in events.items():
            if problem not in self._warned:
                self.flow.log.warning(event, summary=problem)
        before, self._warned = self._warned, frozenset(events)
        return not before <= self._warned

    async def _reject_duplicate_source(self, tx: Tx, data_source: str) -> None:
        """One database as two sources would get every image twice."""
        if twins := self.others & await posts.sources_of(tx, data_source):
            raise NoAccessError(
                f"it is the database of source {min(twins)}, too: take one out of the "
                "configuration"
            )

    async def _poll_with_current_schema(self, schema: Schema) -> ApplyResult:
        """Look; when Notion no longer has the properties we know, read them again."""
        try:
            return await self._poll_pages(schema)
        except SchemaOutdatedError:
            moment, last = self.flow.clock.monotonic(), self._refreshed_at
            if last is not None and moment - last < _REFRESH_PAUSE:
                raise
            self._refreshed_at = moment
        return await self._poll_pages(await self.connect_source())

    async def _poll_pages(self, schema: Schema) -> ApplyResult:
        flow = self.flow
        async with flow.db.read_transaction() as tx:
            state = await posts.load_source_state(tx, flow.plan.source)
            only = await _poll_filter(tx, flow.plan)
        self.sweep_is_due = is_sweep_due(state, flow.now())
        since = query_since(state, self.seen_until)
        began, asked_at = earlier_time(flow.door.told_time, flow.now()), flow.now()
        with flow.views.track_query() as mark:
            pages = await flow.door.fetch_changed_pages(schema, since=since, only=only)
            self.listed = len(pages)
            sure, _ = split_outdated(flow.views, pages, mark)
            confirmed = await confirm_ticks(flow, schema, sure, asked_at, Urgency.POLL)
            # Whatever came while we asked about ticks: the watermark stays behind it.
            _, dropped = split_outdated(flow.views, pages, mark)
            newest = next_watermark(confirmed, dropped)
            found = await apply_pages(
                flow,
                confirmed,
                mark=mark,
                # Only ticks were asked for: there are edits that nobody has seen.
                watermark=newest if since else None,
                hold="too many",
            )
            await cancel_missing_pages(flow, {page.id for page in pages}, mark)
        if since and not dropped:
            self.seen_until = began or self.seen_until
        return found


async def _poll_filter(tx: Tx, plan: SourceSettings) -> Mapping[str, Wanted]:
    """Return the pairs of posts.only that Notion may narrow a poll to.

    None while a job waits that nobody ticked: its post is to be seen when it no longer
    matches, before money is spent on it.
    """
    if plan.rules.only and await jobs.has_automatic_open(tx, plan.source):
        return {}
    return plan.rules.only


def earlier_time(theirs: datetime | None, ours: datetime) -> datetime | None:
    """Return a time that is not yet over by either clock: one of them may be wrong."""
    return min(theirs, ours) if theirs else None


def query_since(
    state: SourceState | None, seen_until: datetime | None
) -> datetime | None:
    """Return from when on edits are asked for; None: only ticks, before any sweep.

    Args:
        seen_until: A poll of then has seen everything.  Without it, posts that came
            in one go, by an import, would be listed anew by every poll until
            somebody edits one.
    """
    # Never swept; after a change of the scope, polls go on beside the sweep.
    if state is None or (state.swept_at is None and state.watermark is None):
        return None
    # Swept when the source was still empty: everything is new.
    since = state.watermark - OVERLAP if state.watermark else _BEGINNING
    return max(since, seen_until - FOUND_BY) if seen_until else since


def next_watermark(sure: Sequence[Page], dropped: Sequence[Page]) -> datetime | None:
    """Return the newest last_edited_time seen; it stays behind what was dropped."""
    newest = max((page.edited_at for page in sure), default=None)
    unseen = min((page.edited_at for page in dropped), default=None)
    return min(newest, unseen) if newest and unseen else newest


def sweep_scope(schema: Schema, only: Mapping[str, object]) -> str:
    """Return a hash of what a sweep has to have seen everything of."""
    written = json.dumps(
        [schema.source, dict(schema.column_ids), dict(only)],
        sort_keys=True,
        default=list,
    )
    return hashlib.sha256(written.encode()).hexdigest()[:32]


def log_poll_result(flow: SourceContext, found: ApplyResult) -> None:
    """Say what a poll or sweep led to; an idle one is silent."""
    for job in found.queued:
        job_log.log_job_queued(flow, job)
    if found.held:
        cost = found.held * flow.plan.usual_price
        flow.log.warning(
            "poll.held",
            summary=f"{found.held} posts want an image, more than "
            f"posts.approve_above = {flow.plan.approve_above}: none is made; "
            "`postbrush approve` makes them "
            f"(about {format_dollars(cost)})",
            held=found.held,
        )
