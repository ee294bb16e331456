"""Selects and claims queued jobs, and says when to read the queue again.

The row of a job without an available provider is not changed.  The queue is read
again when a breaker may change, or when a job has waited long enough for a note.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime

from daemon.context import AppContext, Instance, SourceContext
from daemon.generation import provider_selection
from daemon.generation.chain_input import ChainInput, load_chain_inputs
from daemon.generation.provider_selection import ChainState
from daemon.jobs.retry_policy import (
    TELL_AFTER,
    Idle,
    needs_waiting_note,
    requested_at,
    waiting_note,
)
from daemon.service.tasks import TaskKey, TaskKind
from daemon.sync.revalidate import needs_reread
from db import jobs, queue, source_state
from db.engine import Tx
from db.errors import StaleJobError
from db.models import Job
from db.states import JobEventType, JobState
from providers.chain import (
    AtCapacity,
    BlockedReason,
    CallProvider,
    Decision,
    Exhausted,
    HealthCheck,
    WaitUntil,
)

#: A job that is claimed waits no longer, so a pending note about its wait is outdated.
_NO_NOTE = {"pending_write": "", "pending_note": "", "waiting_notified_at": None}
#: Due jobs read from each source.
_QUEUE_LIMIT = 500


@dataclass(frozen=True, slots=True)
class ClaimRequest:
    """Why to claim a job; `provider` is empty if no provider will be called."""

    provider: str
    why: str


@dataclass(slots=True)
class Selection:
    """What one reading of the queue selected.

    Attributes:
        asks: Jobs to claim, by ID.
        snoozed: (job, provider, reason, until) of jobs that wait for a loading model.
        told: (job, note) of jobs whose page needs a note that they wait.
        reads: Jobs whose page must be read again before they are claimed.
        greets: Providers that need a health check, as a job waits for them.
        look_again: When the queue has to be read again; None if only `kick` matters.
        queue: Number of jobs that are due and not in work.
        pauses: Sources that a person has paused, and until when.
        shut: No job may be claimed now: Notion refuses access, images cannot be saved,
            or all workers are busy.
    """

    asks: dict[int, ClaimRequest] = field(default_factory=dict)
    snoozed: list[tuple[Job, str, str, datetime]] = field(default_factory=list)
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


async def select_jobs(
    tx: Tx, sources: Sequence[SourceContext], free: int, claimed_for: Mapping[int, str]
) -> Selection:
    """Select from the due jobs of all sources for *free* workers.

    Args:
        claimed_for: The provider each running job of this daemon was claimed for.
    """
    picked = Selection()
    active = [source for source in sources if not await _is_paused(tx, source, picked)]
    if not active:
        return picked
    app, names = active[0].app, [source.name for source in active]
    now = app.now()
    picked.look_again_by(await queue.next_due_at(tx, JobState.QUEUED, now, names))
    queues: dict[str, _SourceQueue] = {}
    for source in active:
        if due := await queue.list_due(tx, now, source.name, limit=_QUEUE_LIMIT):
            inputs = await load_chain_inputs(tx, source, due)
            state = await provider_selection.load_chain_state(tx, source)
            queues[source.name] = _SourceQueue(source, due, inputs, state)
    picked.queue = sum(len(source_queue.due) for source_queue in queues.values())
    calls = Counter(claimed_for.values())
    for waiting in queues.values():
        calls |= Counter(waiting.state.calls)
    selector = _Selector(app.instance, picked, free, calls)
    for job in queue.interleave_by_priority(
        [waiting.due for waiting in queues.values()]
    ):
        selector.evaluate_job(queues[job.source], job)
    return picked


async def claim_jobs(app: AppContext, picked: Selection) -> list[Job]:
    """Claim, snooze and note jobs as picked, in one transaction.

    Returns:
        The claimed jobs; those that another daemon has claimed meanwhile are left out.
    """
    if not (picked.asks or picked.snoozed or picked.told):
        return []
    async with app.db.write_transaction() as tx:
        now = app.now()
        claimed = [
            await jobs.apply_event(
                tx,
                job,
                JobEventType.CLAIMED,
                now=now,
                why=picked.asks[job.id].why,
                waiting_for_provider=None,
                claimed_by=app.instance.id,
                **(_NO_NOTE if job.pending_write == "waiting" else {}),
            )
            for job in await queue.list_claimable(tx, list(picked.asks), now)
        ]
        for job, name, why, until in picked.snoozed:
            changes = {"due_at": until, "waiting_for_provider": name}
            changes["first_waited_at"] = job.first_waited_at or now
            with suppress(StaleJobError):
                await jobs.apply_event(
                    tx, job, JobEventType.SNOOZED, now=now, why=why, **changes
                )
        for job, note in picked.told:
            current = await jobs.get(tx, job.id)
            # Another daemon may have queued the note; the job may no longer wait.
            if current is None or current.waiting_notified_at or current.pending_write:
                continue
            await jobs.set_waiting_note(tx, job, note, now)
            app.signals.kick.set()
    return claimed


@dataclass(frozen=True, slots=True)
class _SourceQueue:
    """The due jobs of one source, with the inputs of the decision about each."""

    source: SourceContext
    due: Sequence[Job]
    chain_inputs: Mapping[int, ChainInput]
    state: ChainState


async def _is_paused(tx: Tx, source: SourceContext, picked: Selection) -> bool:
    pause = await source_state.get_pause(tx, source.name, source.app.now())
    if pause is not None:
        picked.pauses[pause.source] = pause.until
        picked.look_again_by(pause.until)
    return pause is not None


@dataclass(slots=True)
class _Selector:
    """Evaluates the due jobs in order of priority.

    Attributes:
        free: Number of free workers.
        calls: Open calls and those about to start, by provider.
        probes: Half-open providers whose single probe is assigned.
    """

    instance: Instance
    picked: Selection
    free: int
    calls: Counter[str]
    probes: set[str] = field(default_factory=set)

    @property
    def _has_capacity(self) -> bool:
        return len(self.picked.asks) < self.free

    def evaluate_job(self, source_queue: _SourceQueue, job: Job) -> None:
        """Claim, snooze, check or leave one job, and record it in `picked`."""
        source, picked = source_queue.source, self.picked
        chain_input = source_queue.chain_inputs[job.id]
        if self._has_capacity and (why := _resume_reason(chain_input)) is not None:
            picked.asks[job.id] = ClaimRequest("", why)
            return
        unread = not chain_input.round_attempts and needs_reread(source, job)
        # The page has to be read first, which is not possible now.
        if unread and _is_read_delayed(source, job):
            return
        # Another daemon generates the image once the page is read here.
        if not self.instance.runs_generation:
            if unread:
                self._request_reread(source, job)
            return
        state = replace(source_queue.state, calls=self.calls)
        choice = provider_selection.choose_provider(source, chain_input, state)
        labels = {name: one.traits.label for name, one in source.providers.items()}
        match choice:
            # The leader reads the page first.
            case CallProvider() if unread:
                self._request_reread(source, job)
            # A half-open provider gets one job as its probe.
            case CallProvider(name, probe):
                if self._has_capacity and name not in self.probes:
                    picked.asks[job.id] = ClaimRequest(name, f"with {labels[name]}")
                    self.calls[name] += 1
                    if probe:
                        self.probes.add(name)
            # The model is loading.
            case WaitUntil(name, until, _):
                picked.snoozed.append((job, name, f"for {labels[name]}", until))
                picked.look_again_by(until)
            # The end of a call sets `kick`.
            case AtCapacity():
                pass
            # The end of the health check sets `kick`.
            case HealthCheck(name):
                picked.greets.add(name)
            case Exhausted() as spent:
                self._handle_exhausted(source, job, chain_input, spent)
        _note_overdue(source, picked, job, choice)

    def _request_reread(self, source: SourceContext, job: Job) -> None:
        """Have the page read if a worker here or elsewhere may claim the job next."""
        limit = max(self.free - len(self.picked.asks), self.instance.reread_limit)
        if source.state.is_leader and len(self.picked.reads) < limit:
            self.picked.reads.append(job)

    def _handle_exhausted(
        self, source: SourceContext, job: Job, chain_input: ChainInput, spent: Exhausted
    ) -> None:
        """Leave a job without an available provider, or claim it to end its round."""
        decision = provider_selection.decide_after_round(
            source, job, chain_input, spent
        )
        if isinstance(decision, Idle):
            self.picked.look_again_by(decision.until)
        elif self._has_capacity:
            self.picked.asks[job.id] = ClaimRequest("", "no service is available")


def _is_read_delayed(source: SourceContext, job: Job) -> bool:
    """Return True while Notion is unavailable or reading this page has failed."""
    task_key = TaskKey(TaskKind.READ, job.source, job.id)
    is_refused = source.app.retry_schedule.is_delayed(
        task_key, source.app.clock.elapsed()
    )
    return is_refused or bool(source.notion_backoff.why)


def _resume_reason(chain_input: ChainInput) -> str | None:
    # The result of an open call is fetched even if its provider is paused.
    if chain_input.open_call is not None:
        return "the result of the last call is due"
    return "the images are stored" if chain_input.complete else None


def _note_overdue(
    source: SourceContext, picked: Selection, job: Job, choice: Decision
) -> None:
    """Queue a note on the page of a job that waits for a provider."""
    now = source.app.now()
    match choice:
        # The model will be loaded soon, or is loading for long.
        case WaitUntil(name, until, why):
            since = job.first_waited_at or now
            reasons: Sequence[BlockedReason] = [BlockedReason(name, why, until)]
        # No provider is available.  It may be only for a moment, if no time is known.
        case Exhausted(known_until, reasons) if job.id not in picked.asks:
            since, until = max(job.due_at, requested_at(job)), known_until or now
        # It waits for other jobs.
        case _:
            return
    if needs_waiting_note(job, since, max(until, now)):
        why = provider_selection.describe_reasons(source, reasons)
        picked.told.append((job, waiting_note(why)))
    elif now < since + TELL_AFTER:
        picked.look_again_by(since + TELL_AFTER)
