"""Views of pages become what is remembered and what is queued, in one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, TypeAlias

from daemon.context import SourceContext, SourceSettings
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
from db.models import Job
from db.states import JobEventType, JobReason

#: Pages that are decided about together, some 3 KB each.
_AT_ONCE = 100
#: Pages, some milliseconds, after which others have a turn.
_STRETCH = 20

Hold: TypeAlias = Literal["never", "too many", "always", "postpone"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyResult:
    """What came of a batch of views.

    Attributes:
        queued: Jobs made, for the log.
        held: How many posts were held.
        postponed: Pages that want an image unasked, to be decided about later.
    """

    queued: tuple[Job, ...] = ()
    held: int = 0
    postponed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PagePlan:
    """A page, and what is to be done; `former`: a fingerprint to be renewed."""

    sight: PageSnapshot
    memory: StoredState
    actions: Sequence[Action]
    former: str = ""


async def apply_pages(
    flow: SourceContext,
    pages: Sequence[Page],
    *,
    mark: int | None = None,
    watermark: datetime | None = None,
    hold: Hold = "never",
    tx: Tx | None = None,
) -> ApplyResult:
    """Decide about *pages* and carry it out.

    Args:
        mark: The moment their request was sent: those with a newer view, or a write
            of ours since, are left out.  None: they are the newest there is.
        watermark: Stored with it if it is newer than the stored one.
        hold: Whether requests nobody ticked are held: when they are too many, as a
            poll does; always, as a sweep that counted too many does; or never, which
            is for views of single pages.  "postpone" neither holds nor queues them,
            and returns their pages.
        tx: A transaction to do it in; else nothing is written unless there is
            something to write.
    """
    mark = flow.views.take_mark() if mark is None else mark
    if tx is not None:
        return await _apply_in_tx(tx, flow, pages, mark, watermark=watermark, hold=hold)
    async with flow.db.read_transaction() as look_first:
        idle = not await _pages_with_actions(look_first, flow, pages, mark)
        if idle and not await _is_newer_watermark(look_first, flow.plan, watermark):
            return ApplyResult()
    async with flow.db.write_transaction() as writing:
        done = await _apply_in_tx(
            writing, flow, pages, mark, watermark=watermark, hold=hold
        )
    flow.kick.set()
    return done


async def _pages_with_actions(
    tx: Tx, flow: SourceContext, pages: Sequence[Page], mark: int
) -> list[PagePlan]:
    """Return those of *pages* that want something; views of all are looked after.

    In parts: of the hundreds that a poll lists while many are made, most want nothing.
    """
    wanting: list[PagePlan] = []
    for begin in range(0, len(pages), _AT_ONCE):
        some = [
            page
            for page in pages[begin : begin + _AT_ONCE]
            if not flow.views.is_outdated(page.id, mark)
        ]
        decided = await plan_pages(tx, flow.plan, some, flow.now())
        _update_page_cache(flow, decided, mark)
        wanting += [one for one in decided if one.actions]
    return wanting


def _update_page_cache(
    flow: SourceContext, decided: Sequence[PagePlan], mark: int
) -> None:
    """Keep the views that a job will ask for; the others only take up room."""
    for one in decided:
        flow.views.mark_applied(one.sight.page.id, mark)
        begins = any(isinstance(action, CreateJob) for action in one.actions)
        if begins or one.memory.job is not None:
            flow.views.put_page(one.sight.page, flow.steady())
        else:
            flow.views.drop_page(one.sight.page.id)


async def _is_newer_watermark(
    tx: Tx, plan: SourceSettings, watermark: datetime | None
) -> bool:
    if watermark is None:
        return False
    state = await posts.load_source_state(tx, plan.source)
    return state is not None and (
        state.watermark is None or state.watermark < watermark
    )


async def plan_pages(
    tx: Tx, plan: SourceSettings, pages: Sequence[Page], now: datetime
) -> list[PagePlan]:
    """Return what each of *pages* wants, by what is remembered; nothing is done."""
    ids = [page.id for page in pages]
    known_posts = await posts.get_many(tx, plan.source, ids)
    open_jobs = {
        job.page_id: job for job in await jobs.open_of_pages(tx, plan.source, ids)
    }
    names = [file.name for page in pages for file in page.image]
    ours = await images.by_names(tx, names) if names else {}
    held = await posts.held_among(tx, plan.source, ids)
    decided = []
    for number, page in enumerate(pages, 1):
        if number % _STRETCH == 0:
            await asyncio.sleep(0)
        inputs, fingerprint = read_inputs(page, plan.recipe)
        sight = PageSnapshot(page=page, inputs=inputs, fingerprint=fingerprint)
        memory = StoredState(
            post=known_posts.get(page.id),
            job=open_jobs.get(page.id),
            known={f.name: ours[f.name] for f in page.image if f.name in ours},
            held=page.id in held,
        )
        memory, actions, former = plan_page(sight, memory, plan, now)
        decided.append(
            PagePlan(sight=sight, memory=memory, actions=actions, former=former)
        )
    return decided


async def plan_dry_run(
    flow: SourceContext, pages: Sequence[Page], *, remembered: bool
) -> list[PagePlan]:
    """Return what *pages* would want, for `plan`.

    Args:
        remembered: There is a database to look into.
    """
    if remembered:
        async with flow.db.read_transaction() as tx:
            return await plan_pages(tx, flow.plan, pages, flow.now())
    decided = []
    for page in pages:
        inputs, fingerprint = read_inputs(page, flow.plan.recipe)
        sight = PageSnapshot(page=page, inputs=inputs, fingerprint=fingerprint)
        actions = plan_actions(sight, StoredState(), flow.plan.rules, flow.now())
        decided.append(PagePlan(sight=sight, memory=StoredState(), actions=actions))
    return decided


def count_automatic(decided: Sequence[PagePlan]) -> int:
    """Return how many posts want an image without anybody having ticked a box."""
    return sum(automatic_action(one) is not None for one in decided)


def exceeds_hold(count: int, limit: int) -> bool:
    """Say whether that many may not be queued at once."""
    return 0 < limit < count


def automatic_action(one: PagePlan) -> CreateJob | None:
    """Return the wish of a post that nobody ticked."""
    for action in one.actions:
        if isinstance(action, CreateJob) and action.reason is not JobReason.REGENERATE:
            return action
    return None


async def _apply_in_tx(
    tx: Tx,
    flow: SourceContext,
    pages: Sequence[Page],
    mark: int,
    *,
    watermark: datetime | None,
    hold: Hold,
) -> ApplyResult:
    now, plan = flow.now(), flow.plan
    wanting = await _pages_with_actions(tx, flow, pages, mark)
    held_back = hold in {"always", "postpone"} or (
        hold == "too many"
        and exceeds_hold(count_automatic(wanting), plan.approve_above)
    )
    queued: list[Job] = []
    held: list[tuple[str, JobReason]] = []
    for one in wanting:
        if one.former:
            await renew_stored_fingerprints(tx, plan.source, one.sight, one.former)
        start = automatic_action(one)
        if held_back and start is not None:
            held.append((one.sight.page.id, start.reason))
        for action in one.actions:
            if action is start and held_back:
                continue
            if job := await _apply_action(tx, flow, one, action, now):
                queued.append(job)
    if hold == "postpone":
        postponed = tuple(page_id for page_id, _ in held)
        return ApplyResult(queued=tuple(queued), postponed=postponed)
    await posts.hold_posts(tx, plan.source, held, now)
    await _advance_watermark(tx, plan, watermark)
    return ApplyResult(queued=tuple(queued), held=len(held))


async def _advance_watermark(
    tx: Tx, plan: SourceSettings, watermark: datetime | None
) -> None:
    if watermark is not None and await _is_newer_watermark(tx, plan, watermark):
        state = await posts.load_source_state(tx, plan.source)
        if state is not None:
            await posts.save_source_state(tx, replace(state, watermark=watermark))


async def _apply_action(
    tx: Tx, flow: SourceContext, one: PagePlan, action: Action, now: datetime
) -> Job | None:
    page, job = one.sight.page, one.memory.job
    match action:
        case SavePost(post):
            await posts.save(tx, replace(post, source=flow.plan.source))
        case CreateJob(reason, due_at, why):
            await posts.release_post(tx, flow.plan.source, page.id)
            new = new_job(flow.plan.source, one.sight, reason, due_at)
            return await jobs.create(tx, new, now=now, why=why)
        case MergeIntoQueued() if job is not None:
            changes = merged_values(one.sight, job, action)
            await jobs.apply_event(
                tx, job, JobEventType.FOLDED, now=now, why=action.why, **changes
            )
        case ScheduleNext() if job is not None:
            changes = next_request_values(one.sight, action)
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
