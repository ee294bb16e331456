"""Selects the queued jobs to claim, and when to read the queue again.

The row of a job without an available provider is not changed.  The queue is read
again when a breaker may change, or when a job has waited long enough for a note.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from daemon.context import SourceContext
from daemon.generation import chain_input_loader, provider_selection
from daemon.generation.claims import ClaimRequest, Selection
from daemon.generation.provider_call import with_labels
from daemon.generation.provider_selection import ChainState, Choice
from daemon.jobs import retry_policy
from daemon.jobs.chain_input import ChainInput
from daemon.jobs.retry_policy import ChainResult, Idle, format_reasons, requested_at
from daemon.service.tasks import TaskKey, TaskKind
from daemon.sync.revalidate import needs_reread
from db import pauses, queue
from db.engine import Tx
from db.models import Job
from db.states import JobState
from providers.chain import AtCapacity, CallProvider, Exhausted, HealthCheck, WaitUntil

#: Due jobs read from each source.
_QUEUE_LIMIT = 500
#: The page of a job that cannot start for this long gets a note.
_NOTE_AFTER = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class _SourceQueue:
    """The due jobs of one source, with the inputs of the decision about each."""

    source: SourceContext
    due: Sequence[Job]
    chain_inputs: Mapping[int, ChainInput]
    state: ChainState


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
    now, names = active[0].app.now(), [source.name for source in active]
    picked.look_again_by(await queue.next_due_at(tx, JobState.QUEUED, now, names))
    queues: dict[str, _SourceQueue] = {}
    for source in active:
        due = await queue.list_due(tx, now, source.name, limit=_QUEUE_LIMIT)
        if due:
            queues[source.name] = await _load_source_queue(tx, source, due)
    picked.queue = sum(len(source_queue.due) for source_queue in queues.values())
    selector = _Selector(picked, free)
    selector.count_calls(queues.values(), claimed_for)
    for job in interleave_by_priority(
        [source_queue.due for source_queue in queues.values()]
    ):
        selector.evaluate_job(queues[job.source], job)
    return picked


async def _is_paused(tx: Tx, source: SourceContext, picked: Selection) -> bool:
    pause = await pauses.get(tx, source.name, source.app.now())
    if pause is not None:
        picked.pauses[pause.source] = pause.until
        picked.look_again_by(pause.until)
    return pause is not None


async def _load_source_queue(
    tx: Tx, source: SourceContext, due: Sequence[Job]
) -> _SourceQueue:
    return _SourceQueue(
        source=source,
        due=due,
        chain_inputs=await chain_input_loader.load_chain_inputs(tx, source, due),
        state=await provider_selection.load_chain_state(tx, source),
    )


def interleave_by_priority(queues: Iterable[Sequence[Job]]) -> list[Job]:
    """Merge queues by priority; jobs of equal priority alternate between the queues.

    Args:
        queues: Each in its own order, highest priority first.
    """
    ranked: list[tuple[int, int, Job]] = []
    for waiting in queues:
        position_in_rank = Counter[int]()
        for job in waiting:
            rank = job.reason.rank
            ranked.append((rank, position_in_rank[rank], job))
            position_in_rank[rank] += 1
    return [job for *_, job in sorted(ranked, key=lambda entry: entry[:2])]


@dataclass(slots=True)
class _Selector:
    """Evaluates the due jobs in order of priority.

    Attributes:
        picked: The result so far.
        free: Number of free workers.
        calls: Open calls and those about to start, by provider.
        probes: Half-open providers whose single probe is assigned.
    """

    picked: Selection
    free: int
    calls: Counter[str] = field(default_factory=Counter)
    probes: set[str] = field(default_factory=set)

    def count_calls(
        self, queues: Iterable[_SourceQueue], claimed_for: Mapping[int, str]
    ) -> None:
        """Count open calls, and those that claimed jobs are about to start."""
        for source_queue in queues:
            self.calls |= Counter(source_queue.state.calls)
        self.calls |= Counter(claimed_for.values())

    @property
    def _has_capacity(self) -> bool:
        return len(self.picked.asks) < self.free

    def evaluate_job(self, source_queue: _SourceQueue, job: Job) -> None:
        """Claim, snooze, check or leave one job, and record it in `picked`."""
        source, picked = source_queue.source, self.picked
        chain_input = source_queue.chain_inputs[job.id]
        if self._has_capacity and (why := _resume_reason(chain_input)) is not None:
            picked.asks[job.id] = ClaimRequest(job, "", why)
            return
        unread = not chain_input.was_tried_this_round and needs_reread(source, job)
        # Another daemon generates the image once the page is read here.
        if not source.app.instance.runs_generation:
            if unread and not _is_read_delayed(source, job):
                self._request_reread(source, job)
            return
        # The page has to be read first, which is not possible now.
        if unread and _is_read_delayed(source, job):
            return
        state = replace(source_queue.state, calls=self.calls)
        choice = provider_selection.choose_provider(source, chain_input, state)
        match choice:
            # The leader reads the page first.
            case CallProvider() if unread:
                self._request_reread(source, job)
            # A half-open provider gets one job as its probe.
            case CallProvider(name, probe):
                if self._has_capacity and name not in self.probes:
                    picked.asks[job.id] = ClaimRequest(job, name, f"asks {name}")
                    self.calls[name] += 1
                    if probe:
                        self.probes.add(name)
            # The model is loading.
            case WaitUntil(name, until):
                picked.snoozed.append((job, name, until))
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
        limit = max(self.free - len(self.picked.asks), source.app.instance.reread_limit)
        if source.state.is_leader and len(self.picked.reads) < limit:
            self.picked.reads.append(job)

    def _handle_exhausted(
        self, source: SourceContext, job: Job, chain_input: ChainInput, spent: Exhausted
    ) -> None:
        """Leave a job without an available provider, or claim it to end its round."""
        chain_result = ChainResult(
            job=job,
            case=chain_input,
            hopeless=provider_selection.none_can_serve(source, chain_input),
            until=spent.until,
            reasons=spent.reasons,
            tries=source.options.posts.tries,
        )
        decision = retry_policy.decide_after_round(chain_result, source.app.now())
        if isinstance(decision, Idle):
            self.picked.look_again_by(decision.until)
        elif self._has_capacity:
            self.picked.asks[job.id] = ClaimRequest(job, "", "nobody can serve it")


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
        return "goes on where it was"
    return "its images are on disk" if chain_input.complete else None


def _note_overdue(
    source: SourceContext, picked: Selection, job: Job, choice: Choice
) -> None:
    """Queue a note on the page of a job that has waited for ten minutes."""
    if job.told_waiting or job.owed or not isinstance(choice, Exhausted):
        return
    note_at = requested_at(job) + _NOTE_AFTER
    if source.app.now() < note_at:
        picked.look_again_by(note_at)
    elif job.id not in picked.asks:
        reasons = format_reasons(with_labels(source, choice.reasons))
        picked.told.append((job, f"Waiting: {reasons}."))
