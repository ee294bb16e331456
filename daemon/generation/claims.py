"""The result of reading the queue, and the transaction that claims its jobs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from daemon.context import Sources
from db import jobs, queue
from db.errors import StaleJobError
from db.models import Job
from db.states import JobEventType


@dataclass(frozen=True, slots=True)
class ClaimRequest:
    """A job to claim, and why; `provider` is empty if no provider will be called."""

    job: Job
    provider: str
    why: str


@dataclass(slots=True)
class Selection:
    """What one reading of the queue selected.

    Attributes:
        asks: Jobs to claim, by ID.
        snoozed: (job, provider, until) of jobs that wait for a loading model.
        told: (job, note) of jobs whose page needs a note that they wait.
        reads: Jobs whose page must be read again before they are claimed.
        greets: Providers that need a health check, as a job waits for them.
        look_again: When the queue has to be read again; None if only `kick` matters.
        queue: Number of jobs that are due and not in work.
        pauses: Sources that a person has paused, and until when.
        shut: No job may be claimed now, because Notion refuses access, images cannot
            be saved, or all workers are busy.
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
        """Bring `look_again` forward to *time*, unless it is earlier already."""
        if time is not None and (self.look_again is None or time < self.look_again):
            self.look_again = time


async def claim_jobs(sources: Sources, picked: Selection) -> list[Job]:
    """Claim, snooze and note jobs as picked, in one transaction.

    Returns:
        The claimed jobs; those that another daemon has claimed meanwhile are left out.
    """
    if not (picked.asks or picked.snoozed or picked.told):
        return []
    claimed: list[Job] = []
    source = sources.first
    async with source.app.db.write_transaction() as tx:
        now = source.app.now()
        for job in await queue.list_claimable(tx, list(picked.asks), now):
            why = picked.asks[job.id].why
            moved = await jobs.apply_event(
                tx,
                job,
                JobEventType.CLAIMED,
                now=now,
                why=why,
                waits_for=None,
                claimed_by=source.app.instance.id,
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
            # Another daemon may have queued the note; the job may no longer wait.
            if current is None or current.told_waiting or current.owed:
                continue
            await jobs.set_pending_write(tx, job, "waiting", note)
            await jobs.mark_waiting_notified(tx, job)
            source.app.signals.kick.set()
    return claimed
