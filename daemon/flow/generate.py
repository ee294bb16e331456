"""One claimed job goes through the chain until its images exist or nobody serves."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

from daemon.flow import cases, choose, draw, storage, verdict
from daemon.flow.adopt import take_over
from daemon.flow.call import Call, Ended, Subject
from daemon.flow.case import Case
from daemon.flow.context import Flow
from daemon.flow.ending import back_to_queue, end_job
from daemon.flow.formats import FormatError, parse_format
from daemon.flow.inputs import Inputs
from daemon.flow.notes import no_image
from daemon.flow.tell import say_ended
from daemon.flow.verdict import Deliver, GiveUp, Retry, Round, Sleep
from db import images, jobs
from db.engine import Tx
from db.errors import MovedElsewhereError
from db.records import ImageRecord, Job
from db.states import Event, Reason, State
from providers.chain import Busy, Greet, Spent, Wait
from providers.outcomes import Outcome

_DECLINED = {
    Outcome.REFUSED: "refused the prompt",
    Outcome.BLANK: "sent a blank image, which is how some refuse a prompt",
}


async def generate(flow: Flow, job: Job) -> None:
    """Take a claimed job to `uploading`, back to `queued`, or to an end."""
    try:
        await _Generation(flow, job).run()
    except MovedElsewhereError:
        # Cancelled while it was in work: what was paid for is on disk and recorded.
        flow.log.debug("job.moved", summary=f"job {job.id} was moved", job=job.id)
    finally:
        flow.kick.set()


@dataclass(slots=True)
class _Generation:
    flow: Flow
    job: Job
    found: str = "its images are on disk"

    async def run(self) -> None:
        case = await self._case()
        try:
            subject = self._subject()
        except FormatError as error:
            note = no_image(str(error), shows_image=case.shows_image)
            await self._give_up(GiveUp(why=str(error), note=note))
            return
        # Paid for before we died or were stopped: its result first.
        if case.open_call is not None:
            await draw.take_up(self.flow, case.open_call, subject)
            case = await self._case()
        case = await self._use_what_is_on_disk(case)
        while not case.complete:
            if not await self._one(subject, case):
                return
            if await self._delivered():
                return
            # The place it had is free until it asks again: others may want it.
            self.flow.kick.set()
            case = await self._case()
        async with self.flow.db.writing() as tx:
            await self._generated(tx, self.found)

    async def _use_what_is_on_disk(self, case: Case) -> Case:
        """Take over images that another job of these inputs left, if they are there."""
        if not case.made:
            return case
        lost = [image for image in case.made if not await self._is_there(image)]
        if not lost and all(image.job_id == self.job.id for image in case.made):
            return case
        async with self.flow.db.writing() as tx:
            await jobs.require(tx, self.job.id, State.GENERATING, self.flow.who)
            # Its row says so, or it would be looked for again and again.
            for image in lost:
                await images.set_pruned(tx, image.id, self.flow.now())
            there = [image for image in case.made if image not in lost]
            self.found = await take_over(tx, self.job, there)
        return await self._case() if lost else case

    async def _is_there(self, image: ImageRecord) -> bool:
        # Made a moment ago, by this very job.
        if image.job_id == self.job.id and self.job.reopened_at is None:
            return not self.flow.store.is_lost(image.name)

        async def look() -> bool:
            try:
                await asyncio.to_thread(self.flow.store.path, image.name, image.sha256)
            except FileNotFoundError:
                return False
            return True

        return await storage.until_it_works(self.flow, look)

    async def _case(self) -> Case:
        async with self.flow.db.reading() as tx:
            return (await cases.gather(tx, self.flow, [self.job]))[self.job.id]

    async def _delivered(self) -> bool:
        """Move the job on if it has all its images; say whether it has."""
        async with self.flow.db.writing() as tx:
            done = cases.complete(self.job, await images.of_job(tx, self.job.id))
            if done:
                await self._generated(tx, "its images are on disk")
        return done

    async def _generated(self, tx: Tx, why: str) -> None:
        now = self.flow.now()
        await jobs.move(tx, self.job, Event.GENERATED, now=now, why=why, due_at=now)

    def _subject(self) -> Subject:
        inputs = Inputs.restored(self.job.inputs)
        return Subject(
            page_id=self.job.page_id,
            job_id=self.job.id,
            prompt=inputs.prompt,
            words=inputs.words,
            size=parse_format(inputs.format),
            fingerprint=self.job.fingerprint,
        )

    async def _one(self, subject: Subject, case: Case) -> bool:
        """Make one image; False: the job has left `generating`."""
        flow = self.flow
        trouble = storage.trouble(flow)
        if flow.stopping.is_set() or trouble is not None:
            await self._back(Event.SNOOZED, trouble or "stopping", flow.now())
            return False
        match await draw.begin(flow, subject, case):
            case Call() as call:
                ended = await draw.carry_out(flow, call)
                return await self._asked(ended, call, shows_image=case.shows_image)
            case Wait(name, until):
                waited = self.job.waited_since or flow.now()
                await self._wait(name, until, waited)
            case Busy(name) | Greet(name):
                # Woken when a call of it ends; this is only the latest moment.
                until = flow.now() + timedelta(
                    seconds=flow.providers[name].traits.timeout
                )
                await self._wait(name, until, self.job.waited_since)
            case Spent() as spent:
                await self._spent(case, spent)
        return False

    async def _asked(self, ended: Ended, call: Call, *, shows_image: bool) -> bool:
        # It goes on after the restart: the attempt stays open, the job in work.
        if ended.interrupted:
            return False
        declined = _DECLINED.get(ended.outcome) if ended.outcome else None
        if declined is None or self.flow.plan.on_refusal == "next":
            return True
        label = call.provider.traits.label
        note = no_image(
            f"{label} {declined}",
            shows_image=shows_image,
            advice="Change the words and tick again.",
        )
        await self._give_up(GiveUp(why=f"{label} {declined}: {ended.why}", note=note))
        return False

    async def _spent(self, case: Case, spent: Spent) -> None:
        ended = Round(
            job=self.job,
            case=case,
            hopeless=choose.hopeless(self.flow, case),
            until=spent.until,
            reasons=spent.reasons,
            tries=self.flow.plan.tries,
        )
        match verdict.judge(ended, self.flow.now()):
            case Deliver():
                why = "some of its images are on disk"
                await self._move(Event.GENERATED, why, self.flow.now())
            case Retry(due_at=due_at, counts=counts, why=why):
                changes = {
                    "rounds": self.job.rounds + 1,
                    "tries": self.job.tries + counts,
                    "waited_since": None,
                }
                await self._back(Event.RETRIED, why, due_at, **changes)
            case Sleep():
                await self._back(Event.SNOOZED, "nobody can serve now", self.flow.now())
            case GiveUp() as final:
                await self._give_up(final)

    async def _wait(self, name: str, until: datetime, since: datetime | None) -> None:
        changes = {"waits_for": name, "waited_since": since}
        await self._back(Event.SNOOZED, f"waits for {name}", until, **changes)

    async def _back(
        self, event: Event, why: str, due_at: datetime, **changes: object
    ) -> None:
        async with self.flow.db.writing() as tx:
            await back_to_queue(
                tx,
                self.job,
                event,
                now=self.flow.now(),
                why=why,
                **{"due_at": due_at, **changes},
            )

    async def _move(self, event: Event, why: str, due_at: datetime) -> None:
        async with self.flow.db.writing() as tx:
            now = self.flow.now()
            await jobs.move(tx, self.job, event, now=now, why=why, due_at=due_at)

    async def _give_up(self, final: GiveUp) -> None:
        # A replacement nobody asked for: the card stays, and its page says nothing.
        if final.cancel or self.job.reason is Reason.REPLACE:
            await self._end(Event.CANCELLED, final.why)
        else:
            await self._end(Event.ABANDONED, final.why, final.note)

    async def _end(self, event: Event, why: str, note: str = "") -> None:
        async with self.flow.db.writing() as tx:
            now = self.flow.now()
            ended = await end_job(tx, self.job, event, now=now, why=why, note=note)
        say_ended(self.flow, ended, why)
