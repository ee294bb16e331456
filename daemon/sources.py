"""The source contexts of one process."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from daemon.context import SourceContext


@dataclass(frozen=True, slots=True)
class Sources:
    """The source contexts by name; they share the database, clock and services."""

    by_source: Mapping[str, SourceContext]

    def __iter__(self) -> Iterator[SourceContext]:
        return iter(self.by_source.values())

    @property
    def first(self) -> SourceContext:
        """The first source, for access to the shared services."""
        return next(iter(self.by_source.values()))

    @property
    def shared_budget_source(self) -> SourceContext:
        """A source that spends from the common budget, otherwise the first source."""
        shared = (source for source in self if not source.settings.has_own_budget)
        return next(shared, self.first)

    @property
    def own_budget_sources(self) -> list[SourceContext]:
        """The sources with a budget of their own, without `shared_budget_source`."""
        separate = [source for source in self if source.settings.has_own_budget]
        return [
            source for source in separate if source is not self.shared_budget_source
        ]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all sources, in the order of the configuration."""
        return tuple(self.by_source)

    @property
    def last_poll_at(self) -> datetime | None:
        """Oldest last poll of the sources that this daemon leads.

        None: one of these sources has not been polled yet, or there is none.
        """
        times = [source.last_poll_at for source in self if source.is_leader]
        return earliest_time(times) if None not in times else None

    @property
    def outage_reason(self) -> str:
        """Why Notion cannot be used, in one line; empty: it can."""
        reasons = {
            source.settings.source: source.notion_backoff.why
            for source in self
            if source.notion_backoff.why
        }
        if len(self.by_source) == 1 or not reasons:
            return "".join(reasons.values())
        return "; ".join(f"{name}: {why}" for name, why in reasons.items())

    def get(self, source: str) -> SourceContext | None:
        """Return the context of *source*; None if it is not configured."""
        return self.by_source.get(source)


def earliest_time(times: Iterable[datetime | None]) -> datetime | None:
    """Return the earliest known time; None: no time is known."""
    return min((time for time in times if time is not None), default=None)
