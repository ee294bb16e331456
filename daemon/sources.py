"""The sources of one process, each a flow of its own through what they share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from daemon.context import SourceContext


@dataclass(frozen=True, slots=True)
class Sources:
    """All flows, by source; database, clock, services and the like are shared."""

    by_source: Mapping[str, SourceContext]

    def __iter__(self) -> Iterator[SourceContext]:
        return iter(self.by_source.values())

    @property
    def first(self) -> SourceContext:
        """The way to what all of them share; of a single source, that one."""
        return next(iter(self.by_source.values()))

    @property
    def shared_budget_source(self) -> SourceContext:
        """The way to the budget of all; of those that have their own, the first's."""
        shared = (one for one in self if not one.plan.has_own_budget)
        return next(shared, self.first)

    @property
    def own_budget_sources(self) -> list[SourceContext]:
        """Those whose budget is not that of `shared_budget_source`."""
        alone = [one for one in self if one.plan.has_own_budget]
        return [one for one in alone if one is not self.shared_budget_source]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.by_source)

    @property
    def last_poll_at(self) -> datetime | None:
        """When every source we speak for had been looked at; None: one was not yet."""
        times = [flow.last_poll_at for flow in self if flow.speaks]
        return earliest(times) if None not in times else None

    @property
    def outage_reason(self) -> str:
        """Why Notion cannot be asked, in one line; empty when it can."""
        said = {flow.plan.source: flow.outage.why for flow in self if flow.outage.why}
        if len(self.by_source) == 1 or not said:
            return "".join(said.values())
        return "; ".join(f"{source}: {why}" for source, why in said.items())

    def get(self, source: str) -> SourceContext | None:
        """Return the flow of a source, None when it is no longer configured."""
        return self.by_source.get(source)


def earliest(times: Iterable[datetime | None]) -> datetime | None:
    """Return the first of the times that are known."""
    return min((time for time in times if time is not None), default=None)
