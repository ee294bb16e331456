"""Views of pages become what is remembered and what is queued, in one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, TypeAlias

from daemon.flow.context import Flow, Plan
from daemon.flow.ending import end_job
from daemon.flow.inputs import read_inputs
from daemon.flow.job_values import folded, new_job, noted
from daemon.flow.renewal import plan_page, store_renewed
from daemon.flow.wants import (
    Action,
    Fold,
    Memory,
    Note,
    Remember,
    Repeat,
    Sight,
    Start,
    Withdraw,
    wants,
)
from daemon.notion.model import Page
from db import images, jobs, posts
from db.engine import Tx
from db.records import Job
from db.states import Event, Reason

#: Pages that are decided about together, some 3 KB each.
_AT_ONCE = 100
#: Pages, some milliseconds, after which others have a turn.
_STRETCH = 20

Hold: TypeAlias = Literal["never", "too many", "always", "postpone"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Absorbed:
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
class Decided:
    """A page, and what is to be done; `former`: a fingerprint to be renewed."""

    sight: Sight
    memory: Memory
    actions: Sequence[Action]
    former: str = ""


async def absorb(
    flow: Flow,
    pages: Sequence[Page],
    *,
    mark: int | None = None,
    watermark: datetime | None = None,
    hold: Hold = "never",
    tx: Tx | None = None,
) -> Absorbed:
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
    mark = flow.views.mark() if mark is None else mark
    if tx is not None:
        return await _carry_out(tx, flow, pages, mark, watermark=watermark, hold=hold)
    async with flow.db.reading() as look_first:
        idle = not await _wanting(look_first, flow, pages, mark)
        if idle and not await _is_news(look_first, flow.plan, watermark):
            return Absorbed()
    async with flow.db.writing() as writing:
        done = await _carry_out(
            writing, flow, pages, mark, watermark=watermark, hold=hold
        )
    flow.kick.set()
    return done


async def _wanting(
    tx: Tx, flow: Flow, pages: Sequence[Page], mark: int
) -> list[Decided]:
    """Return those of *pages* that want something; views of all are looked after.

    In parts: of the hundreds that a poll lists while many are made, most want nothing.
    """
    wanting: list[Decided] = []
    for begin in range(0, len(pages), _AT_ONCE):
        some = [
            page
            for page in pages[begin : begin + _AT_ONCE]
            if not flow.views.disturbed(page.id, mark)
        ]
        decided = await decide(tx, flow.plan, some, flow.now())
        _keep_views(flow, decided, mark)
        wanting += [one for one in decided if one.actions]
    return wanting


def _keep_views(flow: Flow, decided: Sequence[Decided], mark: int) -> None:
    """Keep the views that a job will ask for; the others only take up room."""
    for one in decided:
        flow.views.applied(one.sight.page.id, mark)
        begins = any(isinstance(action, Start) for action in one.actions)
        if begins or one.memory.job is not None:
            flow.views.put(one.sight.page, flow.steady())
        else:
            flow.views.drop(one.sight.page.id)


async def _is_news(tx: Tx, plan: Plan, watermark: datetime | None) -> bool:
    if watermark is None:
        return False
    state = await posts.load_sync(tx, plan.source)
    return state is not None and (
        state.watermark is None or state.watermark < watermark
    )


async def decide(
    tx: Tx, plan: Plan, pages: Sequence[Page], now: datetime
) -> list[Decided]:
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
        sight = Sight(page=page, inputs=inputs, fingerprint=fingerprint)
        memory = Memory(
            post=known_posts.get(page.id),
            job=open_jobs.get(page.id),
            known={f.name: ours[f.name] for f in page.image if f.name in ours},
            held=page.id in held,
        )
        memory, actions, former = plan_page(sight, memory, plan, now)
        decided.append(
            Decided(sight=sight, memory=memory, actions=actions, former=former)
        )
    return decided


async def decide_alone(
    flow: Flow, pages: Sequence[Page], *, remembered: bool
) -> list[Decided]:
    """Return what *pages* would want, for `plan`.

    Args:
        remembered: There is a database to look into.
    """
    if remembered:
        async with flow.db.reading() as tx:
            return await decide(tx, flow.plan, pages, flow.now())
    decided = []
    for page in pages:
        inputs, fingerprint = read_inputs(page, flow.plan.recipe)
        sight = Sight(page=page, inputs=inputs, fingerprint=fingerprint)
        actions = wants(sight, Memory(), flow.plan.rules, flow.now())
        decided.append(Decided(sight=sight, memory=Memory(), actions=actions))
    return decided


def unasked(decided: Sequence[Decided]) -> int:
    """Return how many posts want an image without anybody having ticked a box."""
    return sum(by_itself(one) is not None for one in decided)


def too_many(count: int, limit: int) -> bool:
    """Say whether that many may not be queued at once."""
    return 0 < limit < count


def by_itself(one: Decided) -> Start | None:
    """Return the wish of a post that nobody ticked."""
    for action in one.actions:
        if isinstance(action, Start) and action.reason is not Reason.REGENERATE:
            return action
    return None


async def _carry_out(
    tx: Tx,
    flow: Flow,
    pages: Sequence[Page],
    mark: int,
    *,
    watermark: datetime | None,
    hold: Hold,
) -> Absorbed:
    now, plan = flow.now(), flow.plan
    wanting = await _wanting(tx, flow, pages, mark)
    held_back = hold in {"always", "postpone"} or (
        hold == "too many" and too_many(unasked(wanting), plan.hold)
    )
    queued: list[Job] = []
    held: list[tuple[str, Reason]] = []
    for one in wanting:
        if one.former:
            await store_renewed(tx, plan.source, one.sight, one.former)
        start = by_itself(one)
        if held_back and start is not None:
            held.append((one.sight.page.id, start.reason))
        for action in one.actions:
            if action is start and held_back:
                continue
            if job := await _act(tx, flow, one, action, now):
                queued.append(job)
    if hold == "postpone":
        postponed = tuple(page_id for page_id, _ in held)
        return Absorbed(queued=tuple(queued), postponed=postponed)
    await posts.hold(tx, plan.source, held, now)
    await _advance(tx, plan, watermark)
    return Absorbed(queued=tuple(queued), held=len(held))


async def _advance(tx: Tx, plan: Plan, watermark: datetime | None) -> None:
    if watermark is not None and await _is_news(tx, plan, watermark):
        state = await posts.load_sync(tx, plan.source)
        if state is not None:
            await posts.save_sync(tx, replace(state, watermark=watermark))


async def _act(
    tx: Tx, flow: Flow, one: Decided, action: Action, now: datetime
) -> Job | None:
    page, job = one.sight.page, one.memory.job
    match action:
        case Remember(post):
            await posts.save(tx, replace(post, source=flow.plan.source))
        case Start(reason, due_at, why):
            await posts.release(tx, flow.plan.source, page.id)
            new = new_job(flow.plan.source, one.sight, reason, due_at)
            return await jobs.create(tx, new, now=now, why=why)
        case Fold() if job is not None:
            changes = folded(one.sight, job, action)
            await jobs.move(tx, job, Event.FOLDED, now=now, why=action.why, **changes)
        case Note() if job is not None:
            changes = noted(one.sight, action)
            await jobs.move(tx, job, Event.NOTED, now=now, why=action.why, **changes)
        case Repeat() if job is not None:
            await jobs.move(
                tx, job, Event.REPEATED, now=now, why="ticked again", owed="untick"
            )
        case Withdraw(why) if job is not None:
            await end_job(tx, job, Event.CANCELLED, now=now, why=why)
        case _:
            raise AssertionError(f"{action} without a job")
    return None
