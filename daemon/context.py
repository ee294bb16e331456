"""What every step of the flow is given: one object, made by `daemon.source_setup`."""

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
    """The settings of one source that its flow depends on.

    Attributes:
        source: Its name in the database.
        chain: Provider names, in order.
        approve_above: Posts a poll may queue by itself; 0: any number.
        replace_cards: How young a card must be to be replaced; None: off.
        keep: How long images are kept that no page shows; None: for ever.
        usual_price: Dollars for one image by the first of the chain.
        fingerprints: Keyed hash of each provider's token and settings.
        own_budgets: The sources that spend from a budget of their own.
    """

    source: str
    rules: Rules
    recipe: InputSettings
    limits: BudgetLimits
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
        """It has a budget of its own."""
        return self.source in self.own_budgets

    def includes_spending_of(self, source: str) -> bool:
        """Say whether what *source* spends is spent from this one's budget."""
        if self.has_own_budget:
            return source == self.source
        return source not in self.own_budgets


@dataclass(slots=True, kw_only=True)
class AppContext:
    """What the flows of all sources share: one of each a process.

    Attributes:
        who: What jobs are claimed by; empty: nobody else works on this database.
        generates: Images are made here; others may make them elsewhere.
        reads_ahead: Pages read for others to go on with, beside those for ourselves.
        kick: Set by whatever may have made work; the work loop clears it.
        stopping: Set at SIGTERM: nothing more is claimed and every wait ends.
        pulse: Who promised to be heard of again, for the watchdog.
        decoding: Held while a large image is taken apart.
        announced: Jobs the log has named as queued; commands make some, too.
        told: Budgets the log has spoken of, by period.
        resting: Services the log has said to rest, with the breaker's generation.
        withdrawn: By job in work: set when a person or an edit has ended it.
        news: Told of everything that a person could see change.
        shared_log: For what is about no source; `log` says which one it is about.
        traffic: What was asked of Notion since the start, by how it ended.
        delays: Tasks that failed and wait for their next try.
    """

    db: Database
    studio: ProviderRunner
    store: Store
    clock: Clock
    who: str = ""
    generates: bool = True
    reads_ahead: int = 0
    spells: FailureThrottle = field(default_factory=FailureThrottle)
    pulse: WatchdogDeadlines = field(
        default_factory=lambda: WatchdogDeadlines(time.monotonic)
    )
    kick: asyncio.Event = field(default_factory=asyncio.Event)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    decoding: asyncio.Lock = field(default_factory=asyncio.Lock)
    announced: set[int] = field(default_factory=set)
    told: set[str] = field(default_factory=set)
    resting: dict[str, int] = field(default_factory=dict)
    withdrawn: dict[int, asyncio.Event] = field(default_factory=dict)
    news: ChangeEvent = field(default_factory=ChangeEvent)
    traffic: Counter[str] = field(default_factory=Counter)
    delays: RetrySchedule = field(default_factory=RetrySchedule)
    shared_log: BoundLogger = field(default_factory=structlog.get_logger)

    def now(self) -> datetime:
        return self.clock.now()

    def steady(self) -> datetime:
        """Return the time for pauses and durations in memory (`Clock.steady_now`)."""
        return self.clock.steady_now()

    @property
    def image_folder(self) -> Path:
        """The folder of the images; `store` may know of more."""
        return self.store.folder

    def cancellation_token(self, job_id: int | None) -> CancellationToken:
        """Return when a remote job made for *job_id* is waited for no longer."""
        event = asyncio.Event()
        if job_id is not None:
            event = self.withdrawn.setdefault(job_id, event)
        return CancellationToken(self.stopping, event)


@dataclass(slots=True, kw_only=True)
class SourceContext(AppContext):
    """One source: the outside world and the settings, as the steps see them.

    Attributes:
        schema: Of the source; None until Notion has answered once.
        me: Likewise.
        looked_at: When the last poll that Notion answered was; a `steady` time.
        speaks: It is we who ask Notion: of those who share a database, one does.
        sweeping: A sweep of it is under way.
        unreachable: Pages whose un-tick was answered 404 and that a poll may list.
    """

    plan: SourceSettings
    door: NotionClient
    providers: Mapping[str, Provider]
    log: BoundLogger
    schema: Schema | None = None
    me: BotUser | None = None
    looked_at: datetime | None = None
    speaks: bool = True
    sweeping: bool = False
    unreachable: set[str] = field(default_factory=set)
    outage: NotionBackoff = field(default_factory=NotionBackoff)
    views: PageCache = field(default_factory=PageCache)

    @classmethod
    def from_app_context(
        cls,
        shared: AppContext,
        *,
        plan: SourceSettings,
        door: NotionClient,
        providers: Mapping[str, Provider],
        log: BoundLogger,
    ) -> SourceContext:
        """Return a flow that has what is *shared*, the very same objects."""
        common = {one.name: getattr(shared, one.name) for one in fields(AppContext)}
        return cls(plan=plan, door=door, providers=providers, log=log, **common)

    @property
    def notion_retry_at(self) -> datetime | None:
        """When Notion is asked again, by the wall clock; None: nothing keeps it."""
        until = self.outage.until
        return self.clock.to_wall_time(until) if until is not None else None

    @property
    def last_poll_at(self) -> datetime | None:
        """When the last poll that Notion answered was, by the wall clock."""
        return (
            self.clock.to_wall_time(self.looked_at)
            if self.looked_at is not None
            else None
        )

    @property
    def watchdog_name(self) -> str:
        """What the watchdog knows its polls as."""
        source = self.plan.source
        return "poll" if source == SHARED else f"poll of {source}"

    @property
    def upload_limit(self) -> int:
        """Bytes of one file; 5 MiB, the free plan's, until Notion says."""
        return self.me.upload_limit if self.me else 5 * 2**20

    @property
    def known_schema(self) -> Schema:
        """The columns of the source, for steps that only run once they are known.

        Raises:
            AwayError: Notion has not answered since the start.
        """
        if self.schema is None:
            raise NotionUnavailableError("Notion has not answered yet")
        return self.schema
