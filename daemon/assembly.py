"""Puts the flows of all sources together out of what they share."""

from __future__ import annotations

from dataclasses import dataclass, field

import structlog
from structlog.stdlib import BoundLogger

from daemon.config import Settings
from daemon.flow.context import Flow, Shared
from daemon.flow.flows import Flows
from daemon.flow.poll import Watcher
from daemon.notion.gateway import Gateway
from daemon.notion.limit_log import RateLimitLog
from daemon.notion.wire import Wire
from daemon.plan import (
    fingerprints_of,
    named_properties,
    names_of,
    plan_of,
    providers_of,
)


@dataclass(slots=True)
class Wires:
    """The ways to Notion: one per token, since the budget is a token's.

    Attributes:
        polls: What the watchdog knows polls as; a wait as told is no standstill.
    """

    settings: Settings
    shared: Shared
    polls: list[str] = field(default_factory=list)
    _by_token: dict[str, Wire] = field(default_factory=dict)
    _limits: RateLimitLog = field(init=False)

    def __post_init__(self) -> None:
        self._limits = RateLimitLog(structlog.get_logger(), self.shared.steady)

    def of(self, own: Settings) -> Wire:
        """Return the wire of a source; a second one with its token shares it."""
        secret = own.notion_token
        token = secret.get_secret_value() if secret else ""
        if token not in self._by_token:
            self._by_token[token] = self._open(token)
        return self._by_token[token]

    def _open(self, token: str) -> Wire:
        notion, clock = self.settings.notion, self.shared.clock
        return Wire.open(
            token,
            base_url=notion.base_url,
            rate=notion.requests_per_second,
            sleep=clock.sleep,
            monotonic=clock.monotonic,
            limited=self._limited,
            answered=self._limits.answered,
            traffic=self.shared.traffic,
        )

    def _limited(self, seconds: float) -> None:
        for name in self.polls:
            self.shared.pulse.extend(name, seconds)
        self._limits.limited(seconds)

    async def close(self) -> None:
        """Close all connections."""
        for wire in self._by_token.values():
            await wire.close()


def flows_of(settings: Settings, shared: Shared, wires: Wires) -> Flows:
    """Return one flow per source."""
    each = settings.each()
    prints = fingerprints_of(each)
    made: dict[str, Flow] = {}
    for name, own in each.items():
        log = structlog.get_logger()
        if settings.several:
            log = log.bind(source=name)
        providers = providers_of(own, each)
        flow = made[name] = Flow.within(
            shared,
            plan=plan_of(own, providers, prints),
            door=Gateway(
                wire=wires.of(own),
                names=names_of(own),
                named=named_properties(own),
                odd=_odd(log),
            ),
            providers=providers,
            log=log,
        )
        wires.polls.append(flow.poll_name)
    return Flows(made)


@dataclass(slots=True)
class _odd:  # noqa: N801 - a function that remembers whom it has spoken of
    """Says once of a page that it cannot be understood."""

    log: BoundLogger
    known: set[str] = field(default_factory=set)

    def __call__(self, page: str, why: str) -> None:
        if page not in self.known:
            self.known.add(page)
            self.log.warning("page.odd", summary=f"{page} is passed over: {why}")


def watchers_of(settings: Settings, flows: Flows) -> tuple[Watcher, ...]:
    """Return what polls each source."""
    each = settings.each()
    return tuple(
        Watcher(
            flow=flow,
            target=each[flow.plan.source].notion.data_source,
            others=frozenset(each) - {flow.plan.source},
        )
        for flow in flows
    )
