"""What a page is still owed besides its image: the un-tick, Waiting, Failed."""

from __future__ import annotations

from daemon.flow.absorb import absorb
from daemon.flow.context import Flow
from daemon.flow.ending import end_job
from daemon.flow.tell import say_left_out
from daemon.notion.errors import PageGoneError, RefusedWriteError
from daemon.notion.model import Change, Urgency
from db import jobs, posts
from db.engine import Tx
from db.records import Job
from db.states import Event, State

_STATUS = {"untick": "Queued", "waiting": "Waiting", "failed": "Failed"}


async def pay(flow: Flow, job: Job) -> None:
    """Make good what *job* owes its page.

    Raises:
        NotionError: For the caller, who knows when to try again.  While Notion refuses
            an un-tick, the job costs nothing.
    """
    change = Change(
        regenerate=False if job.owed == "untick" else None,
        status=_STATUS[job.owed] if job.is_open or job.owed == "failed" else None,
        note=job.owed_note if job.owed != "untick" else None,
    )
    ticked = job.owed == "untick"
    urgency = Urgency.REGENERATION if ticked else Urgency.JOB
    try:
        with flow.views.writing(job.page_id):
            written = await flow.door.update(
                flow.known_schema, job.page_id, change, urgency
            )
    except PageGoneError:
        await _page_gone(flow, job)
        return
    except RefusedWriteError as error:
        if ticked:
            raise
        flow.log.warning(
            "note.refused", summary=str(error), job=job.id, page=job.page_id
        )
        async with flow.db.writing() as tx:
            await jobs.settle_debt(tx, job, job.owed)
        return
    say_left_out(flow, written.left_out)
    async with flow.db.writing() as tx:
        await _confirmed(flow, job, tx)
        page = written.page
        await absorb(flow, [page], tx=tx)
    flow.kick.set()


async def _confirmed(flow: Flow, job: Job, tx: Tx) -> None:
    now = flow.now()
    current = await jobs.get(tx, job.id)
    if current is None or current.owed != job.owed:
        return
    if job.owed == "untick":
        await posts.change(tx, job.source, job.page_id, unticked_at=now)
        if current.is_open:
            why = "Notion confirmed the un-tick"
            event = Event.ACKNOWLEDGED
            acked = current.acked_at or now
            await jobs.move(
                tx, current, event, now=now, why=why, owed="", acked_at=acked
            )
            return
    await jobs.settle_debt(tx, current, job.owed)


async def _page_gone(flow: Flow, job: Job) -> None:
    async with flow.db.writing() as tx:
        await jobs.settle_debt(tx, job, job.owed)
        current = await jobs.get(tx, job.id)
        if current is not None and current.state is State.QUEUED:
            why = "the page is gone"
            await end_job(tx, current, Event.CANCELLED, now=flow.now(), why=why)
