"""The sources of one process, each a flow of its own through what they share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from daemon.flow.context import Flow


@dataclass(frozen=True, slots=True)
class Flows:
    """All flows, by source; database, clock, services and the like are shared."""

    by_source: Mapping[str, Flow]

    def __iter__(self) -> Iterator[Flow]:
        return iter(self.by_source.values())

    @property
    def first(self) -> Flow:
        """The way to what all of them share; of a single source, that one."""
        return next(iter(self.by_source.values()))

    @property
    def spender(self) -> Flow:
        """The way to the budget of all; of those that have their own, the first's."""
        shared = (one for one in self if not one.plan.spends_alone)
        return next(shared, self.first)

    @property
    def own_spenders(self) -> list[Flow]:
        """Those whose budget is not that of `spender`."""
        alone = [one for one in self if one.plan.spends_alone]
        return [one for one in alone if one is not self.spender]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.by_source)

    @property
    def looked_at(self) -> datetime | None:
        """When every source we speak for had been looked at; None: one was not yet."""
        times = [flow.looked_at_by_wall for flow in self if flow.speaks]
        return earliest(times) if None not in times else None

    @property
    def trouble(self) -> str:
        """Why Notion cannot be asked, in one line; empty when it can."""
        said = {flow.plan.source: flow.outage.why for flow in self if flow.outage.why}
        if len(self.by_source) == 1 or not said:
            return "".join(said.values())
        return "; ".join(f"{source}: {why}" for source, why in said.items())

    def of(self, source: str) -> Flow | None:
        """Return the flow of a source, None when it is no longer configured."""
        return self.by_source.get(source)


def earliest(times: Iterable[datetime | None]) -> datetime | None:
    """Return the first of the times that are known."""
    return min((time for time in times if time is not None), default=None)
