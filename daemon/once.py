"""The `once` command: one poll of each source, then work until nothing is due."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from daemon.cluster.base import Membership
from daemon.context import AppContext, Sources, earliest_time
from daemon.dispatcher import Dispatcher
from daemon.errors import SetupError
from daemon.generation.storage_guard import sleep_unless_stopping
from daemon.sync.poller import Poller
from daemon.sync.sweep import sweep_if_due
from db import posts, queue
from db.states import JobState

#: Seconds; longer waits are split, as the clock may be set meanwhile.
_MAX_PAUSE = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OnceResult:
    """Result of `postbrush once`.

    Attributes:
        notion: Why Notion or a task failed; empty if none did.
        failed: Number of jobs that failed in this run.
        held: Number of posts that wait for approval.
        no_room: Images could not be saved.
    """

    notion: str
    failed: int
    held: int
    no_room: bool


async def run_once(
    sources: Sources,
    watchers: Sequence[Poller],
    company: Membership,
    approve: Callable[[int], Awaitable[bool]],
) -> OnceResult:
    """Poll, sweep if due, and work until nothing is due.

    Args:
        approve: Called with the number of posts that wait for approval; approves them
            and returns True, or returns False.

    Raises:
        SetupError: Another daemon is the leader of one of the sources.
    """
    app = sources.app
    started_at = app.now()
    await company.recover_work()
    if len(sources.led) < len(sources.names):
        raise SetupError(
            "Another daemon already works on this Notion database. `once` is for when "
            "no daemon runs"
        )
    for watcher in watchers:
        if await watcher.poll() is not None:
            await sweep_if_due(watcher.source)
    if (held := await _count_held(app)) and await approve(held):
        held = await _count_held(app)
    await work_until_idle(sources, Dispatcher(sources))
    async with app.db.read_transaction() as tx:
        failed_jobs = await queue.list_jobs(tx, [JobState.FAILED], limit=500)
    return OnceResult(
        notion=sources.outage_reason or _describe_delayed(app),
        failed=sum(job.moved_at >= started_at for job in failed_jobs),
        held=held,
        no_room=not app.log_state.failures.open.keys().isdisjoint({"disk", "store"}),
    )


def _describe_delayed(app: AppContext) -> str:
    """Return the tasks that failed; `once` does not wait for their next try."""
    failed = (delay for delay in app.retry_schedule.of_tasks() if delay.failures)
    return "; ".join(f"{delay.subject.task} failed: {delay.why}" for delay in failed)


async def _count_held(app: AppContext) -> int:
    async with app.db.read_transaction() as tx:
        return await posts.count_held(tx)


async def work_until_idle(sources: Sources, dispatcher: Dispatcher) -> None:
    """Work until no task is running and no job of a reachable source will be due."""
    app = sources.app
    while not app.signals.stopping.is_set():
        app.signals.kick.clear()
        await dispatcher.tick()
        if dispatcher.is_busy or app.signals.kick.is_set():
            await app.signals.kick.wait()
            continue
        due = await _next_due_time(sources)
        if due is None:
            break
        seconds = (due - app.now()).total_seconds()
        await sleep_unless_stopping(sources.app, min(_MAX_PAUSE, max(0.0, seconds)))
    await dispatcher.drain()


async def _next_due_time(sources: Sources) -> datetime | None:
    """Return when the next job is due; None if no job is.

    Jobs of a source that Notion does not answer for are left out.
    """
    now, steady = sources.app.now(), sources.app.steady_now()
    reachable = [
        source.name for source in sources if not source.notion_backoff.is_active(steady)
    ]
    async with sources.app.db.read_transaction() as tx:
        times = [
            await queue.next_due_at(tx, state, now, reachable)
            for state in (JobState.QUEUED, JobState.UPLOADING)
        ]
    return earliest_time(times)
