"""What the processing steps are given: the application, and one of its sources.

`daemon.source_setup` builds them.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from structlog.stdlib import BoundLogger

from daemon.clock import Clock
from daemon.config.model import Options
from daemon.config.parsing import ImageFormat, parse_format
from daemon.imaging.store.store import Store
from daemon.notion.errors import NotionUnavailableError
from daemon.notion.model import BotUser, Schema
from daemon.notion.page_cache import PageCache
from daemon.notion.throttling import NotionBackoff
from daemon.service.systemd import WatchdogDeadlines
from daemon.service.tasks import ChangeEvent, LogState, RetrySchedule
from db.engine import Database
from db.source_state import SHARED
from providers.base import CardSettings
from providers.cancellation import CancellationToken
from providers.provider import Provider
from providers.runner import ProviderRunner
from providers.writers.chat import PromptWriter

if TYPE_CHECKING:  # It would load notion_client and httpx for every command.
    from daemon.notion.api import NotionApi

_USUAL_FORMAT = parse_format("square")


@dataclass(slots=True, kw_only=True)
class Instance:
    """This daemon among those that share the database.

    Attributes:
        id: Claims jobs; empty: no other daemon uses the database.
        runs_generation: This daemon generates images.
        reread_limit: Number of pages to read again for jobs that other daemons claim.
    """

    id: str = ""
    runs_generation: bool = True
    reread_limit: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """What tasks of the process tell each other.

    Attributes:
        kick: Set by every change that may create work; the work loop clears it.
        stopping: Set at SIGTERM, to end every wait and to claim no further job.
        cancellations: Event for each running job, set when a person or an edit ends it.
        change_event: Announces every change that a person can see.
    """

    kick: asyncio.Event = field(default_factory=asyncio.Event)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    cancellations: dict[int, asyncio.Event] = field(default_factory=dict)
    change_event: ChangeEvent = field(default_factory=ChangeEvent)

    def cancellation_token(self, job_id: int | None) -> CancellationToken:
        """Return a token that ends the wait for a provider at shutdown or cancellation.

        Args:
            job_id: Job whose cancellation also ends the wait; None: no job.
        """
        event = asyncio.Event()
        if job_id is not None:
            event = self.cancellations.setdefault(job_id, event)
        return CancellationToken(self.stopping, event)


@dataclass(frozen=True, slots=True, kw_only=True)
class AppContext:
    """The services that all sources of a process share.

    Attributes:
        decoding: Lock held while a large image is decoded.
        log: Log for lines about no source.
        traffic: Number of Notion requests since the start, by result.
        retry_schedule: Failed tasks that wait for their next try.
    """

    db: Database
    provider_runner: ProviderRunner
    store: Store
    clock: Clock
    instance: Instance = field(default_factory=Instance)
    signals: Signals = field(default_factory=Signals)
    log_state: LogState = field(default_factory=LogState)
    watchdog: WatchdogDeadlines = field(
        default_factory=lambda: WatchdogDeadlines(time.monotonic)
    )
    decoding: asyncio.Lock = field(default_factory=asyncio.Lock)
    log: BoundLogger = field(default_factory=structlog.get_logger)
    traffic: Counter[str] = field(default_factory=Counter)
    retry_schedule: RetrySchedule = field(default_factory=RetrySchedule)

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


@dataclass(slots=True, kw_only=True)
class SourceRuntime:
    """What the process knows about a source, in memory.

    Attributes:
        schema: Schema of the source; None until Notion has answered once.
        bot_user: Bot user of the token; None until Notion has answered once.
        polled_at: Steady time of the last successful poll.
        is_leader: This daemon is the leader: only the leader sends requests to Notion.
        is_sweeping: A sweep of the source is running.
        active_until: Elapsed seconds (`Clock.elapsed`) until which a person is active.
        unreachable_pages: IDs of pages whose un-tick was answered 404.
        told_page: ID of the page whose status is being written; empty: none.
    """

    schema: Schema | None = None
    bot_user: BotUser | None = None
    polled_at: datetime | None = None
    is_leader: bool = True
    is_sweeping: bool = False
    active_until: float = 0.0
    unreachable_pages: set[str] = field(default_factory=set)
    told_page: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceContext:
    """One source: its settings, its clients and its state.

    Attributes:
        options: The settings of the source; its own sections override the shared ones.
        chain: Provider names, in order.
        writers: The prompt writers of all sources, by name.
        writer_names: The writers of the source, the cheapest first.
        fingerprints: Hash of the token and settings of each provider and writer.
        own_budgets: Names of the sources with a budget of their own.
        card_look: The design of its cards, and of words on its images.
        log: Names the source, if there are several.
    """

    app: AppContext
    name: str
    options: Options
    chain: tuple[str, ...]
    providers: Mapping[str, Provider]
    fingerprints: Mapping[str, str]
    own_budgets: frozenset[str]
    notion: NotionApi
    log: BoundLogger
    writers: Mapping[str, PromptWriter] = field(default_factory=dict)
    writer_names: Sequence[str] = ()
    card_look: CardSettings = field(default_factory=CardSettings)
    state: SourceRuntime = field(default_factory=SourceRuntime)
    notion_backoff: NotionBackoff = field(default_factory=NotionBackoff)
    page_cache: PageCache = field(default_factory=PageCache)

    @property
    def has_own_budget(self) -> bool:
        """Whether the source has a budget of its own."""
        return self.name in self.own_budgets

    def includes_spending_of(self, name: str) -> bool:
        """Return whether the source *name* spends from the budget of this source."""
        is_own = name == self.name
        return is_own if self.has_own_budget else name not in self.own_budgets

    @property
    def services(self) -> Mapping[str, Provider]:
        """The providers and the prompt writers by name."""
        return {**self.providers, **self.writers}

    def price_of(self, name: str, size: ImageFormat = _USUAL_FORMAT) -> float:
        """Return the dollars of an image by a provider now, or of a writer's prompt."""
        return self.services[name].price_of(size, self.app.now())

    def takes_seed(self, name: str) -> bool:
        """Return whether a provider uses the seed of a request."""
        return "seed" in self.providers[name].traits.supported_options

    @property
    def notion_retry_at(self) -> datetime | None:
        """Wall-clock time of the next request to Notion; None: no backoff."""
        until = self.notion_backoff.until
        return self.app.clock.to_wall_time(until) if until is not None else None

    @property
    def last_poll_at(self) -> datetime | None:
        """Wall-clock time of the last successful poll; None: none yet."""
        polled_at = self.state.polled_at
        return self.app.clock.to_wall_time(polled_at) if polled_at is not None else None

    @property
    def watchdog_name(self) -> str:
        """Name of the polls of this source in the watchdog."""
        return "poll" if self.name == SHARED else f"poll of {self.name}"

    def label_of(self, name: str) -> str:
        """Return the label of a service; the name of one that is not configured."""
        return self.services[name].traits.label if name in self.services else name

    @property
    def upload_limit(self) -> int:
        """Maximum bytes of a file; 5 MiB, the limit of the free plan, until known."""
        return self.state.bot_user.upload_limit if self.state.bot_user else 5 * 2**20

    @property
    def known_schema(self) -> Schema:
        """The schema of the source.

        Raises:
            NotionUnavailableError: Notion has not answered since the start.
        """
        if self.state.schema is None:
            raise NotionUnavailableError("Notion has not responded yet")
        return self.state.schema


@dataclass(frozen=True, slots=True)
class Sources:
    """The sources of a process by name."""

    app: AppContext
    by_name: Mapping[str, SourceContext]

    def __iter__(self) -> Iterator[SourceContext]:
        return iter(self.by_name.values())

    @property
    def first(self) -> SourceContext:
        """The first source of the configuration."""
        return next(iter(self))

    @property
    def led(self) -> list[SourceContext]:
        """The sources of which this daemon is the leader."""
        return [source for source in self if source.state.is_leader]

    @property
    def shared_budget_source(self) -> SourceContext:
        """A source that spends from the common budget, otherwise the first source."""
        return next((s for s in self if not s.has_own_budget), self.first)

    @property
    def own_budget_sources(self) -> list[SourceContext]:
        """The sources with a budget of their own, without `shared_budget_source`."""
        shared = self.shared_budget_source
        return [s for s in self if s.has_own_budget and s is not shared]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all sources, in the order of the configuration."""
        return tuple(self.by_name)

    @property
    def last_poll_at(self) -> datetime | None:
        """Oldest last poll of the led sources; None: one has none, or none is led."""
        times = [source.last_poll_at for source in self.led]
        return earliest_time(times) if None not in times else None

    @property
    def outage_reason(self) -> str:
        """Why Notion cannot be used, in one line; empty: it can."""
        reasons = {source.name: source.notion_backoff.why for source in self}
        named = [f"{name}: {why}" for name, why in reasons.items() if why]
        return "; ".join(named) if len(reasons) > 1 else reasons[self.first.name]

    def source_of(self, name: str) -> SourceContext:
        """Return the source *name*; the first one if it is no longer configured."""
        return self.by_name.get(name, self.first)


def earliest_time(times: Iterable[datetime | None]) -> datetime | None:
    """Return the earliest known time; None: no time is known."""
    return min((time for time in times if time is not None), default=None)
