"""The waiting jobs: which of them go on now, and when to look at the others again.

While nobody can serve a job, its row is not touched; it is looked at again when a
breaker may move, or when somebody is kept waiting for too long.
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
from daemon.service.task_delays import TaskKey, TaskKind
from daemon.sync.revalidate import needs_reread
from db import pauses, queue
from db.engine import Tx
from db.models import Job
from db.states import JobState
from providers.chain import AtCapacity, CallProvider, Exhausted, HealthCheck, WaitUntil

_LOOKED_AT = 500
#: A job that cannot start for this long says so on its page.
_TELL_AFTER = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class _SourceQueue:
    """The due jobs of one source, and what is to be known of each."""

    flow: SourceContext
    due: Sequence[Job]
    cases: Mapping[int, ChainInput]
    situation: ChainState


async def select_jobs(
    tx: Tx, flows: Sequence[SourceContext], free: int, claimed_for: Mapping[int, str]
) -> Selection:
    """Look at the due jobs of all sources for *free* workers.

    Args:
        claimed_for: By job in work here, whom it is about to ask.
    """
    picked = Selection()
    awake = [flow for flow in flows if not await _is_paused(tx, flow, picked)]
    if not awake:
        return picked
    now, sources = awake[0].now(), [flow.plan.source for flow in awake]
    picked.look_again_by(await queue.next_due_at(tx, JobState.QUEUED, now, sources))
    looks: dict[str, _SourceQueue] = {}
    for flow in awake:
        due = await queue.list_due(tx, now, flow.plan.source, limit=_LOOKED_AT)
        if due:
            looks[flow.plan.source] = await _load_source_queue(tx, flow, due)
    picked.queue = sum(len(look.due) for look in looks.values())
    picking = _Selector(picked, free)
    picking.count_calls(looks.values(), claimed_for)
    for job in interleave_by_priority([look.due for look in looks.values()]):
        picking.evaluate_job(looks[job.source], job)
    return picked


async def _is_paused(tx: Tx, flow: SourceContext, picked: Selection) -> bool:
    pause = await pauses.get(tx, flow.plan.source, flow.now())
    if pause is not None:
        picked.pauses[pause.source] = pause.until
        picked.look_again_by(pause.until)
    return pause is not None


async def _load_source_queue(
    tx: Tx, flow: SourceContext, due: Sequence[Job]
) -> _SourceQueue:
    return _SourceQueue(
        flow=flow,
        due=due,
        cases=await chain_input_loader.load_chain_inputs(tx, flow, due),
        situation=await provider_selection.load_chain_state(tx, flow),
    )


def interleave_by_priority(queues: Iterable[Sequence[Job]]) -> list[Job]:
    """Return the jobs of several queues, strongest first; equals take turns.

    Args:
        queues: Each in its own order, strongest first.
    """
    placed: list[tuple[int, int, Job]] = []
    for waiting in queues:
        seen = Counter[int]()
        for job in waiting:
            placed.append((job.reason.rank, seen[job.reason.rank], job))
            seen[job.reason.rank] += 1
    return [job for *_, job in sorted(placed, key=lambda one: one[:2])]


@dataclass(slots=True)
class _Selector:
    """Goes through the queue while workers are free.

    Attributes:
        calls: Of each provider, those under way and those about to begin.
        probes: Providers whose one probe is given away.
    """

    picked: Selection
    free: int
    calls: Counter[str] = field(default_factory=Counter)
    probes: set[str] = field(default_factory=set)

    def count_calls(
        self, looks: Iterable[_SourceQueue], claimed_for: Mapping[int, str]
    ) -> None:
        """Count the calls that somebody is about to make as made."""
        for look in looks:
            self.calls |= Counter(look.situation.calls)
        self.calls |= Counter(claimed_for.values())

    @property
    def _has_capacity(self) -> bool:
        return len(self.picked.asks) < self.free

    def evaluate_job(self, look: _SourceQueue, job: Job) -> None:
        """Take a job up, or see when it is to be looked at again."""
        flow, picked, case = look.flow, self.picked, look.cases[job.id]
        if self._has_capacity and (why := _resume_reason(case)) is not None:
            picked.asks[job.id] = ClaimRequest(job, "", why)
            return
        unread = not case.was_tried_this_round and needs_reread(flow, job)
        # It is for others to take up, once its page is read.
        if not flow.generates:
            if unread and not _is_read_delayed(flow, job):
                self._request_reread(flow, job)
            return
        # Its page is to be read first, and cannot be now: no use to take it up.
        if unread and _is_read_delayed(flow, job):
            return
        situation = replace(look.situation, calls=self.calls)
        choice = provider_selection.choose_provider(flow, case, situation)
        match choice:
            # Not before its page is read, by whoever speaks with Notion.
            case CallProvider() if unread:
                self._request_reread(flow, job)
            # Its turn, if a worker is free and no other job is the probe already.
            case CallProvider(name, probe):
                if self._has_capacity and name not in self.probes:
                    picked.asks[job.id] = ClaimRequest(job, name, f"asks {name}")
                    self.calls[name] += 1
                    if probe:
                        self.probes.add(name)
            # A model is loading: not before it is there.
            case WaitUntil(name, until):
                picked.snoozed.append((job, name, until))
                picked.look_again_by(until)
            # Woken when that call ends.
            case AtCapacity():
                pass
            # Woken when it is known whether it is up.
            case HealthCheck(name):
                picked.greets.add(name)
            case Exhausted() as spent:
                self._handle_exhausted(flow, job, case, spent)
        _note_overdue(flow, picked, job, choice)

    def _request_reread(self, flow: SourceContext, job: Job) -> None:
        """Have a page read whose job may be taken up, here or elsewhere, at once."""
        most = max(self.free - len(self.picked.asks), flow.reads_ahead)
        if flow.speaks and len(self.picked.reads) < most:
            self.picked.reads.append(job)

    def _handle_exhausted(
        self, flow: SourceContext, job: Job, case: ChainInput, spent: Exhausted
    ) -> None:
        """Nobody can serve it: it sleeps, or is taken up to be closed."""
        ended = ChainResult(
            job=job,
            case=case,
            hopeless=provider_selection.none_can_serve(flow, case),
            until=spent.until,
            reasons=spent.reasons,
            tries=flow.plan.tries,
        )
        decided = retry_policy.decide_after_round(ended, flow.now())
        if isinstance(decided, Idle):
            self.picked.look_again_by(decided.until)
        elif self._has_capacity:
            self.picked.asks[job.id] = ClaimRequest(job, "", "nobody can serve it")


def _is_read_delayed(flow: SourceContext, job: Job) -> bool:
    """Notion is away, or its last answer about this page was a refusal."""
    subject = TaskKey(TaskKind.READ, job.source, job.id)
    is_refused = flow.delays.is_delayed(subject, flow.clock.elapsed())
    return is_refused or bool(flow.outage.why)


def _resume_reason(case: ChainInput) -> str | None:
    # A call that was paid for: its result is fetched, whoever rests.
    if case.open_call is not None:
        return "goes on where it was"
    # All its images are on disk.
    return "its images are on disk" if case.complete else None


def _note_overdue(
    flow: SourceContext, picked: Selection, job: Job, choice: Choice
) -> None:
    """Find the jobs whose page should say that they wait, and why."""
    if job.told_waiting or job.owed or not isinstance(choice, Exhausted):
        return
    tell_at = requested_at(job) + _TELL_AFTER
    if flow.now() < tell_at:
        picked.look_again_by(tell_at)
    elif job.id not in picked.asks:
        words = format_reasons(with_labels(flow, choice.reasons))
        picked.told.append((job, f"Waiting: {words}."))
