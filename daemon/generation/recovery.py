"""Releases the claims of a dead daemon without paying for a call twice.

The exclusive lock of the data folder or an expired lease proves that it is dead.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from daemon.context import SourceContext, Sources
from daemon.generation.call_result import record_unknown
from daemon.generation.chain_input import build_image_spec
from daemon.generation.provider_call import adopt_image
from daemon.imaging import files
from daemon.imaging.store import NameCollisionError, StoreUnavailableError
from daemon.jobs import breaker_store
from daemon.jobs.lifecycle import requeue_job
from db import attempts, jobs, queue
from db.models import Attempt, Job
from db.states import JobEventType, JobState
from providers import breaker

#: Younger calls of `generate` and `test` may be open in another process.
_ADHOC_GRACE = timedelta(minutes=15)
_WHY = "postbrush stopped while the job was running"


async def recover_claims(sources: Sources, dead: Sequence[str] | None) -> None:
    """Settle open calls, requeue claimed jobs, release breaker probes.

    Args:
        dead: IDs of the dead daemons; None if every claim is a dead one's.
    """
    await _settle_open_calls(sources, dead)
    await _requeue_claimed(sources, dead)
    await _release_probes(sources.first)


async def recover_uploads(sources: Sequence[SourceContext]) -> None:
    """Take over the jobs in `uploading` of the sources whose leader this daemon is."""
    by_name, app = {source.name: source for source in sources}, sources[0].app
    async with app.db.write_transaction() as tx:
        now = app.now()
        rescued = [
            await jobs.apply_event(
                tx, job, JobEventType.RESCUED, now=now, why=_WHY, due_at=now
            )
            for job in await queue.list_jobs(tx, [JobState.UPLOADING])
            if job.source in by_name
        ]
    for job in rescued:
        _log_job_rescued(by_name[job.source], job)


async def _settle_open_calls(sources: Sources, dead: Sequence[str] | None) -> None:
    app = sources.app
    async with app.db.read_transaction() as tx:
        open_attempts = await attempts.list_open(tx)
        job_by_attempt = {
            attempt.id: await jobs.get(tx, attempt.job_id)
            for attempt in open_attempts
            if attempt.job_id is not None
        }
    # Only an open call can leave a temporary file, as a call is closed after its file
    # is complete.  Listing years of images would delay every other start.
    if open_attempts:
        await asyncio.to_thread(files.remove_temp_files, app.image_folder)
    for attempt in open_attempts:
        job = job_by_attempt.get(attempt.id)
        if job is not None and dead is not None and job.claimed_by not in dead:
            continue
        # The first source stands for one that is no longer configured.
        source = sources.source_of(attempt.source)
        await _settle_call(source, attempt, job)


async def _settle_call(
    source: SourceContext, attempt: Attempt, job: Job | None
) -> None:
    is_adhoc = attempt.job_id is None
    if is_adhoc and source.app.now() - attempt.started_at < _ADHOC_GRACE:
        return
    configured = attempt.provider in source.providers
    resumable = job is not None and job.is_open and configured
    if job is not None:
        try:
            if await adopt_image(source, attempt, build_image_spec(job)):
                return
        except (StoreUnavailableError, NameCollisionError):
            # The job checks again for the file when it resumes.
            if resumable:
                return
    # The job fetches the result of the remote job when it resumes.
    if resumable and attempt.remote_id:
        return
    await record_unknown(source, attempt)


async def _requeue_claimed(sources: Sources, dead: Sequence[str] | None) -> None:
    async with sources.app.db.write_transaction() as tx:
        now = sources.app.now()
        rescued = [
            await requeue_job(
                tx, job, JobEventType.RESCUED, now=now, why=_WHY, due_at=now
            )
            for job in await queue.list_claimed(tx, dead)
        ]
    for job in rescued:
        _log_job_rescued(sources.source_of(job.source), job)


def _log_job_rescued(source: SourceContext, job: Job) -> None:
    source.log.info(
        "job.rescued",
        summary=f"'{job.title}': {_WHY} (job {job.id})",
        job=job.id,
        page=job.page_id,
        state=job.state,
    )


async def _release_probes(source: SourceContext) -> None:
    """Release probes of half-open breakers and adopt changed tokens and settings."""
    services, now = source.services, source.app.now()
    closed = breaker.BreakerState.CLOSED
    async with source.app.db.write_transaction() as tx:
        claimed = {str(job.id) for job in await queue.list_claimed(tx, None)}
        stored = await breaker_store.load_breakers(tx, services)
        for name, before in stored.items():
            after = before
            if before.probe_owner is not None and before.probe_owner not in claimed:
                after = breaker.release_probe(before, before.probe_owner)
            after = breaker.adopt_settings(
                after, source.fingerprints.get(name, ""), now, services[name].traits
            )
            # A person has repaired the service, so that no job waits any longer.
            if after.state is closed and before.state is not closed:
                await jobs.wake_waiting(tx, name, now)
                await jobs.wake_paused(tx, now)
            if after.state is not closed:
                source.app.log_state.open_breakers[name] = after.generation
            await breaker_store.save_change(tx, source, before, after)
