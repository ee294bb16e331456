"""What `status` shows, as data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from daemon.cli import output
from daemon.cli.providers import ProviderStatus, describe_provider
from daemon.cluster.base import Peer, list_peers, read_instance_id
from daemon.config import Settings
from daemon.context import SourceContext, Sources
from daemon.generation import storage_guard
from daemon.generation.provider_selection import ChainState, load_chain_state
from daemon.status_line import describe_activity, load_activity
from db import images, posts, queue, source_state
from db.engine import Tx
from db.models import Pause
from db.states import JobState

_NEWEST = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class DelayedTask:
    """A task that has failed and will be tried again."""

    job_id: int | None
    title: str
    task: str
    why: str
    failures: int
    retry_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonStatus:
    """The daemon of this data folder; if it does not answer, most is unknown."""

    running: bool
    pid: int | None
    started_at: datetime | None = None
    polled_at: datetime | None = None
    notion_problem: str = ""
    is_leader: bool | None = None
    store_problem: str = ""
    running_jobs: int = 0
    delayed: Sequence[DelayedTask] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerStatus(Peer):
    """Another daemon, and whether it has stopped sending heartbeats."""

    silent: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceStatus:
    """The stored state of one source."""

    source: str
    database: str | None
    last_sweep_at: datetime | None
    posts: int
    waiting_for_approval: int
    paused: Pause | None
    chain: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthStatus:
    """The spending of this month, in US dollars."""

    cost: float
    budget: float | None
    images: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedJob:
    """One of the newest jobs that have failed."""

    job_id: int
    title: str
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewImage:
    """One of the newest images."""

    name: str
    made_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusReport:
    """The state of the daemon and its sources."""

    activity: str
    daemon: DaemonStatus
    daemons: Sequence[PeerStatus]
    sources: Sequence[SourceStatus]
    posts: int
    waiting_for_approval: int
    disk_problem: str
    jobs: Mapping[str, int]
    providers: Sequence[ProviderStatus]
    month: MonthStatus
    own_months: Mapping[str, MonthStatus]
    failed: Sequence[FailedJob]
    newest: Sequence[NewImage]

    @property
    def is_running(self) -> bool:
        """Whether a daemon runs, here or on another machine of the database."""
        return self.daemon.running or any(not peer.silent for peer in self.daemons)


def read_daemon(pid: int | None, reply: Mapping[str, Any]) -> DaemonStatus:
    """Return the state of the daemon; *reply* is empty if it has not answered."""

    def time(value: str | None) -> datetime | None:
        return datetime.fromisoformat(value) if value else None

    return DaemonStatus(
        running=pid is not None,
        pid=pid,
        started_at=time(reply.get("started_at")),
        polled_at=time(reply.get("polled_at")),
        notion_problem=reply.get("notion") or "",
        is_leader=reply.get("is_leader"),
        store_problem=reply.get("store") or "",
        running_jobs=reply.get("running_jobs", 0),
        delayed=[
            DelayedTask(**{**task, "retry_at": time(task["retry_at"])})
            for task in reply.get("delayed", ())
        ],
    )


async def load_status(
    sources: Sources, settings: Settings, source_name: str | None, daemon: DaemonStatus
) -> StatusReport:
    """Return the state of *daemon* and its sources; *source_name* limits the jobs."""
    source = sources.first
    in_chain = dict.fromkeys(name for source in sources for name in source.chain)
    async with source.app.db.read_transaction() as tx:
        chain_state = await load_chain_state(tx, sources.shared_budget_source)
        own_budgets = [
            (source, await load_chain_state(tx, source))
            for source in sources.own_budget_sources
        ]
        counts = await queue.count_by_state(tx, source=source_name)
        newest = await images.list_newest(tx, limit=_NEWEST, source=source_name)
        failed = await queue.list_jobs(
            tx, [JobState.FAILED], limit=_NEWEST, source=source_name
        )
        statuses = [await _load_source_status(tx, source) for source in sources]
        peers = await list_peers(tx, source.app.db, read_instance_id(settings.data_dir))
        lease = settings.options.database.lease
        activity = await load_activity(tx, sources, chain_state)
    status = StatusReport(
        activity="",
        daemon=daemon,
        daemons=[
            output.extend_record(
                PeerStatus, peer, silent=peer.is_expired(source.app.now(), lease)
            )
            for peer in peers
        ],
        sources=statuses,
        posts=sum(status.posts for status in statuses),
        waiting_for_approval=sum(status.waiting_for_approval for status in statuses),
        disk_problem=storage_guard.unwritable_reason(source) or "",
        jobs={state.value: counts.get(state, 0) for state in JobState},
        providers=[
            describe_provider(source, chain_state, name, in_chain)
            for name in (*in_chain, *source.writers)
        ],
        # The shared budget; with a single source, its own.
        month=_summarize_month(sources.shared_budget_source, chain_state),
        own_months={
            source.name: _summarize_month(source, own_state)
            for source, own_state in own_budgets
        },
        failed=[
            FailedJob(job_id=job.id, title=job.title, outcome=job.outcome)
            for job in failed
        ],
        newest=[NewImage(name=image.name, made_at=image.made_at) for image in newest],
    )
    if not status.is_running:
        return status
    disk = activity.disk or daemon.store_problem
    now = replace(activity, outage=daemon.notion_problem, disk=disk)
    return replace(status, activity=describe_activity(now))


def _summarize_month(source: SourceContext, chain_state: ChainState) -> MonthStatus:
    return MonthStatus(
        cost=chain_state.spending.month.cost,
        budget=source.options.budget.month,
        images=chain_state.spending.month.images,
    )


async def _load_source_status(tx: Tx, source: SourceContext) -> SourceStatus:
    name = source.name
    state = await source_state.load_source_state(tx, name)
    return SourceStatus(
        source=name,
        database=state.title if state else None,
        last_sweep_at=state.last_sweep_at if state else None,
        posts=await posts.count(tx, source=name),
        waiting_for_approval=await posts.count_held(tx, source=name),
        paused=await source_state.get_pause(tx, name, source.app.now()),
        chain=source.chain,
    )
