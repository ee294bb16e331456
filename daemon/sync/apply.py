"""Apply the planned actions of pages in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, TypeAlias

from daemon.context import SourceContext
from daemon.errors import PostbrushError
from daemon.formatting import format_dollars
from daemon.jobs import actions, job_log
from daemon.jobs.job_validity import PAGE_GONE
from daemon.jobs.lifecycle import end_job
from daemon.notion.model import Page
from daemon.sync.page_plan import PagePlan, plan_pages
from daemon.sync.plan_values import (
    AcknowledgeRepeat,
    Action,
    CancelJob,
    CreateJob,
    MergeIntoQueued,
    ReleasePost,
    ReletterImages,
    SavePost,
    ScheduleNext,
    ShowVariants,
    merged_values,
    new_job,
    next_request_values,
)
from db import jobs, posts, source_state
from db.engine import Tx
from db.models import Job, SourceState
from db.states import JobEventType, JobReason, JobState

#: Pages that are planned together; a page takes about 3 KB.
_BATCH = 100

Hold: TypeAlias = Literal["never", "too many", "always", "postpone"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyResult:
    """The result of applying a batch of pages.

    Attributes:
        queued: Created jobs, for the log.
        held: Number of posts that now wait for approval.
        postponed: IDs of pages whose automatic request is decided later.
        is_news: A page has changed in a way that matters to its image.
    """

    queued: tuple[Job, ...] = ()
    held: int = 0
    postponed: tuple[str, ...] = ()
    is_news: bool = False


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
    state = await source_state.load_source_state(tx, source)
    if state is None or (state.watermark and state.watermark >= watermark):
        return None
    return state


def exceeds_hold(count: int, limit: int) -> bool:
    """Return whether *count* is above the limit `posts.hold`; 0 means no limit."""
    return 0 < limit < count


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
    requests = [plan.automatic_request for plan in plans]
    count = sum(request is not None for request in requests)
    holds = hold in {"always", "postpone"} or (
        hold == "too many" and exceeds_hold(count, source.options.posts.approve_above)
    )
    queued: list[Job] = []
    held: list[tuple[str, JobReason]] = []
    for plan, request in zip(plans, requests, strict=True):
        if plan.former:
            await jobs.replace_fingerprint(
                tx, source.name, plan.sight.page.id, plan.former, plan.sight.fingerprint
            )
        if holds and request is not None:
            held.append((plan.sight.page.id, request.reason))
        for action in plan.actions:
            if holds and action is request:
                continue
            if job := await _apply_action(tx, source, plan, action, now):
                queued.append(job)
    if hold == "postpone":
        postponed = tuple(page_id for page_id, _ in held)
        return ApplyResult(
            queued=tuple(queued), postponed=postponed, is_news=bool(plans)
        )
    await posts.hold_posts(tx, source.name, held, now)
    if state := await _load_state_before(tx, source.name, watermark):
        await source_state.save_source_state(tx, replace(state, watermark=watermark))
    return ApplyResult(queued=tuple(queued), held=len(held), is_news=bool(plans))


async def _apply_action(
    tx: Tx, source: SourceContext, plan: PagePlan, action: Action, now: datetime
) -> Job | None:
    page, job = plan.sight.page, plan.memory.job
    match action:
        case SavePost(post):
            await posts.save(tx, replace(post, source=source.name))
        case CreateJob(reason, due_at, why):
            if plan.memory.held:
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
            event, why = JobEventType.REPEATED, "ticked again"
            await jobs.apply_event(
                tx, job, event, now=now, why=why, pending_write="untick"
            )
        case ShowVariants(job_id, names, why):
            shown = await jobs.get(tx, job_id)
            if shown is not None and shown.state is JobState.DONE:
                return await actions.show_images_of(
                    tx, shown, plan.sight.fingerprint, names, why=why, now=now
                )
        case ReleasePost():
            await posts.release_post(tx, source.name, page.id)
        case ReletterImages():
            return await _reletter_changed(tx, source.name, page.id, now)
        case CancelJob(why) if job is not None:
            await end_job(tx, job, JobEventType.CANCELLED, now=now, why=why)
        case _:
            raise AssertionError(f"{action} without a job")
    return None


async def _reletter_changed(
    tx: Tx, source: str, page_id: str, now: datetime
) -> Job | None:
    """Put the changed headline of a page on its images; None if that cannot be done."""
    post = await posts.get(tx, source, page_id)
    try:
        return await actions.reletter_images(tx, post, None, now) if post else None
    # The job of the image has failed meanwhile, or its file was pruned.
    except PostbrushError:
        return None


async def cancel_missing_pages(
    source: SourceContext, listed: AbstractSet[str], mark: int
) -> None:
    """Cancel jobs whose un-tick was answered 404 and whose page the poll did not list.

    Args:
        listed: IDs of the pages that the poll listed, including every ticked page.
        mark: Cache mark of the poll.
    """
    for page_id in sorted(source.state.unreachable_pages - listed):
        # The un-tick was answered during the poll.
        if source.page_cache.is_outdated(page_id, mark):
            continue
        source.state.unreachable_pages.discard(page_id)
        async with source.app.db.read_transaction() as tx:
            job = await jobs.find_open(tx, source.name, page_id)
        if job is not None and job.pending_write == "untick":
            await cancel_missing_page(source, job)


async def cancel_missing_page(source: SourceContext, job: Job) -> None:
    """Cancel a job whose page is gone; its paid images stay on disk."""
    ended: Job | None = None
    async with source.app.db.write_transaction() as tx:
        await jobs.clear_pending_write(tx, job)
        current = await jobs.get(tx, job.id)
        if current is not None and current.is_open:
            now, why = source.app.now(), PAGE_GONE
            ended = await end_job(tx, current, JobEventType.CANCELLED, now=now, why=why)
    if ended is not None:
        job_log.log_job_ended(source, ended)


def log_poll_result(source: SourceContext, result: ApplyResult) -> None:
    """Log the queued and held posts of a poll or sweep."""
    for job in result.queued:
        job_log.log_job_queued(source, job)
    if result.held:
        cost = result.held * source.price_of(source.chain[0])
        limit = source.options.posts.approve_above
        source.log.warning(
            "poll.held",
            summary=f"{result.held} posts are waiting for an image, above the limit "
            f"posts.approve_above = {limit}. None will be generated until you run "
            "`postbrush approve` "
            f"(estimated cost: {format_dollars(cost, zero='none')})",
            held=result.held,
        )
