"""What a look at the queue came to, and the claim that follows it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from daemon.sources import Sources
from db import jobs, queue
from db.errors import StaleJobError
from db.models import Job
from db.states import JobEventType


@dataclass(frozen=True, slots=True)
class ClaimRequest:
    """Why a job is taken up; `provider` is empty when nobody is asked."""

    job: Job
    provider: str
    why: str


@dataclass(slots=True)
class Selection:
    """What came of a look at the queue.

    Attributes:
        asks: Jobs to take up, by id.
        snoozed: (job, provider, until): they wait for a loading model.
        told: (job, note): their page is to say that they wait.
        reads: Jobs that have waited: their page is read before they are taken up.
        greets: Providers that were away, and a job waits to know whether they are.
        look_again: When something may change by itself.
        queue: How many jobs are due and not in work.
        pauses: Sources in which a person wants nothing to be made, and until when.
        shut: Nothing is taken up now: Notion refuses us, nothing can be written,
            or nobody is free.
    """

    asks: dict[int, ClaimRequest] = field(default_factory=dict)
    snoozed: list[tuple[Job, str, datetime]] = field(default_factory=list)
    told: list[tuple[Job, str]] = field(default_factory=list)
    reads: list[Job] = field(default_factory=list)
    greets: set[str] = field(default_factory=set)
    look_again: datetime | None = None
    queue: int = 0
    pauses: dict[str, datetime | None] = field(default_factory=dict)
    shut: bool = False

    def look_again_by(self, time: datetime | None) -> None:
        """Look again at *time* at the latest."""
        if time is not None and (self.look_again is None or time < self.look_again):
            self.look_again = time


async def claim_jobs(flows: Sources, picked: Selection) -> list[Job]:
    """Carry out what was picked, in one transaction; return the claimed jobs."""
    if not (picked.asks or picked.snoozed or picked.told):
        return []
    claimed: list[Job] = []
    flow = flows.first
    async with flow.db.write_transaction() as tx:
        now = flow.now()
        # As they are by now; not those that somebody was faster to take.
        for job in await queue.list_claimable(tx, list(picked.asks), now):
            why = picked.asks[job.id].why
            moved = await jobs.apply_event(
                tx,
                job,
                JobEventType.CLAIMED,
                now=now,
                why=why,
                waits_for=None,
                claimed_by=flow.who,
            )
            claimed.append(moved)
        for job, name, until in picked.snoozed:
            since = job.waited_since or now
            changes = {"due_at": until, "waits_for": name, "waited_since": since}
            try:
                why = f"waits for {name}"
                await jobs.apply_event(
                    tx, job, JobEventType.SNOOZED, now=now, why=why, **changes
                )
            except StaleJobError:
                continue
        for job, note in picked.told:
            current = await jobs.get(tx, job.id)
            # Told by another daemon meanwhile, or no longer waiting.
            if current is None or current.told_waiting or current.owed:
                continue
            await jobs.set_pending_write(tx, job, "waiting", note)
            await jobs.mark_waiting_notified(tx, job)
            flow.kick.set()
    return claimed
