"""One claimed job goes through the chain until its images exist or nobody serves."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

from daemon.config.formats import FormatError, parse_format
from daemon.context import SourceContext
from daemon.generation import (
    chain_input_loader,
    provider_call,
    provider_selection,
    storage_guard,
)
from daemon.generation.call_types import AdmittedCall, CallResult, ImageSpec
from daemon.generation.kept_images import adopt_images
from daemon.jobs import retry_policy
from daemon.jobs.chain_input import ChainInput
from daemon.jobs.inputs import Inputs
from daemon.jobs.job_log import log_job_ended
from daemon.jobs.lifecycle import end_job, requeue_job
from daemon.jobs.page_notes import no_image_note
from daemon.jobs.retry_policy import ChainResult, DeliverPartial, Fail, Idle, RetryAt
from db import images, jobs
from db.engine import Tx
from db.errors import StaleJobError
from db.models import ImageRecord, Job
from db.states import JobEventType, JobReason, JobState
from providers.chain import AtCapacity, Exhausted, HealthCheck, WaitUntil
from providers.outcomes import Outcome

_DECLINED = {
    Outcome.REFUSED: "refused the prompt",
    Outcome.BLANK: "sent a blank image, which is how some refuse a prompt",
}


async def generate_images(flow: SourceContext, job: Job) -> None:
    """Take a claimed job to `uploading`, back to `queued`, or to an end."""
    try:
        await _GenerateJob(flow, job).run()
    except StaleJobError:
        # Cancelled while it was in work: what was paid for is on disk and recorded.
        flow.log.debug("job.moved", summary=f"job {job.id} was moved", job=job.id)
    finally:
        flow.kick.set()


@dataclass(slots=True)
class _GenerateJob:
    flow: SourceContext
    job: Job
    found: str = "its images are on disk"

    async def run(self) -> None:
        case = await self._load_chain_input()
        try:
            subject = self._build_image_spec()
        except FormatError as error:
            note = no_image_note(str(error), shows_image=case.shows_image)
            await self._fail_job(Fail(why=str(error), note=note))
            return
        # Paid for before we died or were stopped: its result first.
        if case.open_call is not None:
            await provider_call.resume_call(self.flow, case.open_call, subject)
            case = await self._load_chain_input()
        case = await self._adopt_existing_images(case)
        while not case.complete:
            if not await self._generate_one(subject, case):
                return
            if await self._finish_if_complete():
                return
            # The place it had is free until it asks again: others may want it.
            self.flow.kick.set()
            case = await self._load_chain_input()
        async with self.flow.db.write_transaction() as tx:
            await self._mark_generated(tx, self.found)

    async def _adopt_existing_images(self, case: ChainInput) -> ChainInput:
        """Take over images that another job of these inputs left, if they are there."""
        if not case.made:
            return case
        lost = [image for image in case.made if not await self._is_stored(image)]
        if not lost and all(image.job_id == self.job.id for image in case.made):
            return case
        async with self.flow.db.write_transaction() as tx:
            await jobs.require_state(
                tx, self.job.id, JobState.GENERATING, self.flow.who
            )
            # Its row says so, or it would be looked for again and again.
            for image in lost:
                await images.set_pruned(tx, image.id, self.flow.now())
            there = [image for image in case.made if image not in lost]
            self.found = await adopt_images(tx, self.job, there)
        return await self._load_chain_input() if lost else case

    async def _is_stored(self, image: ImageRecord) -> bool:
        # Made a moment ago, by this very job.
        if image.job_id == self.job.id and self.job.reopened_at is None:
            return not self.flow.store.is_lost(image.name)

        async def look() -> bool:
            try:
                await asyncio.to_thread(
                    self.flow.store.ensure_local, image.name, image.sha256
                )
            except FileNotFoundError:
                return False
            return True

        return await storage_guard.retry_until_stored(self.flow, look)

    async def _load_chain_input(self) -> ChainInput:
        async with self.flow.db.read_transaction() as tx:
            return (
                await chain_input_loader.load_chain_inputs(tx, self.flow, [self.job])
            )[self.job.id]

    async def _finish_if_complete(self) -> bool:
        """Move the job on if it has all its images; say whether it has."""
        async with self.flow.db.write_transaction() as tx:
            done = chain_input_loader.is_complete(
                self.job, await images.of_job(tx, self.job.id)
            )
            if done:
                await self._mark_generated(tx, "its images are on disk")
        return done

    async def _mark_generated(self, tx: Tx, why: str) -> None:
        now = self.flow.now()
        await jobs.apply_event(
            tx, self.job, JobEventType.GENERATED, now=now, why=why, due_at=now
        )

    def _build_image_spec(self) -> ImageSpec:
        inputs = Inputs.from_dict(self.job.inputs)
        return ImageSpec(
            page_id=self.job.page_id,
            job_id=self.job.id,
            prompt=inputs.prompt,
            words=inputs.words,
            size=parse_format(inputs.format),
            fingerprint=self.job.fingerprint,
        )

    async def _generate_one(self, subject: ImageSpec, case: ChainInput) -> bool:
        """Make one image; False: the job has left `generating`."""
        flow = self.flow
        trouble = storage_guard.unwritable_reason(flow)
        if flow.stopping.is_set() or trouble is not None:
            await self._requeue_job(
                JobEventType.SNOOZED, trouble or "stopping", flow.now()
            )
            return False
        match await provider_call.admit_call(flow, subject, case):
            case AdmittedCall() as call:
                ended = await provider_call.send_call(flow, call)
                return await self._handle_result(
                    ended, call, shows_image=case.shows_image
                )
            case WaitUntil(name, until):
                waited = self.job.waited_since or flow.now()
                await self._wait_for_provider(name, until, waited)
            case AtCapacity(name) | HealthCheck(name):
                # Woken when a call of it ends; this is only the latest moment.
                until = flow.now() + timedelta(
                    seconds=flow.providers[name].traits.timeout
                )
                await self._wait_for_provider(name, until, self.job.waited_since)
            case Exhausted() as spent:
                await self._handle_exhausted(case, spent)
        return False

    async def _handle_result(
        self, ended: CallResult, call: AdmittedCall, *, shows_image: bool
    ) -> bool:
        # It goes on after the restart: the attempt stays open, the job in work.
        if ended.interrupted:
            return False
        declined = _DECLINED.get(ended.outcome) if ended.outcome else None
        if declined is None or self.flow.plan.on_refusal == "next":
            return True
        label = call.provider.traits.label
        note = no_image_note(
            f"{label} {declined}",
            shows_image=shows_image,
            advice="Change the words and tick again.",
        )
        await self._fail_job(Fail(why=f"{label} {declined}: {ended.why}", note=note))
        return False

    async def _handle_exhausted(self, case: ChainInput, spent: Exhausted) -> None:
        ended = ChainResult(
            job=self.job,
            case=case,
            hopeless=provider_selection.none_can_serve(self.flow, case),
            until=spent.until,
            reasons=spent.reasons,
            tries=self.flow.plan.tries,
        )
        match retry_policy.decide_after_round(ended, self.flow.now()):
            case DeliverPartial():
                why = "some of its images are on disk"
                await self._move_job(JobEventType.GENERATED, why, self.flow.now())
            case RetryAt(due_at=due_at, counts=counts, why=why):
                changes = {
                    "rounds": self.job.rounds + 1,
                    "tries": self.job.tries + counts,
                    "waited_since": None,
                }
                await self._requeue_job(JobEventType.RETRIED, why, due_at, **changes)
            case Idle():
                await self._requeue_job(
                    JobEventType.SNOOZED, "nobody can serve now", self.flow.now()
                )
            case Fail() as final:
                await self._fail_job(final)

    async def _wait_for_provider(
        self, name: str, until: datetime, since: datetime | None
    ) -> None:
        changes = {"waits_for": name, "waited_since": since}
        await self._requeue_job(
            JobEventType.SNOOZED, f"waits for {name}", until, **changes
        )

    async def _requeue_job(
        self, event: JobEventType, why: str, due_at: datetime, **changes: object
    ) -> None:
        async with self.flow.db.write_transaction() as tx:
            await requeue_job(
                tx,
                self.job,
                event,
                now=self.flow.now(),
                why=why,
                **{"due_at": due_at, **changes},
            )

    async def _move_job(self, event: JobEventType, why: str, due_at: datetime) -> None:
        async with self.flow.db.write_transaction() as tx:
            now = self.flow.now()
            await jobs.apply_event(tx, self.job, event, now=now, why=why, due_at=due_at)

    async def _fail_job(self, final: Fail) -> None:
        # A replacement nobody asked for: the card stays, and its page says nothing.
        if final.cancel or self.job.reason is JobReason.REPLACE:
            await self._end_job(JobEventType.CANCELLED, final.why)
        else:
            await self._end_job(JobEventType.ABANDONED, final.why, final.note)

    async def _end_job(self, event: JobEventType, why: str, note: str = "") -> None:
        async with self.flow.db.write_transaction() as tx:
            now = self.flow.now()
            ended = await end_job(tx, self.job, event, now=now, why=why, note=note)
        log_job_ended(self.flow, ended, why)
