"""Once a day everything is looked at, so that nothing a poll missed stays missed.

One answer of Notion at a time is read, planned and applied, so that a sweep takes as
much memory for any number of posts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from daemon.context import SourceContext
from daemon.jobs import job_log
from daemon.jobs.lifecycle import end_job
from daemon.jobs.postponement import end_delay, postpone_task
from daemon.notion.errors import ItemRefusedError, NotionUnavailableError, PageGoneError
from daemon.notion.model import Page, Schema, Urgency
from daemon.notion.query_position import QueryPosition
from daemon.service.task_delays import TaskKey, TaskKind
from daemon.sync.apply import ApplyResult, Hold, apply_pages, exceeds_hold
from daemon.sync.page_confirmation import confirm_ticks, is_sweep_due, split_outdated
from daemon.sync.poller import log_poll_result, next_watermark
from daemon.sync.row_set import RowSet
from db import jobs, posts
from db.errors import DatabaseError
from db.states import JobEventType, JobState

#: Remembered pages that are compared with what was seen at a time.
_BATCH = 500
#: Pages that could not be read, one after the other: Notion is away.
_AWAY_IN_A_ROW = 3


async def sweep_if_due(flow: SourceContext) -> ApplyResult | None:
    """Sweep at the first start, once a day, and when the scope has changed.

    Returns:
        What came of it.  None: no sweep was due, the last try failed and its pause
        lasts, this one failed, or a sweep of this source is under way.
    """
    subject = TaskKey(TaskKind.SWEEP, flow.plan.source)
    waits = flow.delays.is_delayed(subject, flow.clock.elapsed())
    if flow.schema is None or flow.sweeping or flow.outage.why or waits:
        return None
    flow.sweeping = True
    try:
        async with flow.db.read_transaction() as tx:
            state = await posts.load_source_state(tx, flow.plan.source)
        if not is_sweep_due(state, flow.now()):
            return None
        found = await _Sweep(flow, flow.schema).run()
    # The loop knows what to do about its database.
    except DatabaseError:
        raise
    # The polls beside it decide whether Notion as a whole is away.
    except Exception as error:  # noqa: BLE001 - it is logged there
        await postpone_task(flow, subject, error)
        return None
    finally:
        flow.sweeping = False
    await end_delay(flow, subject)
    return found


@dataclass(slots=True)
class _Sweep:
    """One sweep of one source.

    Attributes:
        seen: Rows of the remembered pages that the source still has.
        newest: The newest last_edited_time that was seen and that counts.
        postponed: Pages that want an image unasked: held or queued once they are
            counted.
    """

    flow: SourceContext
    schema: Schema
    seen: RowSet = field(default_factory=RowSet)
    newest: datetime | None = None
    postponed: list[str] = field(default_factory=list)
    _hold: Hold = "postpone"
    _held: int = 0
    _unread: int = 0

    async def run(self) -> ApplyResult | None:
        """Look at everything; None when it is no longer we who ask Notion."""
        flow = self.flow
        began, told = flow.now(), flow.door.told_time
        if not flow.plan.approve_above:
            self._hold = "never"
        position = await self._apply_next_batch(None)
        while position is not None:
            if not flow.speaks or flow.stopping.is_set():
                return None
            position = await self._apply_next_batch(position)
        await self._decide_postponed("never")
        await self._mark_removed_pages(began)
        await self._save_sync_state(began, told)
        found = ApplyResult(held=self._held)
        log_poll_result(flow, found)
        return found

    async def _apply_next_batch(
        self, after: QueryPosition | None
    ) -> QueryPosition | None:
        """Read, plan and apply the pages of one answer."""
        flow, asked_at = self.flow, self.flow.now()
        with flow.views.track_query() as mark:
            pages, position = await flow.door.fetch_page_batch(self.schema, after=after)
            ids = [page.id for page in pages]
            async with flow.db.read_transaction() as tx:
                self.seen.update(await posts.row_ids(tx, flow.plan.source, ids))
            # A newer view has been decided about, and a poll lists what we wrote.
            counting, outdated = split_outdated(flow.views, pages, mark)
            self._track_newest(counting, outdated)
            sure = await confirm_ticks(
                flow, self.schema, counting, asked_at, Urgency.SWEEP
            )
            # These are all there are: counted at once.
            is_all = after is None and position is None
            hold: Hold = "too many" if is_all else self._hold
            found = await apply_pages(flow, sure, mark=mark, hold=hold)
        await self._count_held(found)
        return position

    def _track_newest(self, counting: Sequence[Page], outdated: Sequence[Page]) -> None:
        newest = next_watermark(counting, outdated)
        if newest is not None:
            self.newest = max(newest, self.newest or newest)

    async def _count_held(self, found: ApplyResult) -> None:
        self._held += found.held
        log_poll_result(self.flow, replace(found, held=0))
        self.postponed += found.postponed
        # Too many to queue any: those that follow are held as they come.
        if exceeds_hold(len(self.postponed), self.flow.plan.approve_above):
            self._hold = "always"
            await self._decide_postponed("always")

    async def _decide_postponed(self, hold: Hold) -> None:
        """Hold or queue what waited for the count, by what its page says now."""
        postponed, self.postponed = self.postponed, []
        for page_id in postponed:
            with self.flow.views.track_query() as mark:
                try:
                    page = await self._read_page(page_id)
                except PageGoneError:
                    continue
                if page is None:
                    continue
                found = await apply_pages(self.flow, [page], mark=mark, hold=hold)
            await self._count_held(found)

    async def _read_page(self, page_id: str) -> Page | None:
        """Return what a page is like now; None when it cannot be read today.

        Raises:
            PageGoneError: It is in the trash, or not there for us.
            AwayError: Several in a row could not be read: Notion as a whole is away.
        """
        try:
            page = await self.flow.door.fetch_page(self.schema, page_id, Urgency.SWEEP)
        # That is the page's own matter: the others go on.
        except ItemRefusedError:
            return None
        except NotionUnavailableError:
            self._unread += 1
            if self._unread >= _AWAY_IN_A_ROW:
                raise
            return None
        self._unread = 0
        return page

    async def _mark_removed_pages(self, began: datetime) -> None:
        """Pages we know that the source no longer has: their jobs are cancelled."""
        source, last = self.flow.plan.source, 0
        while True:
            async with self.flow.db.read_transaction() as tx:
                known = await posts.list_present_after(tx, source, last, limit=_BATCH)
            for row, page_id, seen_at in known:
                if row in self.seen or seen_at >= began:
                    continue
                if await self._is_removed(page_id):
                    await _remove_post(self.flow, page_id)
            if len(known) < _BATCH:
                return
            last = known[-1][0]

    async def _is_removed(self, page_id: str) -> bool:
        try:
            page = await self._read_page(page_id)
        except PageGoneError:
            return True
        # Nothing is known of this page today: it stays as it is.
        if page is None:
            return False
        return page.gone or page.source != self.schema.source

    async def _save_sync_state(self, began: datetime, told: datetime | None) -> None:
        async with self.flow.db.write_transaction() as tx:
            state = await posts.load_source_state(tx, self.flow.plan.source)
            if state is None:
                return
            # The first watermark of all: what a poll looks back to from now on.  What
            # was edited while the sweep went on may have been read before.
            if state.watermark is None and self.newest is not None:
                first = min(self.newest, told) if told else self.newest
                state = replace(state, watermark=first)
            await posts.save_source_state(tx, replace(state, swept_at=began))


async def _remove_post(flow: SourceContext, page_id: str) -> None:
    source, why = flow.plan.source, "the page is gone"
    async with flow.db.write_transaction() as tx:
        now = flow.now()
        await posts.update_fields(tx, source, page_id, gone=True)
        await posts.release_post(tx, source, page_id)
        job = await jobs.find_open(tx, source, page_id)
        ended = (
            await end_job(tx, job, JobEventType.CANCELLED, now=now, why=why)
            if job
            else None
        )
    if ended is not None and ended.state is JobState.CANCELLED:
        job_log.log_job_ended(flow, ended, why)
