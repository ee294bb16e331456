"""A task failed: its pause begins, and the log and the job's history say why.

The cause is said once, and once an hour while it lasts.
"""

from __future__ import annotations

import random
from datetime import datetime

from daemon.context import SourceContext
from daemon.errors import PostbrushError
from daemon.notion.errors import NotionUnavailableError
from daemon.service.task_delays import PendingRetry, TaskKey, TaskKind
from db import delays, jobs
from db.engine import Tx
from db.errors import DatabaseError
from db.models import Job
from db.states import JobReason, JobState

#: The third failure: 15 seconds have passed, and the page is told.
_TELL_AT = 3
#: Tasks that `status` names.
_LISTED = 20


async def postpone_task(
    flow: SourceContext,
    subject: TaskKey,
    error: Exception,
    job: Job | None = None,
    *,
    is_told: bool = False,
) -> PendingRetry:
    """Count a failure, begin the pause, and say so where it is due.

    Args:
        error: A refusal, or something nobody expected: the log gets its traceback.
        is_told: Somebody else says it in the log.
    """
    expected = isinstance(error, PostbrushError | DatabaseError)
    why = str(error) if expected else f"an unexpected error: {error!r:.200}"
    delay = flow.delays.add_failure(
        subject,
        why,
        flow.clock.elapsed(),
        random.random(),  # noqa: S311 - spreads requests, keeps no secret
        away=isinstance(error, NotionUnavailableError),
    )
    if not is_told and flow.delays.should_log(subject, why, flow.steady()):
        _log_failure(flow, delay, None if expected else error, job)
    # A database that refuses is not asked to write that down.
    if job is not None and not isinstance(error, DatabaseError):
        await _record_failure(flow, delay, job)
    return delay


def _log_failure(
    flow: SourceContext, delay: PendingRetry, error: Exception | None, job: Job | None
) -> None:
    subject = delay.subject
    about = f" {subject.provider}" if subject.provider else ""
    title = f"'{job.title}': " if job else ""
    number = f" (job {job.id})" if job else ""
    fields = {"job": job.id, "page": job.page_id} if job else {}
    words = f"{title}{subject.task}{about} failed: {delay.why.rstrip('.')}"
    if error is not None:
        flow.log.error(
            "job.crashed", summary=f"{words}{number}", exc_info=error, **fields
        )
        return
    flow.log.warning(
        "job.delayed",
        summary=f"{words}. postbrush will try again with growing pauses{number}",
        **fields,
    )


async def _record_failure(flow: SourceContext, delay: PendingRetry, job: Job) -> None:
    """Write the cause into the job's history, and tell the page that it waits."""
    now, steady, subject = flow.now(), flow.steady(), delay.subject
    next_try = steady + flow.delays.time_left(subject, flow.clock.elapsed())
    is_news = flow.delays.should_record(subject, delay.why, steady, next_try)
    # Notion as a whole is away, or the page cannot be written: there is no telling it.
    tells = (
        subject.task is TaskKind.UPLOAD
        and delay.failures >= _TELL_AT
        and not job.told_waiting
        and not flow.outage.why
    )
    if not (is_news or tells):
        return
    async with flow.db.write_transaction() as tx:
        current = await jobs.get(tx, job.id)
        if current is None:
            return
        if is_news:
            why = f"{subject.task} failed: {delay.why}"
            await delays.record_delay(tx, current, now=now, why=why)
        if tells:
            await _set_waiting_note(tx, current, delay)
    flow.news.announce_change()


async def _set_waiting_note(tx: Tx, job: Job, delay: PendingRetry) -> None:
    if job.told_waiting or job.owed or job.state is not JobState.UPLOADING:
        return
    # A replacement nobody asked for: the card stays, and its page says nothing.
    if job.reason is JobReason.REPLACE:
        return
    note = (
        f"Waiting: the image is ready, but Notion did not take it ({delay.why}). "
        "postbrush will try again automatically."
    )
    await jobs.set_pending_write(tx, job, "waiting", note)
    await jobs.mark_waiting_notified(tx, job)


async def end_delay(
    flow: SourceContext, subject: TaskKey, job: Job | None = None
) -> None:
    """A task succeeded: its pauses are over, and its job's history says so."""
    if flow.delays.clear_failures(subject) and job is not None:
        async with flow.db.write_transaction() as tx:
            current = await jobs.get(tx, job.id)
            if current is not None and current.is_open:
                why = f"{subject.task} succeeded"
                await delays.record_delay(
                    tx, current, now=flow.now(), why=why, over=True
                )


def next_try_at(flow: SourceContext, subject: TaskKey) -> datetime:
    """Return when a task may be tried again, on the wall clock."""
    return flow.now() + flow.delays.time_left(subject, flow.clock.elapsed())


async def list_delayed_tasks(flow: SourceContext) -> list[dict[str, object]]:
    """Return the tasks that wait for their next try, for `status`: the first few."""
    moment = flow.clock.elapsed()
    waiting = [one for one in flow.delays.of_tasks() if one.until > moment][:_LISTED]
    found: list[dict[str, object]] = []
    async with flow.db.read_transaction() as tx:
        for delay in waiting:
            job = await jobs.get(tx, delay.subject.job) if delay.subject.job else None
            # It was cancelled meanwhile, say.
            if job is not None and not (job.is_open or job.owed):
                continue
            found.append(
                {
                    "job": job.id if job else None,
                    "title": job.title if job else "",
                    "task": f"{delay.subject.task} {delay.subject.provider}".strip(),
                    "why": delay.why,
                    "failures": delay.failures,
                    "next": next_try_at(flow, delay.subject).isoformat(),
                }
            )
    return found
