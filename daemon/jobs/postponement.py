"""Pause a failed task, and log its cause and write it into the job's history.

The log names a cause once, and once an hour while it lasts.
"""

from __future__ import annotations

import random
from datetime import datetime

from daemon.context import AppContext, SourceContext
from daemon.errors import PostbrushError
from daemon.jobs.retry_policy import waiting_note
from daemon.notion.errors import NotionUnavailableError
from daemon.service.tasks import PendingRetry, TaskKey, TaskKind
from db import jobs
from db.engine import Tx
from db.errors import DatabaseError
from db.models import Job
from db.states import JobReason, JobState

#: Failures after which the page gets a note; 15 seconds have passed by then.
_TELL_AT = 3
#: Maximum number of delayed tasks that `status` lists.
_LISTED = 20


async def postpone_task(
    source: SourceContext,
    subject: TaskKey,
    error: Exception,
    job: Job | None = None,
    *,
    is_told: bool = False,
) -> PendingRetry:
    """Count a failure of a task and start its pause.

    Args:
        error: The cause.  Unexpected errors are logged with their traceback.
        job: The job of the task, whose history gets the cause.
        is_told: The caller logs the failure.
    """
    is_expected = isinstance(error, PostbrushError | DatabaseError)
    why = str(error) if is_expected else f"an unexpected error: {error!r:.200}"
    app = source.app
    delay = app.retry_schedule.add_failure(
        subject,
        why,
        app.clock.elapsed(),
        random.random(),  # noqa: S311 - spreads requests, keeps no secret
        away=isinstance(error, NotionUnavailableError),
    )
    if not is_told and app.retry_schedule.should_log(subject, why, app.steady_now()):
        _log_failure(source, delay, None if is_expected else error, job)
    # A failing database cannot record its own failure.
    if job is not None and not isinstance(error, DatabaseError):
        await _record_failure(source, delay, job)
    return delay


def _log_failure(
    source: SourceContext, delay: PendingRetry, error: Exception | None, job: Job | None
) -> None:
    subject = delay.subject
    provider = f" {subject.provider}" if subject.provider else ""
    title = f"'{job.title}': " if job else ""
    number = f" (job {job.id})" if job else ""
    fields = {"job": job.id, "page": job.page_id} if job else {}
    failure = f"{title}{subject.task}{provider} failed: {delay.why.rstrip('.')}"
    if error is not None:
        source.log.error(
            "job.crashed", summary=f"{failure}{number}", exc_info=error, **fields
        )
        return
    source.log.warning(
        "job.delayed",
        summary=f"{failure}. postbrush will retry with increasing delays{number}",
        **fields,
    )


async def _record_failure(source: SourceContext, delay: PendingRetry, job: Job) -> None:
    """Write the cause into the job's history, and queue a note for its page."""
    app, subject = source.app, delay.subject
    steady, schedule = app.steady_now(), app.retry_schedule
    next_try = steady + schedule.time_left(subject, app.clock.elapsed())
    is_new_cause = schedule.should_record(subject, delay.why, steady, next_try)
    # A page gets no note while Notion as a whole is unreachable.
    needs_note = (
        subject.task is TaskKind.UPLOAD
        and delay.failures >= _TELL_AT
        and not job.waiting_notified_at
        and not source.notion_backoff.why
    )
    if not (is_new_cause or needs_note):
        return
    now = app.now()
    async with app.db.write_transaction() as tx:
        current = await jobs.get(tx, job.id)
        if current is None:
            return
        if is_new_cause:
            why = f"{subject.task} failed: {delay.why}"
            await jobs.record_delay(tx, current, now=now, why=why)
        if needs_note:
            await _set_waiting_note(tx, current, delay, now)
    app.signals.change_event.announce_change()


async def _set_waiting_note(
    tx: Tx, job: Job, delay: PendingRetry, now: datetime
) -> None:
    if (
        job.waiting_notified_at
        or job.pending_write
        or job.state is not JobState.UPLOADING
    ):
        return
    # An automatic replacement leaves its card and adds no note.
    if job.reason is JobReason.REPLACE:
        return
    why = f"the image is ready, but Notion did not accept it ({delay.why})"
    await jobs.set_waiting_note(tx, job, waiting_note(why), now)


async def end_delay(app: AppContext, subject: TaskKey, job: Job | None = None) -> None:
    """End the pauses of a successful task, and record that in its job's history."""
    if app.retry_schedule.clear_failures(subject) and job is not None:
        async with app.db.write_transaction() as tx:
            current = await jobs.get(tx, job.id)
            if current is not None and current.is_open:
                why = f"{subject.task} succeeded"
                await jobs.record_delay(tx, current, now=app.now(), why=why, over=True)


def next_try_at(app: AppContext, subject: TaskKey) -> datetime:
    """Return when a task may be tried again, by the wall clock."""
    return app.now() + app.retry_schedule.time_left(subject, app.clock.elapsed())


async def list_delayed_tasks(app: AppContext) -> list[dict[str, object]]:
    """Return up to 20 tasks that wait for their next try, for `status`."""
    elapsed = app.clock.elapsed()
    waiting = [
        delay for delay in app.retry_schedule.of_tasks() if delay.until > elapsed
    ]
    tasks: list[dict[str, object]] = []
    async with app.db.read_transaction() as tx:
        for delay in waiting[:_LISTED]:
            job = await jobs.get(tx, delay.subject.job) if delay.subject.job else None
            # The job has ended in the meantime.
            if job is not None and not (job.is_open or job.pending_write):
                continue
            tasks.append(
                {
                    "job_id": job.id if job else None,
                    "title": job.title if job else "",
                    "task": f"{delay.subject.task} {delay.subject.provider}".strip(),
                    "why": delay.why,
                    "failures": delay.failures,
                    "retry_at": next_try_at(app, delay.subject).isoformat(),
                }
            )
    return tasks
