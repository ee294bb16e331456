"""One claimed job goes through the chain until its images exist or nobody serves."""

from __future__ import annotations

from dataclasses import dataclass

from daemon.flow import choose, draw, storage, verdict
from daemon.flow.choose import Case
from daemon.flow.context import Flow
from daemon.flow.draw import Call, Ended, Subject
from daemon.flow.ending import end_job
from daemon.flow.formats import FormatError, parse_format
from daemon.flow.inputs import Inputs
from daemon.flow.reread import still_wanted
from daemon.flow.verdict import Deliver, GiveUp, Retry, Round
from daemon.flow.wants import look
from db import images, jobs, posts
from db.errors import MovedElsewhereError
from db.records import Job
from db.states import Event, Reason, State
from providers.base import Outcome
from providers.chain import Busy, Spent, Wait

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

    async def run(self) -> None:
        if (why := await still_wanted(self.flow, self.job)) is not None:
            await self._end(Event.CANCELLED, why)
            return
        inputs = Inputs.restored(self.job.inputs)
        try:
            size = parse_format(inputs.format)
        except FormatError as error:
            await self._give_up(GiveUp(why=str(error), note=f"No image: {error}"))
            return
        subject = Subject(
            page_id=self.job.page_id,
            job_id=self.job.id,
            prompt=inputs.prompt,
            words=inputs.words,
            size=size,
            fingerprint=self.job.fingerprint,
        )
        while not await self._is_complete(inputs):
            if not await self._one(subject):
                return
        await self._move(Event.GENERATED, "its images are on disk")

    async def _is_complete(self, inputs: Inputs) -> bool:
        async with self.flow.db.reading() as tx:
            made = await images.of_job(tx, self.job.id)
        # The card is only ever a job's only image.
        return len(made) >= inputs.variants or any(one.is_card for one in made)

    async def _one(self, subject: Subject) -> bool:
        """Make one image; False: the job has left `generating`."""
        if self.flow.stopping.is_set() or not storage.has_room(self.flow):
            await self._move(Event.SNOOZED, "stopping, or the disk is full")
            return False
        async with self.flow.db.reading() as tx:
            case = (await choose.cases(tx, self.flow, [self.job]))[self.job.id]
        why = card_reason(case)
        subject = Subject(**{**_fields(subject), "card_why": why})
        match await draw.begin(self.flow, subject, case):
            case Call() as call:
                return await self._asked(await draw.carry_out(self.flow, call), call)
            case Wait(name, until):
                await self._snooze(until, name)
            case Busy(name):
                until = self.flow.now() + _busy_pause(self.flow, name)
                await self._snooze(until, name, first_wait=False)
            case Spent() as spent:
                return await self._spent(case, spent)
        return False

    async def _asked(self, ended: Ended, call: Call) -> bool:
        # It goes on after the restart: the attempt stays open, the job in work.
        if ended.interrupted:
            return False
        declined = _DECLINED.get(ended.outcome) if ended.outcome else None
        if declined is None or self.flow.plan.on_refusal == "next":
            return True
        label = call.provider.traits.label
        note = f"No image: {label} {declined}. Change the words and tick again."
        await self._give_up(GiveUp(why=f"{label} {declined}: {ended.why}", note=note))
        return False

    async def _spent(self, case: Case, spent: Spent) -> bool:
        async with self.flow.db.reading() as tx:
            made = await images.of_job(tx, self.job.id)
            post = await posts.get(tx, self.job.source, self.job.page_id)
            shows = post.shows if post else ()
            known = await images.by_names(tx, list(shows))
        asked = [
            name
            for name in case.chain
            if name in self.flow.providers
            and (case.card_allowed or not self.flow.providers[name].traits.is_card)
        ]
        shown = look(self.job.page_id, shows, known)
        ended = Round(
            job=self.job,
            tried=[one for one in case.tried if one.number == case.number],
            made=len(made),
            hopeless=all(choose.never(case, name) for name in asked),
            until=spent.until,
            reasons=spent.reasons,
            keeps_image=not shown.cards_only,
            tries=self.flow.plan.tries,
        )
        match verdict.judge(ended, self.flow.now()):
            case Deliver():
                await self._move(Event.GENERATED, "some of its images are on disk")
            case Retry() as retry:
                await self._retry(retry)
            case GiveUp() as final:
                await self._give_up(final)
        return False

    async def _retry(self, retry: Retry) -> None:
        await self._move(
            Event.RETRIED,
            retry.why,
            due_at=retry.due_at,
            rounds=self.job.rounds + 1,
            tries=self.job.tries + retry.counts,
            waited_since=None,
        )

    async def _snooze(
        self, until: object, name: str, *, first_wait: bool = True
    ) -> None:
        changes: dict[str, object] = {"due_at": until, "waits_for": name}
        if first_wait and self.job.waited_since is None:
            changes["waited_since"] = self.flow.now()
        await self._move(Event.SNOOZED, f"waits for {name}", **changes)

    async def _move(self, event: Event, why: str, **changes: object) -> None:
        async with self.flow.db.writing() as tx:
            now = self.flow.now()
            await jobs.move(tx, self.job, event, now=now, why=why, **changes)

    async def _give_up(self, final: GiveUp) -> None:
        if final.cancel:
            await self._end(Event.CANCELLED, final.why)
        else:
            await self._end(Event.ABANDONED, final.why, final.note)

    async def _end(self, event: Event, why: str, note: str = "") -> None:
        async with self.flow.db.writing() as tx:
            ended = await end_job(tx, self.flow, self.job, event, why=why, note=note)
        speak = self.flow.log.info
        if ended.state is State.FAILED:
            speak = self.flow.log.warning
        speak(
            f"job.{ended.state}",
            summary=f"'{ended.title}': {why} (job {ended.id})",
            job=ended.id,
            page=ended.page_id,
            state=ended.state,
        )
