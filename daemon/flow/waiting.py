"""The waiting jobs: which of them go on now, and when to look at the others again.

While nobody can serve a job, its row is not touched; it is looked at again when a
breaker may move, or when somebody is kept waiting for too long.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from daemon.flow import cases, choose, verdict
from daemon.flow.case import Case
from daemon.flow.choose import Choice, Situation
from daemon.flow.context import Flow
from daemon.flow.draw import with_labels
from daemon.flow.reread import is_to_be_read
from daemon.flow.verdict import Round, Sleep, asked_at, in_words
from db import jobs, pauses
from db.engine import Tx
from db.errors import MovedElsewhereError
from db.records import Job
from db.states import Event, State
from providers.chain import Ask, Busy, Greet, Spent, Wait

_LOOKED_AT = 500
#: A job that cannot start for this long says so on its page.
_TELL_AFTER = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Claim:
    """Why a job is taken up; `provider` is empty when nobody is asked."""

    job: Job
    provider: str
    why: str


@dataclass(slots=True)
class Picked:
    """What came of a look at the queue.

    Attributes:
        asks: Jobs to take up, by id.
        snoozed: (job, provider, until): they wait for a loading model.
        told: (job, note): their page is to say that they wait.
        greets: Providers that were away, and a job waits to know whether they are.
        look_again: When something may change by itself.
        queue: How many jobs are due and not in work.
        paused: A person wants nothing to be made.
        shut: Nothing is taken up now: Notion refuses us, nothing can be written,
            or nobody is free.
    """

    asks: dict[int, Claim] = field(default_factory=dict)
    snoozed: list[tuple[Job, str, datetime]] = field(default_factory=list)
    told: list[tuple[Job, str]] = field(default_factory=list)
    greets: set[str] = field(default_factory=set)
    look_again: datetime | None = None
    queue: int = 0
    paused: bool = False
    shut: bool = False

    def again(self, time: datetime | None) -> None:
        """Look again at *time* at the latest."""
        if time is not None and (self.look_again is None or time < self.look_again):
            self.look_again = time


async def pick(tx: Tx, flow: Flow, free: int, claimed_for: Mapping[int, str]) -> Picked:
    """Look at the due jobs, strongest and oldest first, for *free* workers."""
    now = flow.now()
    if (pause := await pauses.get(tx, flow.plan.source, now)) is not None:
        return Picked(look_again=pause.until, paused=True)
    picked = Picked(look_again=await jobs.next_due(tx, State.QUEUED, now))
    due = await jobs.due(tx, now, limit=_LOOKED_AT)
    picked.queue = len(due)
    if not due:
        return picked
    situation = await choose.survey(tx, flow)
    found = await cases.gather(tx, flow, due)
    calls = Counter(situation.calls)
    for name, count in Counter(claimed_for.values()).items():
        calls[name] = max(calls[name], count)
    situation = replace(situation, calls=calls)
    probes: set[str] = set()
    for job in due:
        case = found[job.id]
        if len(picked.asks) < free and (why := _goes_on_anyway(case)) is not None:
            picked.asks[job.id] = Claim(job, "", why)
            continue
        # Its page is to be read first, and Notion is away: no use to take it up.
        if flow.outage.lasts(now) and not case.was_asked and is_to_be_read(flow, job):
            picked.again(flow.outage.until)
            continue
        choice = choose.choose(flow, case, situation)
        match choice:
            # Its turn, if a worker is free and no other job is the probe already.
            case Ask(name, probe):
                if len(picked.asks) < free and name not in probes:
                    picked.asks[job.id] = Claim(job, name, f"asks {name}")
                    calls[name] += 1
                    if probe:
                        probes.add(name)
            # A model is loading: not before it is there.
            case Wait(name, until):
                picked.snoozed.append((job, name, until))
                picked.again(until)
            # Woken when that call ends.
            case Busy():
                pass
            # Woken when it is known whether it is up.
            case Greet(name):
                picked.greets.add(name)
            case Spent() as spent:
                _consider(
                    flow,
                    picked,
                    job,
                    case=case,
                    situation=situation,
                    spent=spent,
                    free=free,
                )
        _tell(flow, picked, job, choice)
    return picked


def _goes_on_anyway(case: Case) -> str | None:
    # A call that was paid for: its result is fetched, whoever rests.
    if case.open_call is not None:
        return "goes on where it was"
    # All its images are on disk.
    return "its images are on disk" if case.complete else None


def _consider(
    flow: Flow,
    picked: Picked,
    job: Job,
    *,
    case: Case,
    situation: Situation,
    spent: Spent,
    free: int,
) -> None:
    """Nobody can serve it: it sleeps, or is taken up to be closed."""
    ended = Round(
        job=job,
        case=case,
        hopeless=choose.hopeless(flow, case),
        until=spent.until,
        reasons=spent.reasons,
        tries=flow.plan.tries,
    )
    decided = verdict.judge(ended, situation.now)
    if isinstance(decided, Sleep):
        picked.again(decided.until)
    elif len(picked.asks) < free:
        picked.asks[job.id] = Claim(job, "", "nobody can serve it")


def _tell(flow: Flow, picked: Picked, job: Job, choice: Choice) -> None:
    """Find the jobs whose page should say that they wait, and why."""
    if job.told_waiting or job.owed or not isinstance(choice, Spent):
        return
    tell_at = asked_at(job) + _TELL_AFTER
    if flow.now() < tell_at:
        picked.again(tell_at)
    elif job.id not in picked.asks:
        words = in_words(with_labels(flow, choice.reasons))
        picked.told.append((job, f"Waiting: {words}."))


async def claim(flow: Flow, picked: Picked) -> list[Job]:
    """Carry out what was picked, in one transaction; return the claimed jobs."""
    if not (picked.asks or picked.snoozed or picked.told):
        return []
    claimed: list[Job] = []
    async with flow.db.writing() as tx:
        now = flow.now()
        for one in picked.asks.values():
            try:
                moved = await jobs.move(
                    tx, one.job, Event.CLAIMED, now=now, why=one.why, waits_for=None
                )
            # Cancelled by a command meanwhile.
            except MovedElsewhereError:
                continue
            claimed.append(moved)
        for job, name, until in picked.snoozed:
            since = job.waited_since or now
            changes = {"due_at": until, "waits_for": name, "waited_since": since}
            try:
                why = f"waits for {name}"
                await jobs.move(tx, job, Event.SNOOZED, now=now, why=why, **changes)
            except MovedElsewhereError:
                continue
        for job, note in picked.told:
            await jobs.owe(tx, job, "waiting", note)
            await jobs.mark_waiting_told(tx, job)
            flow.kick.set()
    return claimed
