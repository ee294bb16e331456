"""The application and source contexts that all processing steps use.

`daemon.source_setup` builds them.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

import structlog
from structlog.stdlib import BoundLogger

from daemon.clock import Clock
from daemon.decision_settings import BudgetLimits, InputSettings, Rules
from daemon.imaging.store.store import Store
from daemon.notion.backoff import NotionBackoff
from daemon.notion.errors import NotionUnavailableError
from daemon.notion.filters import Wanted
from daemon.notion.model import BotUser, NotionClient, Schema
from daemon.notion.page_cache import PageCache
from daemon.service.change_event import ChangeEvent
from daemon.service.heartbeat import WatchdogDeadlines
from daemon.service.log import FailureThrottle
from daemon.service.task_delays import RetrySchedule
from db.breakers import SHARED
from db.engine import Database
from providers.base import Provider
from providers.cancellation import CancellationToken
from providers.runner import ProviderRunner


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSettings:
    """The settings of one source that its processing depends on.

    Attributes:
        source: Name of the source in the database.
        chain: Provider names, in order.
        approve_above: Posts that a poll queues automatically at most; 0: no limit.
        tries: Maximum number of rounds of a job that may cost money.
        replace_cards: Maximum age of a card to be replaced; None: off.
        min_free_disk: `images.min_free_disk`, the disk space to keep free.
        keep: How long images that no page shows are kept; None: forever.
        usual_price: Dollars of one image by the first provider of the chain.
        fingerprints: Keyed hash of each provider's token and settings.
        own_budgets: Names of the sources with a budget of their own.
    """

    source: str
    rules: Rules
    input_settings: InputSettings
    budget_limits: BudgetLimits
    chain: tuple[str, ...]
    approve_above: int
    tries: int
    on_refusal: Literal["fail", "next"]
    loading_wait: timedelta
    concurrency: int
    on_done: Mapping[str, Wanted]
    on_card: Mapping[str, Wanted] | None
    replace_cards: timedelta | None
    replacements_per_day: int
    cover: bool
    mark_ai: bool
    embed_prompt: bool
    min_free_disk: int
    keep: timedelta | None
    tag: str
    usual_price: float
    fingerprints: Mapping[str, str]
    own_budgets: frozenset[str] = frozenset()

    @property
    def has_own_budget(self) -> bool:
        """Whether the source has a budget of its own."""
        return self.source in self.own_budgets

    def includes_spending_of(self, source: str) -> bool:
        """Return whether *source* spends from the budget of this source."""
        if self.has_own_budget:
            return source == self.source
        return source not in self.own_budgets


@dataclass(slots=True, kw_only=True)
class AppContext:
    """The services that all sources of a process share.

    Attributes:
        instance_id: Claims jobs; empty: no other daemon uses the database.
        runs_generation: This daemon generates images.
        reread_limit: Number of pages to read again for jobs that other daemons claim.
        failure_throttle: Limits repeated log lines about the same failure.
        kick: Set by every change that may create work; the work loop clears it.
        stopping: Set at SIGTERM, to end every wait and to claim no further job.
        watchdog: Deadlines of the watchdog.
        decoding: Lock held while a large image is decoded.
        logged_jobs: IDs of the jobs whose queueing is logged.
        logged_thresholds: Keys of the budget thresholds that are logged, by period.
        logged_open_breakers: Breaker generation of each provider logged as open.
        cancel_events: Event for each running job, set when a person or an edit ends it.
        change_event: Announces every change that a person can see.
        shared_log: Log for lines about no source; `log` names the source.
        traffic: Number of Notion requests since the start, by result.
        retry_schedule: Failed tasks that wait for their next try.
    """

    db: Database
    provider_runner: ProviderRunner
    store: Store
    clock: Clock
    instance_id: str = ""
    runs_generation: bool = True
    reread_limit: int = 0
    failure_throttle: FailureThrottle = field(default_factory=FailureThrottle)
    watchdog: WatchdogDeadlines = field(
        default_factory=lambda: WatchdogDeadlines(time.monotonic)
    )
    kick: asyncio.Event = field(default_factory=asyncio.Event)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    decoding: asyncio.Lock = field(default_factory=asyncio.Lock)
    logged_jobs: set[int] = field(default_factory=set)
    logged_thresholds: set[str] = field(default_factory=set)
    logged_open_breakers: dict[str, int] = field(default_factory=dict)
    cancel_events: dict[int, asyncio.Event] = field(default_factory=dict)
    change_event: ChangeEvent = field(default_factory=ChangeEvent)
    traffic: Counter[str] = field(default_factory=Counter)
    retry_schedule: RetrySchedule = field(default_factory=RetrySchedule)
    shared_log: BoundLogger = field(default_factory=structlog.get_logger)

    def now(self) -> datetime:
        """Return the wall-clock time (`Clock.now`)."""
        return self.clock.now()

    def steady_now(self) -> datetime:
        """Return the time for pauses and durations in memory (`Clock.steady_now`)."""
        return self.clock.steady_now()

    @property
    def image_folder(self) -> Path:
        """The local folder of images; `store` may hold more images remotely."""
        return self.store.folder

    def cancellation_token(self, job_id: int | None) -> CancellationToken:
        """Return a token that ends the wait for a provider at shutdown or cancellation.

        Args:
            job_id: Job whose cancellation also ends the wait; None: no job.
        """
        event = asyncio.Event()
        if job_id is not None:
            event = self.cancel_events.setdefault(job_id, event)
        return CancellationToken(self.stopping, event)


@dataclass(slots=True, kw_only=True)
class SourceContext(AppContext):
    """The settings, clients and state of one source, with the shared services.

    Attributes:
        schema: Schema of the source; None until Notion has answered once.
        bot_user: Bot user of the token; None until Notion has answered once.
        polled_at: Steady time of the last successful poll.
        is_leader: This daemon is the leader: only the leader sends requests to Notion.
        is_sweeping: A sweep of the source is running.
        unreachable_pages: IDs of pages whose un-tick was answered 404; polls may still
            list them.
        notion_backoff: Backoff while Notion cannot be reached.
        page_cache: Cache of the source's pages.
    """

    settings: SourceSettings
    notion: NotionClient
    providers: Mapping[str, Provider]
    log: BoundLogger
    schema: Schema | None = None
    bot_user: BotUser | None = None
    polled_at: datetime | None = None
    is_leader: bool = True
    is_sweeping: bool = False
    unreachable_pages: set[str] = field(default_factory=set)
    notion_backoff: NotionBackoff = field(default_factory=NotionBackoff)
    page_cache: PageCache = field(default_factory=PageCache)

    @classmethod
    def from_app_context(
        cls,
        shared: AppContext,
        *,
        settings: SourceSettings,
        notion: NotionClient,
        providers: Mapping[str, Provider],
        log: BoundLogger,
    ) -> SourceContext:
        """Return a source context that refers to the same objects as *shared*."""
        common = {
            entry.name: getattr(shared, entry.name) for entry in fields(AppContext)
        }
        return cls(
            settings=settings, notion=notion, providers=providers, log=log, **common
        )

    @property
    def notion_retry_at(self) -> datetime | None:
        """Wall-clock time of the next request to Notion; None: no backoff."""
        until = self.notion_backoff.until
        return self.clock.to_wall_time(until) if until is not None else None

    @property
    def last_poll_at(self) -> datetime | None:
        """Wall-clock time of the last successful poll; None: none yet."""
        return (
            self.clock.to_wall_time(self.polled_at)
            if self.polled_at is not None
            else None
        )

    @property
    def watchdog_name(self) -> str:
        """Name of the polls of this source in the watchdog."""
        source = self.settings.source
        return "poll" if source == SHARED else f"poll of {source}"

    @property
    def upload_limit(self) -> int:
        """Maximum bytes of a file; 5 MiB, the limit of the free plan, until known."""
        return self.bot_user.upload_limit if self.bot_user else 5 * 2**20

    @property
    def known_schema(self) -> Schema:
        """The schema of the source.

        Raises:
            NotionUnavailableError: Notion has not answered since the start.
        """
        if self.schema is None:
            raise NotionUnavailableError("Notion has not answered yet")
        return self.schema
