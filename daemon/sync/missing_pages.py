"""Pages that no poll lists although a box of theirs is to be un-ticked."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from daemon.context import SourceContext
from daemon.jobs import job_log
from daemon.jobs.lifecycle import end_job
from db import jobs
from db.models import Job
from db.states import JobEventType


async def cancel_missing_pages(
    flow: SourceContext, listed: AbstractSet[str], mark: int
) -> None:
    """Cancel jobs whose un-tick was answered 404 and whose page no poll lists.

    Args:
        listed: Pages that a poll has found; every ticked page is among them.
        mark: The moment that poll was sent.
    """
    for page_id in sorted(flow.unreachable - listed):
        # The un-tick was answered while the poll was under way.
        if flow.views.is_outdated(page_id, mark):
            continue
        flow.unreachable.discard(page_id)
        async with flow.db.read_transaction() as tx:
            job = await jobs.find_open(tx, flow.plan.source, page_id)
        if job is not None and job.owed == "untick":
            await cancel_missing_page(flow, job)


async def cancel_missing_page(flow: SourceContext, job: Job) -> None:
    """Cancel a job whose page is gone; what was paid for stays on disk."""
    ended: Job | None = None
    async with flow.db.write_transaction() as tx:
        await jobs.clear_pending_write(tx, job, job.owed)
        current = await jobs.get(tx, job.id)
        if current is not None and current.is_open:
            now, why = flow.now(), "the page is gone"
            ended = await end_job(tx, current, JobEventType.CANCELLED, now=now, why=why)
    if ended is not None:
        job_log.log_job_ended(flow, ended, ended.outcome)
