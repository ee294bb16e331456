"""Once a day everything is looked at, so that nothing a poll missed stays missed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from daemon.flow import tell
from daemon.flow.absorb import Absorbed, Hold, absorb, decide, too_many, unasked
from daemon.flow.context import Flow
from daemon.flow.delays import Subject, Task
from daemon.flow.ending import end_job
from daemon.flow.poll import report
from daemon.flow.postpone import postpone, resume
from daemon.notion.errors import (
    AwayError,
    PageGoneError,
    RowRefusedError,
)
from daemon.notion.model import Page, Schema, Urgency
from db import jobs, posts
from db.errors import DatabaseError
from db.records import Post
from db.states import Event, State

_EVERY = timedelta(days=1)
_BATCH = 200
#: Pages that could not be read, one after the other: Notion is away.
_AWAY_IN_A_ROW = 3


async def sweep_if_due(flow: Flow) -> Absorbed | None:
    """Sweep at the first start, once a day, and when the scope has changed."""
    subject = Subject(Task.SWEEP, flow.plan.source)
    waits = flow.delays.lasts(subject, flow.clock.elapsed())
    if flow.schema is None or flow.outage.why or waits:
        return None
    async with flow.db.reading() as tx:
        state = await posts.load_sync(tx, flow.plan.source)
    if state and state.swept_at and abs(flow.now() - state.swept_at) < _EVERY:
        return None
    try:
        found = await _sweep(flow, flow.schema)
    # The loop knows what to do about its database.
    except DatabaseError:
        raise
    # The polls beside it decide whether Notion as a whole is away.
    except Exception as error:  # noqa: BLE001 - it is logged there
        await postpone(flow, subject, error)
        return None
    await resume(flow, subject)
    return found


async def _sweep(flow: Flow, schema: Schema) -> Absorbed:
    began = flow.now()
    pages = await _everything(flow, schema)
    hold: Hold = "always" if await _too_many(flow, pages) else "never"
    total = Absorbed()
    for start in range(0, len(pages), _BATCH):
        found = await absorb(flow, pages[start : start + _BATCH], hold=hold)
        total = Absorbed(
            queued=total.queued + found.queued, held=total.held + found.held
        )
    await _find_missing(flow, schema, {page.id for page in pages}, began)
    await _remember(flow, pages, began)
    report(flow, total)
    return total


async def _everything(flow: Flow, schema: Schema) -> list[Page]:
    """Return every page once, without those a write of ours has touched meanwhile."""
    found: dict[str, Page] = {}
    created_from: datetime | None = None
    while True:
        mark = flow.views.mark()
        window, created_from = await flow.door.everything(
            schema, created_from=created_from
        )
        for page in window:
            if not flow.views.disturbed(page.id, mark):
                found[page.id] = page
        if created_from is None:
            return list(found.values())


async def _too_many(flow: Flow, pages: Sequence[Page]) -> bool:
    wishes = 0
    for start in range(0, len(pages), _BATCH):
        async with flow.db.reading() as tx:
            some = pages[start : start + _BATCH]
            wishes += unasked(await decide(tx, flow.plan, some, flow.now()))
    return too_many(wishes, flow.plan.hold)


async def _find_missing(
    flow: Flow, schema: Schema, seen: set[str], began: datetime
) -> None:
    """Pages we know that the source no longer has: their jobs are cancelled."""
    async with flow.db.reading() as tx:
        known = await posts.all_present(tx, flow.plan.source)
    away = 0
    for post in known:
        if post.page_id in seen or post.seen_at >= began:
            continue
        try:
            is_gone = await _is_gone(flow, schema, post)
        # One page, or Notion as a whole: several in a row tell.
        except AwayError:
            away += 1
            if away >= _AWAY_IN_A_ROW:
                raise
            continue
        away = 0
        if is_gone:
            await _forget(flow, post)


async def _is_gone(flow: Flow, schema: Schema, post: Post) -> bool:
    try:
        page = await flow.door.page(schema, post.page_id, Urgency.SWEEP)
    except PageGoneError:
        return True
    # Nothing is known of this page today: it stays as it is.
    except RowRefusedError:
        return False
    return page.gone or page.source != schema.source


async def _forget(flow: Flow, post: Post) -> None:
    why = "the page is gone"
    async with flow.db.writing() as tx:
        now = flow.now()
        await posts.change(tx, post.source, post.page_id, gone=True)
        await posts.release(tx, post.source, post.page_id)
        job = await jobs.open_of(tx, post.source, post.page_id)
        ended = (
            await end_job(tx, job, Event.CANCELLED, now=now, why=why) if job else None
        )
    if ended is not None and ended.state is State.CANCELLED:
        tell.say_ended(flow, ended, why)


async def _remember(flow: Flow, pages: Sequence[Page], began: datetime) -> None:
    newest = max((page.edited_at for page in pages), default=None)
    async with flow.db.writing() as tx:
        state = await posts.load_sync(tx, flow.plan.source)
        if state is None:
            return
        # The first watermark of all: what a poll looks back to from now on.
        if state.watermark is None:
            state = replace(state, watermark=newest)
        await posts.save_sync(tx, replace(state, swept_at=began))
