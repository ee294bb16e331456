"""Cancel jobs of ticked pages that polls no longer list."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from daemon.context import SourceContext
from daemon.jobs import job_log
from daemon.jobs.lifecycle import end_job
from db import jobs
from db.models import Job
from db.states import JobEventType


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
        if job is not None and job.owed == "untick":
            await cancel_missing_page(source, job)


async def cancel_missing_page(source: SourceContext, job: Job) -> None:
    """Cancel a job whose page is gone; its paid images stay on disk."""
    ended: Job | None = None
    async with source.app.db.write_transaction() as tx:
        await jobs.clear_pending_write(tx, job, job.owed)
        current = await jobs.get(tx, job.id)
        if current is not None and current.is_open:
            now, why = source.app.now(), "the page is gone"
            ended = await end_job(tx, current, JobEventType.CANCELLED, now=now, why=why)
    if ended is not None:
        job_log.log_job_ended(source, ended, ended.outcome)
