"""Build the contexts and pollers of all sources."""

from __future__ import annotations

from dataclasses import dataclass, field

import structlog
from structlog.stdlib import BoundLogger

from daemon.config import Settings
from daemon.context import AppContext, SourceContext, Sources
from daemon.notion.api import NotionApi
from daemon.notion.limit_log import RateLimitLog
from daemon.notion.transport import NotionTransport
from daemon.source_plan import (
    build_providers,
    property_names,
    provider_fingerprints,
    referenced_properties,
)
from daemon.sync.poller import Poller


@dataclass(slots=True)
class TransportPool:
    """The Notion transports, one per token, since Notion limits rates per token.

    Attributes:
        polls: Watchdog names of the polls, whose deadlines a rate limit extends.
    """

    settings: Settings
    app: AppContext
    polls: list[str] = field(default_factory=list)
    _by_token: dict[str, NotionTransport] = field(default_factory=dict)
    _limits: RateLimitLog = field(init=False)

    def __post_init__(self) -> None:
        self._limits = RateLimitLog(structlog.get_logger(), self.app.steady_now)

    def transport_for(self, own: Settings) -> NotionTransport:
        """Return the transport for the token of a source; sources may share a token."""
        secret = own.notion_token
        token = secret.get_secret_value() if secret else ""
        if token not in self._by_token:
            self._by_token[token] = self._open_transport(token)
        return self._by_token[token]

    def _open_transport(self, token: str) -> NotionTransport:
        notion, clock = self.settings.notion, self.app.clock
        return NotionTransport.open(
            token,
            base_url=notion.base_url,
            rate=notion.requests_per_second,
            sleep=clock.sleep,
            monotonic=clock.monotonic,
            limited=self._on_rate_limit,
            answered=self._limits.record_answer,
            traffic=self.app.traffic,
        )

    def _on_rate_limit(self, seconds: float) -> None:
        for name in self.polls:
            self.app.watchdog.extend_deadline(name, seconds)
        self._limits.record_limit(seconds)

    async def close(self) -> None:
        """Close all connections."""
        for transport in self._by_token.values():
            await transport.close()


def build_sources(
    settings: Settings, app: AppContext, transports: TransportPool
) -> Sources:
    """Return the context of every source."""
    by_source = settings.by_source()
    fingerprints = provider_fingerprints(by_source)
    contexts: dict[str, SourceContext] = {}
    for name, own in by_source.items():
        log = structlog.get_logger()
        if settings.has_named_sources:
            log = log.bind(source=name)
        providers = build_providers(own, by_source)
        source = contexts[name] = SourceContext(
            app=app,
            name=name,
            options=own.options,
            chain=own.resolved_chain(),
            fingerprints=fingerprints,
            own_budgets=own.own_budgets(),
            notion=NotionApi(
                transport=transports.transport_for(own),
                names=property_names(own),
                named=referenced_properties(own),
                odd=OddPageReporter(log),
            ),
            providers=providers,
            log=log,
        )
        transports.polls.append(source.watchdog_name)
    return Sources(app, contexts)


@dataclass(slots=True)
class OddPageReporter:
    """Logs once per page that its response cannot be parsed."""

    log: BoundLogger
    known: set[str] = field(default_factory=set)

    def __call__(self, page: str, why: str) -> None:
        if page not in self.known:
            self.known.add(page)
            self.log.warning("page.unparsable", summary=f"{page} is passed over: {why}")


def build_pollers(settings: Settings, sources: Sources) -> tuple[Poller, ...]:
    """Return the poller of every source."""
    by_source = settings.by_source()
    return tuple(
        Poller(
            source=source,
            target=by_source[source.name].notion.data_source,
            others=frozenset(by_source) - {source.name},
        )
        for source in sources
    )
