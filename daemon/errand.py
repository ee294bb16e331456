"""`once`: one look, then work until nothing is due."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from daemon.company import Company
from daemon.errors import SetupError
from daemon.flow.context import Flow
from daemon.flow.dispatch import Dispatcher
from daemon.flow.flows import Flows
from daemon.flow.poll import Watcher
from daemon.flow.storage import pause
from daemon.flow.sweep import sweep_if_due
from db import claims, jobs, posts
from db.states import State

#: Seconds.
_LONGEST_PAUSE = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Once:
    """What `postbrush once` came to."""

    notion: str
    failed: int
    held: int
    no_room: bool


async def once(
    flows: Flows,
    watchers: Sequence[Watcher],
    company: Company,
    approve: Callable[[int], Awaitable[bool]],
) -> Once:
    """Poll, sweep when due, work until nothing is due, and say what came of it.

    Args:
        company: Who works on the same database; of them, it is we who ask Notion.
        approve: Asked when posts were held, with how many; makes them when it may.
    """
    flow = flows.first
    began = flow.now()
    await company.begin()
    if not all(flow.speaks for flow in flows):
        raise SetupError(
            "another daemon asks Notion for this database already: `once` is for when "
            "none runs"
        )
    for watcher in watchers:
        if await watcher.poll() is not None:
            await sweep_if_due(watcher.flow)
    if (held := await _held(flow)) and await approve(held):
        held = await _held(flow)
    await work_off(flows, Dispatcher(flows))
    async with flow.db.reading() as tx:
        ended = await jobs.in_state(tx, [State.FAILED], limit=500)
    return Once(
        notion=flows.trouble or _delayed(flow),
        failed=sum(job.moved_at >= began for job in ended),
        held=held,
        no_room=not flow.spells.open.keys().isdisjoint({"disk", "store"}),
    )


def _delayed(flow: Flow) -> str:
    """Say what was not done because it failed: `once` does not wait for long pauses."""
    failed = (delay for delay in flow.delays.of() if delay.failures)
    return "; ".join(f"{delay.subject.task} failed: {delay.why}" for delay in failed)


async def _held(flow: Flow) -> int:
    async with flow.db.reading() as tx:
        return await posts.held_count(tx)


async def work_off(flows: Flows, dispatcher: Dispatcher) -> None:
    """Work until nothing is under way and nothing will be due by waiting a little."""
    flow = flows.first
    while not flow.stopping.is_set():
        flow.kick.clear()
        await dispatcher.step()
        if dispatcher.busy or flow.kick.is_set():
            await flow.kick.wait()
            continue
        due = await _next_due(flows)
        if due is None:
            break
        seconds = (due - flow.now()).total_seconds()
        # Not all of it in one go: the clock may be set meanwhile.
        await pause(flow, min(_LONGEST_PAUSE, max(0.0, seconds)))
    await dispatcher.finish()


async def _next_due(flows: Flows) -> datetime | None:
    """Return when a job's own time comes: settled, loaded, another round.

    Not of a source that Notion does not answer about: nothing comes of that here.
    """
    now, steady = flows.first.now(), flows.first.steady()
    there = [one.plan.source for one in flows if not one.outage.lasts(steady)]
    async with flows.first.db.reading() as tx:
        times = [
            await claims.next_due(tx, state, now, there)
            for state in (State.QUEUED, State.UPLOADING)
        ]
    return min((time for time in times if time is not None), default=None)
