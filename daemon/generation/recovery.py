"""Whatever a dead daemon held is given back, and nothing is paid twice.

That it is dead is proven by the exclusive lock of the data folder, or by a lease that
has run out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from daemon.config.formats import FormatError, parse_format
from daemon.context import SourceContext
from daemon.generation import call_result
from daemon.generation.call_types import NOBODY_ANSWERED, AdmittedCall, ImageSpec
from daemon.imaging import files
from daemon.imaging.store.errors import NameCollisionError, StoreUnavailableError
from daemon.jobs import breaker_store, job_log
from daemon.jobs.inputs import Inputs
from daemon.jobs.lifecycle import requeue_job
from daemon.sources import Sources
from db import attempts, jobs, queue
from db.models import Attempt, Job
from db.states import JobEventType, JobState
from providers import breaker, breaker_policy
from providers.base import ImageRequest
from providers.outcomes import Outcome

#: A call by hand (`generate`, `test`) may be under way in another process.
_BY_HAND = timedelta(minutes=15)
_WHY = "the daemon stopped while it was in work"


async def recover_claims(flows: Sources, dead: Sequence[str] | None) -> None:
    """Look into open calls, requeue what was in work, free the probes.

    Args:
        dead: Whose claims they are; None: whoever made them is dead.
    """
    await _settle_open_calls(flows, dead)
    await _requeue_claimed(flows, dead)
    await _release_probes(flows)


async def recover_uploads(flows: Sequence[SourceContext]) -> None:
    """Take over what another was about to upload; it is we who speak with Notion."""
    ours = {flow.plan.source: flow for flow in flows}
    async with flows[0].db.write_transaction() as tx:
        now = flows[0].now()
        rescued = [
            await jobs.apply_event(
                tx, job, JobEventType.RESCUED, now=now, why=_WHY, due_at=now
            )
            for job in await jobs.in_state(tx, [JobState.UPLOADING], sources=[*ours])
        ]
    for job in rescued:
        _log_job_rescued(ours[job.source], job)


async def _settle_open_calls(flows: Sources, dead: Sequence[str] | None) -> None:
    flow = flows.first
    async with flow.db.read_transaction() as tx:
        still_open = await attempts.list_open(tx)
        held = {
            one.id: await jobs.get(tx, one.job_id)
            for one in still_open
            if one.job_id is not None
        }
    # A file is whole before its call is closed: only with an open one can there be
    # half of one, and to look through years of images would delay every start.
    if still_open:
        await asyncio.to_thread(files.remove_temp_files, flow.image_folder)
    for attempt in still_open:
        job = held.get(attempt.id)
        if job is not None and dead is not None and job.claimed_by not in dead:
            continue
        # Of a source that is no longer configured there is nobody else to do it.
        await _settle_call(flows.get(attempt.source) or flow, attempt, job)


async def _settle_call(flow: SourceContext, attempt: Attempt, job: Job | None) -> None:
    by_hand = attempt.job_id is None
    if by_hand and flow.now() - attempt.started_at < _BY_HAND:
        return
    known = attempt.provider in flow.providers
    wanted = job is not None and job.is_open and known
    call = _rebuild_call(flow, attempt, job) if job is not None and known else None
    if call is not None:
        try:
            # Its file is there: it was paid for, and it is kept.
            if await call_result.adopt_file(flow, call):
                return
        except (StoreUnavailableError, NameCollisionError):
            # Whether it is there is not known: the job looks again when it goes on.
            if wanted:
                return
    # Its result can still be asked for: the job does that when it goes on.
    if wanted and attempt.remote:
        return
    why = "we stopped before the answer came"
    await call_result.close_attempt(flow, attempt, Outcome.UNKNOWN, why)


def _rebuild_call(
    flow: SourceContext, attempt: Attempt, job: Job
) -> AdmittedCall | None:
    inputs = Inputs.from_dict(job.inputs)
    try:
        size = parse_format(inputs.format)
    except FormatError:
        return None
    return AdmittedCall(
        attempt=attempt,
        provider=flow.providers[attempt.provider],
        order=ImageRequest(
            prompt=inputs.prompt,
            words=inputs.words,
            width=size.width,
            height=size.height,
            seed=attempt.seed,
        ),
        subject=ImageSpec(
            page_id=job.page_id,
            job_id=job.id,
            prompt=inputs.prompt,
            words=inputs.words,
            size=size,
            fingerprint=job.fingerprint,
            card_why=NOBODY_ANSWERED,
            replaceable=True,
        ),
        was_cut=False,
    )


async def _requeue_claimed(flows: Sources, dead: Sequence[str] | None) -> None:
    flow = flows.first
    async with flow.db.write_transaction() as tx:
        now = flow.now()
        rescued = [
            await requeue_job(
                tx, job, JobEventType.RESCUED, now=now, why=_WHY, due_at=now
            )
            for job in await queue.list_claimed(tx, dead)
        ]
    for job in rescued:
        _log_job_rescued(flows.get(job.source) or flow, job)


def _log_job_rescued(flow: SourceContext, job: Job) -> None:
    flow.log.info(
        "job.rescued",
        summary=f"'{job.title}': {_WHY} (job {job.id})",
        job=job.id,
        page=job.page_id,
        state=job.state,
    )


async def _release_probes(flows: Sources) -> None:
    """Give back places in half-open, and follow changed tokens and settings."""
    flow = flows.first
    async with flow.db.write_transaction() as tx:
        at_work = {str(job.id) for job in await queue.list_claimed(tx, None)}
        for name, found in (await breaker_store.load_breakers(tx, flow)).items():
            freed = found
            if found.probe_owner is not None and found.probe_owner not in at_work:
                freed = breaker.release_probe(found, found.probe_owner)
            adopted = breaker.adopt_settings(
                freed,
                flow.plan.fingerprints.get(name, ""),
                flow.now(),
                breaker_policy.policy_of(flow.providers[name].traits),
            )
            if adopted.state is not breaker.BreakerState.CLOSED:
                flow.resting[name] = adopted.generation
            if adopted != found:
                await breaker_store.save_breaker(tx, adopted)
                job_log.log_breaker_changed(flow, found, adopted)
