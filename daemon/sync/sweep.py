"""Read all pages of a source once a day, to find what the polls missed.

A sweep reads, plans and applies one response of Notion at a time, so its memory use
does not depend on the number of posts.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from daemon.context import SourceContext
from daemon.jobs import job_log
from daemon.jobs.job_validity import PAGE_GONE
from daemon.jobs.lifecycle import end_job
from daemon.jobs.postponement import end_delay, postpone_task
from daemon.notion.errors import ItemRefusedError, NotionUnavailableError, PageGoneError
from daemon.notion.model import Page, Schema, Urgency
from daemon.service.tasks import TaskKey, TaskKind
from daemon.sync.apply import (
    ApplyResult,
    Hold,
    apply_pages,
    exceeds_hold,
    log_poll_result,
)
from daemon.sync.revalidate import (
    confirm_ticks,
    is_sweep_due,
    next_watermark,
    split_outdated,
)
from db import jobs, posts, source_state
from db.errors import DatabaseError
from db.models import Job
from db.states import JobEventType

#: Stored pages that are compared with the seen pages at a time.
_BATCH = 500
#: Consecutive failed page reads after which Notion counts as unreachable.
_MAX_FAILURES = 3


async def sweep_if_due(source: SourceContext) -> ApplyResult | None:
    """Sweep at the first start, once a day, and when the scope has changed.

    Returns:
        The result; None if no sweep is due, one is already running, the pause after
        a failure has not ended, or this sweep failed.
    """
    task = TaskKey(TaskKind.SWEEP, source.name)
    is_delayed = source.app.retry_schedule.is_delayed(task, source.app.clock.elapsed())
    if (
        source.state.schema is None
        or source.state.is_sweeping
        or source.notion_backoff.why
        or is_delayed
    ):
        return None
    source.state.is_sweeping = True
    try:
        async with source.app.db.read_transaction() as tx:
            state = await source_state.load_source_state(tx, source.name)
        if not is_sweep_due(state, source.app.now()):
            return None
        result = await _Sweep(source, source.state.schema).run()
    # The main loop handles database errors.
    except DatabaseError:
        raise
    # The polls decide whether Notion as a whole is unreachable.
    except Exception as error:  # noqa: BLE001 - `postpone_task` logs it
        await postpone_task(source, task, error)
        return None
    finally:
        source.state.is_sweeping = False
    await end_delay(source.app, task)
    return result


class RowSet:
    """A set of row IDs with one bit each: 100,000 IDs take 13 KB."""

    def __init__(self) -> None:
        self._bits = bytearray()

    def update(self, rows: Iterable[int]) -> None:
        """Add row IDs."""
        for row in rows:
            index, bit = divmod(row, 8)
            if index >= len(self._bits):
                self._bits.extend(bytes(index + 1 - len(self._bits)))
            self._bits[index] |= 1 << bit

    def __contains__(self, row: int) -> bool:
        index, bit = divmod(row, 8)
        return index < len(self._bits) and bool(self._bits[index] & 1 << bit)


@dataclass(slots=True)
class _Sweep:
    """One sweep of one source.

    Attributes:
        seen: Rows of the stored pages that the source still has.
        newest: The newest last_edited_time of the current pages.
        postponed: IDs of pages with an automatic request, which are held or queued
            once they are counted.
    """

    source: SourceContext
    schema: Schema
    seen: RowSet = field(default_factory=RowSet)
    newest: datetime | None = None
    postponed: list[str] = field(default_factory=list)
    _hold: Hold = "postpone"
    _held: int = 0
    _batches: int = 0
    _unread: int = 0

    async def run(self) -> ApplyResult | None:
        """Sweep the source; None if this daemon stops or loses its leadership."""
        source = self.source
        started_at, notion_time = source.app.now(), source.notion.server_time
        if not source.options.posts.approve_above:
            self._hold = "never"
        batches = source.notion.iterate_page_batches(self.schema)
        while await self._apply_next_batch(batches):
            if not source.state.is_leader or source.app.signals.stopping.is_set():
                return None
        await self._decide_postponed("never")
        await self._mark_removed_pages(started_at)
        await self._save_sync_state(started_at, notion_time)
        result = ApplyResult(held=self._held)
        log_poll_result(source, result)
        return result

    async def _apply_next_batch(
        self, batches: AsyncIterator[tuple[Sequence[Page], bool]]
    ) -> bool:
        """Read, plan and apply the pages of one response; False after the last."""
        source, asked_at = self.source, self.source.app.now()
        with source.page_cache.track_query() as mark:
            pages, has_more = await anext(batches)
            ids = [page.id for page in pages]
            async with source.app.db.read_transaction() as tx:
                self.seen.update(await posts.row_ids(tx, source.name, ids))
            # Newer views are already applied, and a poll lists the pages we wrote.
            current, outdated = split_outdated(source.page_cache, pages, mark)
            self._track_newest(current, outdated)
            confirmed = await confirm_ticks(
                source, self.schema, current, asked_at, Urgency.SWEEP
            )
            # A single response holds all pages, so they are counted together.
            is_only_batch = self._batches == 0 and not has_more
            self._batches += 1
            hold: Hold = "too many" if is_only_batch else self._hold
            result = await apply_pages(source, confirmed, mark=mark, hold=hold)
        await self._count_held(result)
        return has_more

    def _track_newest(self, current: Sequence[Page], outdated: Sequence[Page]) -> None:
        newest = next_watermark(current, outdated)
        if newest is not None:
            self.newest = max(newest, self.newest or newest)

    async def _count_held(self, result: ApplyResult) -> None:
        self._held += result.held
        log_poll_result(self.source, replace(result, held=0))
        self.postponed += result.postponed
        # The limit is exceeded, so all further automatic requests are held.
        if exceeds_hold(len(self.postponed), self.source.options.posts.approve_above):
            self._hold = "always"
            await self._decide_postponed("always")

    async def _decide_postponed(self, hold: Hold) -> None:
        """Read the postponed pages again, and hold or queue their requests."""
        postponed, self.postponed = self.postponed, []
        for page_id in postponed:
            with self.source.page_cache.track_query() as mark:
                try:
                    page = await self._read_page(page_id)
                except PageGoneError:
                    continue
                if page is None:
                    continue
                result = await apply_pages(self.source, [page], mark=mark, hold=hold)
            await self._count_held(result)

    async def _read_page(self, page_id: str) -> Page | None:
        """Return the current page; None if it cannot be read.

        Raises:
            PageGoneError: The page is in the trash, or Notion does not show it.
            NotionUnavailableError: Several consecutive pages could not be read.
        """
        try:
            page = await self.source.notion.fetch_page(
                self.schema, page_id, Urgency.SWEEP
            )
        # Only this page is refused; the sweep continues.
        except ItemRefusedError:
            return None
        except NotionUnavailableError:
            self._unread += 1
            if self._unread >= _MAX_FAILURES:
                raise
            return None
        self._unread = 0
        return page

    async def _mark_removed_pages(self, started_at: datetime) -> None:
        """Mark stored pages that the source no longer has, and cancel their jobs."""
        source, last_row = self.source.name, 0
        while True:
            async with self.source.app.db.read_transaction() as tx:
                rows = await posts.list_present_after(
                    tx, source, last_row, limit=_BATCH
                )
            for row, page_id, seen_at in rows:
                if row in self.seen or seen_at >= started_at:
                    continue
                if await self._is_removed(page_id):
                    await _remove_post(self.source, page_id)
            if len(rows) < _BATCH:
                return
            last_row = rows[-1][0]

    async def _is_removed(self, page_id: str) -> bool:
        try:
            page = await self._read_page(page_id)
        except PageGoneError:
            return True
        # The page cannot be read, so its stored state is kept.
        if page is None:
            return False
        return page.gone or page.source != self.schema.source

    async def _save_sync_state(
        self, started_at: datetime, notion_time: datetime | None
    ) -> None:
        async with self.source.app.db.write_transaction() as tx:
            state = await source_state.load_source_state(tx, self.source.name)
            if state is None:
                return
            # This is the first watermark, from which polls query.  A page edited
            # during the sweep may have been read before its edit.
            if state.watermark is None and self.newest is not None:
                first = min(self.newest, notion_time) if notion_time else self.newest
                state = replace(state, watermark=first)
            await source_state.save_source_state(
                tx, replace(state, last_sweep_at=started_at)
            )


async def _remove_post(source: SourceContext, page_id: str) -> None:
    ended: Job | None = None
    async with source.app.db.write_transaction() as tx:
        await posts.update_fields(tx, source.name, page_id, removed=True)
        await posts.release_post(tx, source.name, page_id)
        if job := await jobs.find_open(tx, source.name, page_id):
            now, why = source.app.now(), PAGE_GONE
            ended = await end_job(tx, job, JobEventType.CANCELLED, now=now, why=why)
    if ended is not None:
        job_log.log_job_ended(source, ended)
