"""Build the contexts and pollers of all sources."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

import structlog
from structlog.stdlib import BoundLogger

from daemon.config import Settings
from daemon.config.parsing import list_columns
from daemon.context import AppContext, SourceContext, Sources
from daemon.notion.api import NotionApi
from daemon.notion.model import Role
from daemon.notion.throttling import RateLimitLog
from daemon.notion.transport import NotionTransport
from daemon.sync.poller import Poller
from providers import build_provider
from providers.base import ProviderSettings
from providers.provider import Provider
from providers.writers import build_writer
from providers.writers.chat import PromptWriter


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
        notion, clock = self.settings.options.notion, self.app.clock
        return NotionTransport(
            token,
            base_url=notion.base_url,
            rate=notion.requests_per_second,
            sleep=clock.sleep,
            monotonic=clock.monotonic,
            on_rate_limit=self._on_rate_limit,
            on_success=self._limits.record_answer,
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
    writers = build_writers(by_source)
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
                role_names=property_names(own),
                configured_names=referenced_properties(own),
                report_unparsable=UnparsablePageReporter(log),
            ),
            providers=providers,
            writers=writers,
            writer_names=sort_by_price(writers, own.list_writers()),
            card_look=own.card_settings(),
            log=log,
        )
        transports.polls.append(source.watchdog_name)
    return Sources(app, contexts)


@dataclass(slots=True)
class UnparsablePageReporter:
    """Logs once per page that its response cannot be parsed."""

    log: BoundLogger
    known: set[str] = field(default_factory=set)

    def __call__(self, page: str, why: str) -> None:
        if page not in self.known:
            self.known.add(page)
            self.log.warning(
                "page.unparsable", summary=f"The page {page} is skipped: {why}"
            )


def build_pollers(sources: Sources) -> tuple[Poller, ...]:
    """Return the poller of every source."""
    return tuple(
        Poller(
            source=source,
            target=source.options.notion.data_source,
            others=frozenset(sources.names) - {source.name},
        )
        for source in sources
    )


def build_providers(
    own: Settings, by_source: Mapping[str, Settings]
) -> dict[str, Provider]:
    """Build every configured provider by name, those of *own* first.

    Args:
        by_source: Settings by source.
    """
    names = [
        *own.configured_providers(),
        *(
            name
            for other in by_source.values()
            for name in other.configured_providers()
        ),
    ]
    return {
        name: build_provider(own.provider_settings(name))
        for name in dict.fromkeys(names)
    }


def build_writers(by_source: Mapping[str, Settings]) -> dict[str, PromptWriter]:
    """Build the prompt writers of all sources by name."""
    return {
        settings.name: build_writer(settings)
        for own in by_source.values()
        for settings in own.list_writers()
    }


def sort_by_price(
    writers: Mapping[str, PromptWriter], usable: Sequence[ProviderSettings]
) -> tuple[str, ...]:
    """Return the names of the writers that a source can use, the cheapest first."""
    names = [settings.name for settings in usable]
    return tuple(sorted(names, key=lambda name: writers[name].traits.price(1.0)))


def provider_fingerprints(by_source: Mapping[str, Settings]) -> Mapping[str, str]:
    """Return a hash of the token and settings of each provider and writer.

    It may be stored.  It depends on nothing else: a new Notion token changes no hash,
    and all daemons on one database compute the same.
    """
    services = [
        service
        for own in by_source.values()
        for service in (
            *map(own.provider_settings, own.configured_providers()),
            *own.list_writers(),
        )
    ]
    return {service.name: _hash_settings(service) for service in services}


def _hash_settings(provider: ProviderSettings) -> str:
    values = asdict(provider) | {"extra": dict(provider.extra)}
    # The look of the card has no effect on the availability of a provider.
    del values["card"]
    text = json.dumps(values, sort_keys=True, default=str)
    return _derive_hash(text.encode())


@functools.cache
def _derive_hash(text: bytes) -> str:
    """Return a slow hash (4 MiB, 15 ms), since the password of a server may be weak."""
    salt = b"postbrush provider settings"
    return hashlib.scrypt(text, salt=salt, n=2**12, r=8, p=1, dklen=16).hex()


def property_names(settings: Settings) -> Mapping[Role, str]:
    """Return the configured property name of each role."""
    properties = settings.options.notion.properties
    return {role: getattr(properties, role.value) for role in Role}


def referenced_properties(settings: Settings) -> tuple[str, ...]:
    """Return the property names in filters, `on_done`, `on_card` and the template."""
    posts, template = settings.options.posts, settings.options.prompt.template
    filters = (posts.only, posts.skip, posts.on_done, posts.on_card or {})
    names = [name for pairs in filters for name in pairs]
    return tuple(dict.fromkeys([*names, *list_columns(template)]))
