"""Runs one claimed job through the chain until its images exist or it has to wait."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from daemon.config.parsing import FormatError, parse_format
from daemon.context import SourceContext
from daemon.generation import provider_call, provider_selection, storage_guard
from daemon.generation.call_result import AdmittedCall, CallResult
from daemon.generation.chain_input import (
    ChainInput,
    build_image_spec,
    is_complete,
    load_chain_inputs,
)
from daemon.generation.prompt_writing import write_job_prompt
from daemon.jobs.job_log import log_job_ended
from daemon.jobs.lifecycle import end_job, requeue_job
from daemon.jobs.retry_policy import (
    EDIT_ADVICE,
    DeliverPartial,
    Fail,
    Idle,
    RetryAt,
    needs_waiting_note,
    no_image_note,
    waiting_note,
)
from db import images, jobs
from db.engine import Tx
from db.errors import StaleJobError
from db.models import ImageRecord, Job
from db.states import JobEventType, JobReason
from providers.chain import (
    AtCapacity,
    BlockedReason,
    Exhausted,
    HealthCheck,
    WaitUntil,
)
from providers.outcomes import Outcome

_ON_DISK = "the images are stored"
_FORMAT_ADVICE = "Correct the format and tick Regenerate to try again."
_DECLINED = {
    Outcome.REFUSED: "refused this prompt",
    Outcome.BLANK: "returned a blank image, which is how some services refuse a prompt",
}


async def generate_images(source: SourceContext, job: Job) -> None:
    """Move a claimed job to `uploading`, back to `queued`, or to an end state."""
    try:
        await _GenerateJob(source, job).run()
    except StaleJobError:
        # The job was cancelled meanwhile; images paid for are saved and recorded.
        source.log.debug("job.moved", summary=f"job {job.id} was moved", job=job.id)
    finally:
        source.app.signals.kick.set()


@dataclass(slots=True)
class _GenerateJob:
    source: SourceContext
    job: Job
    generated_reason: str = _ON_DISK

    async def run(self) -> None:
        chain_input = await self._load_chain_input()
        image = chain_input.image
        try:
            parse_format(image.size.name)
        except FormatError as error:
            note = no_image_note(
                str(error), shows_image=chain_input.shows_image, advice=_FORMAT_ADVICE
            )
            await self._fail_job(Fail(why=str(error), note=note))
            return
        # A call paid for before a crash or stop is resumed first.
        if chain_input.open_call is not None:
            await provider_call.resume_call(self.source, chain_input.open_call, image)
            chain_input = await self._load_chain_input()
        chain_input = await self._adopt_existing_images(chain_input)
        while not chain_input.complete:
            if not await self._generate_one(chain_input):
                return
            if await self._finish_if_complete():
                return
            # The call has ended, so another job may use the provider meanwhile.
            self.source.app.signals.kick.set()
            chain_input = await self._load_chain_input()
        async with self.source.app.db.write_transaction() as tx:
            await self._mark_generated(tx, self.generated_reason)

    async def _load_chain_input(self) -> ChainInput:
        async with self.source.app.db.read_transaction() as tx:
            chain_inputs = await load_chain_inputs(tx, self.source, [self.job])
        return chain_inputs[self.job.id]

    async def _adopt_existing_images(self, chain_input: ChainInput) -> ChainInput:
        """Take over images that an earlier job generated from the same inputs.

        Images whose file is lost are marked as pruned.
        """
        made = chain_input.made
        lost = [image for image in made if not await self._is_stored(image)]
        if not lost and all(image.job_id == self.job.id for image in made):
            return chain_input
        async with self.source.app.db.write_transaction() as tx:
            await jobs.require_claim(tx, self.job.id, self.source.app.instance.id)
            for image in lost:
                await images.set_pruned(tx, image.id, self.source.app.now())
            others = [
                image
                for image in made
                if image not in lost and image.job_id != self.job.id
            ]
            for image in others:
                await images.assign_to_job(tx, image.id, self.job.id)
        if others:
            self.generated_reason = f"job {others[0].job_id} had generated the images"
        return await self._load_chain_input() if lost else chain_input

    async def _is_stored(self, image: ImageRecord) -> bool:
        # This run has just generated it, so a look at the disk suffices.
        if image.job_id == self.job.id and self.job.reopened_at is None:
            return not self.source.app.store.is_lost(image.name)

        async def ensure_local() -> bool:
            try:
                await asyncio.to_thread(
                    self.source.app.store.ensure_local, image.name, image.sha256
                )
            except FileNotFoundError:
                return False
            return True

        return await storage_guard.retry_until_stored(self.source, ensure_local)

    async def _finish_if_complete(self) -> bool:
        """Move the job to `uploading` if it has all images; return whether it has."""
        async with self.source.app.db.write_transaction() as tx:
            done = is_complete(self.job, await images.of_job(tx, self.job.id))
            if done:
                await self._mark_generated(tx, _ON_DISK)
        return done

    async def _mark_generated(self, tx: Tx, why: str) -> None:
        now = self.source.app.now()
        await jobs.apply_event(
            tx, self.job, JobEventType.GENERATED, now=now, why=why, due_at=now
        )

    async def _generate_one(self, chain_input: ChainInput) -> bool:
        """Generate one image; return False if the job has left `generating`."""
        source = self.source
        if await self._snooze_if_stopped():
            return False
        chain_input = await self._write_prompt(chain_input)
        if await self._snooze_if_stopped():
            return False
        match await provider_call.admit_call(source, chain_input):
            case AdmittedCall() as call:
                result = await provider_call.send_call(source, call)
                return await self._handle_result(
                    result, call, shows_image=chain_input.shows_image
                )
            case WaitUntil(name, until, why):
                since = self.job.first_waited_at or source.app.now()
                await self._wait_for_provider(name, until, since, why)
            case AtCapacity(name) | HealthCheck(name):
                # The end of a call or check wakes the job; this is the latest time.
                until = source.app.now() + timedelta(
                    seconds=source.providers[name].traits.timeout
                )
                await self._wait_for_provider(name, until, self.job.first_waited_at)
            case Exhausted() as spent:
                await self._handle_exhausted(chain_input, spent)
        return False

    async def _snooze_if_stopped(self) -> bool:
        """Snooze the job if no image can be made now; return whether it did."""
        app, unwritable = self.source.app, storage_guard.unwritable_reason(self.source)
        if not app.signals.stopping.is_set() and unwritable is None:
            return False
        await self._snooze_job(unwritable or "stopping", app.now())
        return True

    async def _write_prompt(self, chain_input: ChainInput) -> ChainInput:
        if not self.source.writer_names:
            return chain_input
        self.job = await write_job_prompt(self.source, self.job, chain_input)
        return replace(chain_input, image=build_image_spec(self.job))

    async def _handle_result(
        self, result: CallResult, call: AdmittedCall, *, shows_image: bool
    ) -> bool:
        # The restart resumes it: the attempt stays open, the job in `generating`.
        if result.outcome is None:
            return False
        declined = _DECLINED.get(result.outcome)
        if declined is None or self.source.options.on_refusal == "next":
            return True
        label = call.provider.traits.label
        note = no_image_note(
            f"{label} {declined}",
            shows_image=shows_image,
            advice=EDIT_ADVICE,
        )
        await self._fail_job(Fail(why=f"{label} {declined}: {result.why}", note=note))
        return False

    async def _handle_exhausted(
        self, chain_input: ChainInput, spent: Exhausted
    ) -> None:
        match provider_selection.decide_after_round(
            self.source, self.job, chain_input, spent
        ):
            case DeliverPartial():
                async with self.source.app.db.write_transaction() as tx:
                    await self._mark_generated(tx, "some of the images are stored")
            case RetryAt(due_at=due_at, counts=counts, why=why):
                changes = {
                    "rounds": self.job.rounds + 1,
                    "tries": self.job.tries + counts,
                    "first_waited_at": None,
                }
                note = waiting_note(why)
                await self._requeue_job(
                    JobEventType.RETRIED, why, due_at, note=note, **changes
                )
            case Idle():
                await self._snooze_job("no service is available", self.source.app.now())
            case Fail() as final:
                await self._fail_job(final)

    async def _wait_for_provider(
        self, name: str, until: datetime, since: datetime | None, reason: str = ""
    ) -> None:
        changes = {"waiting_for_provider": name, "first_waited_at": since}
        label = self.source.label_of(name)
        blocked = [BlockedReason(name, reason, until)]
        why = provider_selection.describe_reasons(self.source, blocked)
        note = waiting_note(why) if reason else ""
        await self._snooze_job(f"for {label}", until, note=note, **changes)

    async def _snooze_job(
        self, why: str, until: datetime, *, note: str = "", **changes: object
    ) -> None:
        await self._requeue_job(JobEventType.SNOOZED, why, until, note=note, **changes)

    async def _requeue_job(
        self,
        event: JobEventType,
        why: str,
        due_at: datetime,
        *,
        note: str = "",
        **changes: object,
    ) -> None:
        """Return the job to the queue; *note* tells its page of a long wait."""
        changes = {"due_at": due_at, **changes}
        async with self.source.app.db.write_transaction() as tx:
            now = self.source.app.now()
            await requeue_job(tx, self.job, event, now=now, why=why, **changes)
            queued = await jobs.get(tx, self.job.id) if note else None
            if queued is None:
                return
            since = queued.first_waited_at or now
            if needs_waiting_note(queued, since, queued.due_at):
                await jobs.set_waiting_note(tx, queued, note, now)

    async def _fail_job(self, final: Fail) -> None:
        event, note = JobEventType.ABANDONED, final.note
        # postbrush queued the replacement, so the card stays and no note is written.
        if final.cancel or self.job.reason is JobReason.REPLACE:
            event, note = JobEventType.CANCELLED, ""
        async with self.source.app.db.write_transaction() as tx:
            now = self.source.app.now()
            ended = await end_job(
                tx, self.job, event, now=now, why=final.why, note=note
            )
        log_job_ended(self.source, ended)
