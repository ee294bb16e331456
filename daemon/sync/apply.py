"""Apply the planned actions of pages in one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, TypeAlias

from daemon.config.model import Options
from daemon.context import SourceContext
from daemon.jobs.inputs import read_inputs
from daemon.jobs.lifecycle import end_job
from daemon.notion.model import Page
from daemon.sync.fingerprint_renewal import plan_page, renew_stored_fingerprints
from daemon.sync.job_values import merged_values, new_job, next_request_values
from daemon.sync.plan_types import (
    AcknowledgeRepeat,
    Action,
    CancelJob,
    CreateJob,
    MergeIntoQueued,
    PageSnapshot,
    SavePost,
    ScheduleNext,
    StoredState,
)
from daemon.sync.planner import plan_actions
from db import images, jobs, posts
from db.engine import Tx
from db.models import Job, SourceState
from db.states import JobEventType, JobReason

#: Pages that are planned together; a page takes about 3 KB.
_BATCH = 100
#: Pages planned, in a few milliseconds, before the event loop runs other tasks.
_YIELD_EVERY = 20

Hold: TypeAlias = Literal["never", "too many", "always", "postpone"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyResult:
    """The result of applying a batch of pages.

    Attributes:
        queued: Created jobs, for the log.
        held: Number of posts that now wait for approval.
        postponed: IDs of pages whose automatic request is decided later.
    """

    queued: tuple[Job, ...] = ()
    held: int = 0
    postponed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PagePlan:
    """A page and its planned actions.

    Attributes:
        former: Stored fingerprint of an earlier version to replace; empty: none.
    """

    sight: PageSnapshot
    memory: StoredState
    actions: Sequence[Action]
    former: str = ""


async def apply_pages(
    source: SourceContext,
    pages: Sequence[Page],
    *,
    mark: int | None = None,
    watermark: datetime | None = None,
    hold: Hold = "never",
    tx: Tx | None = None,
) -> ApplyResult:
    """Plan the actions of *pages* and apply them.

    Args:
        mark: Cache mark of the query that returned *pages*.  Pages that were read or
            written after it are skipped.  None: *pages* are the newest views.
        watermark: Stored in the same transaction if it is newer than the stored one.
        hold: What happens to automatic requests.  A poll holds them if there are
            "too many".  A sweep that has counted too many holds them "always".
            Single pages are "never" held.  "postpone" neither holds nor queues them
            and returns their page IDs.
        tx: Transaction to write in.  None: a write transaction is opened only if
            there is something to write.
    """
    mark = source.page_cache.take_mark() if mark is None else mark
    if tx is not None:
        return await _apply_in_tx(
            tx, source, pages, mark, watermark=watermark, hold=hold
        )
    async with source.app.db.read_transaction() as reading:
        if not (
            await _pages_with_actions(reading, source, pages, mark)
            or await _load_state_before(reading, source.name, watermark)
        ):
            return ApplyResult()
    async with source.app.db.write_transaction() as writing:
        result = await _apply_in_tx(
            writing, source, pages, mark, watermark=watermark, hold=hold
        )
    source.app.signals.kick.set()
    return result


async def _pages_with_actions(
    tx: Tx, source: SourceContext, pages: Sequence[Page], mark: int
) -> list[PagePlan]:
    """Return the plans that have actions; update the page cache for all *pages*.

    Pages are planned in batches, since most pages of a busy poll need no action.
    """
    with_actions: list[PagePlan] = []
    for start in range(0, len(pages), _BATCH):
        batch = [
            page
            for page in pages[start : start + _BATCH]
            if not source.page_cache.is_outdated(page.id, mark)
        ]
        plans = await plan_pages(tx, source, batch)
        _update_page_cache(source, plans, mark)
        with_actions += [plan for plan in plans if plan.actions]
    return with_actions


def _update_page_cache(
    source: SourceContext, plans: Sequence[PagePlan], mark: int
) -> None:
    """Cache the pages that a job will read, and drop the others to save memory."""
    for plan in plans:
        source.page_cache.mark_applied(plan.sight.page.id, mark)
        creates_job = any(isinstance(action, CreateJob) for action in plan.actions)
        if creates_job or plan.memory.job is not None:
            source.page_cache.put_page(plan.sight.page, source.app.steady_now())
        else:
            source.page_cache.drop_page(plan.sight.page.id)


async def _load_state_before(
    tx: Tx, source: str, watermark: datetime | None
) -> SourceState | None:
    """Return the source state if its watermark is older than *watermark*."""
    if watermark is None:
        return None
    state = await posts.load_source_state(tx, source)
    if state is None or (state.watermark and state.watermark >= watermark):
        return None
    return state


async def plan_pages(
    tx: Tx, source: SourceContext, pages: Sequence[Page]
) -> list[PagePlan]:
    """Plan the actions of *pages* from the stored state, without applying them."""
    ids, now = [page.id for page in pages], source.app.now()
    stored_posts = await posts.get_many(tx, source.name, ids)
    open_jobs = {
        job.page_id: job for job in await jobs.open_of_pages(tx, source.name, ids)
    }
    names = [file.name for page in pages for file in page.image]
    our_images = await images.by_names(tx, names) if names else {}
    held_ids = await posts.held_among(tx, source.name, ids)
    plans = []
    for number, page in enumerate(pages, 1):
        if number % _YIELD_EVERY == 0:
            await asyncio.sleep(0)
        snapshot = _take_snapshot(page, source.options)
        stored = StoredState(
            post=stored_posts.get(page.id),
            job=open_jobs.get(page.id),
            known={
                file.name: our_images[file.name]
                for file in page.image
                if file.name in our_images
            },
            held=page.id in held_ids,
        )
        stored, actions, former = plan_page(snapshot, stored, source.options, now)
        plans.append(
            PagePlan(sight=snapshot, memory=stored, actions=actions, former=former)
        )
    return plans


def _take_snapshot(page: Page, options: Options) -> PageSnapshot:
    inputs, fingerprint = read_inputs(page, options)
    return PageSnapshot(page=page, inputs=inputs, fingerprint=fingerprint)


async def plan_dry_run(
    source: SourceContext, pages: Sequence[Page], *, has_database: bool
) -> list[PagePlan]:
    """Plan the actions of *pages* for `plan`, without writing anything.

    Args:
        has_database: Use the stored state.  Without a database it is empty.
    """
    if has_database:
        async with source.app.db.read_transaction() as tx:
            return await plan_pages(tx, source, pages)
    plans = []
    for page in pages:
        snapshot = _take_snapshot(page, source.options)
        actions = plan_actions(
            snapshot, StoredState(), source.options.posts, source.app.now()
        )
        plans.append(PagePlan(sight=snapshot, memory=StoredState(), actions=actions))
    return plans


def exceeds_hold(count: int, limit: int) -> bool:
    """Return whether *count* is above the limit `posts.hold`; 0 means no limit."""
    return 0 < limit < count


def automatic_action(plan: PagePlan) -> CreateJob | None:
    """Return the action that creates a job without a tick."""
    for action in plan.actions:
        if isinstance(action, CreateJob) and action.reason is not JobReason.REGENERATE:
            return action
    return None


async def _apply_in_tx(
    tx: Tx,
    source: SourceContext,
    pages: Sequence[Page],
    mark: int,
    *,
    watermark: datetime | None,
    hold: Hold,
) -> ApplyResult:
    now = source.app.now()
    plans = await _pages_with_actions(tx, source, pages, mark)
    requests = [automatic_action(plan) for plan in plans]
    count = sum(request is not None for request in requests)
    holds = hold in {"always", "postpone"} or (
        hold == "too many" and exceeds_hold(count, source.options.posts.approve_above)
    )
    queued: list[Job] = []
    held: list[tuple[str, JobReason]] = []
    for plan, request in zip(plans, requests, strict=True):
        if plan.former:
            await renew_stored_fingerprints(tx, source.name, plan.sight, plan.former)
        if holds and request is not None:
            held.append((plan.sight.page.id, request.reason))
        for action in plan.actions:
            if holds and action is request:
                continue
            if job := await _apply_action(tx, source, plan, action, now):
                queued.append(job)
    if hold == "postpone":
        postponed = tuple(page_id for page_id, _ in held)
        return ApplyResult(queued=tuple(queued), postponed=postponed)
    await posts.hold_posts(tx, source.name, held, now)
    if state := await _load_state_before(tx, source.name, watermark):
        await posts.save_source_state(tx, replace(state, watermark=watermark))
    return ApplyResult(queued=tuple(queued), held=len(held))


async def _apply_action(
    tx: Tx, source: SourceContext, plan: PagePlan, action: Action, now: datetime
) -> Job | None:
    page, job = plan.sight.page, plan.memory.job
    match action:
        case SavePost(post):
            await posts.save(tx, replace(post, source=source.name))
        case CreateJob(reason, due_at, why):
            await posts.release_post(tx, source.name, page.id)
            job_values = new_job(source.name, plan.sight, reason, due_at)
            return await jobs.create(tx, job_values, now=now, why=why)
        case MergeIntoQueued() if job is not None:
            changes = merged_values(plan.sight, job, action)
            await jobs.apply_event(
                tx, job, JobEventType.FOLDED, now=now, why=action.why, **changes
            )
        case ScheduleNext() if job is not None:
            changes = next_request_values(plan.sight, action)
            await jobs.apply_event(
                tx, job, JobEventType.NOTED, now=now, why=action.why, **changes
            )
        case AcknowledgeRepeat() if job is not None:
            await jobs.apply_event(
                tx,
                job,
                JobEventType.REPEATED,
                now=now,
                why="ticked again",
                owed="untick",
            )
        case CancelJob(why) if job is not None:
            await end_job(tx, job, JobEventType.CANCELLED, now=now, why=why)
        case _:
            raise AssertionError(f"{action} without a job")
    return None
