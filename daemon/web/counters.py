"""Counts job events and provider calls from the rows added since the last read.

The database has all of them in their order, so that the pipeline needs no counters.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from db import change_feed
from db.change_feed import FeedPosition
from db.engine import Tx
from db.models import Attempt, JobEvent
from db.states import FINAL, JobState

Seconds = float


@dataclass(slots=True)
class EventCounters:
    """Reads the change feed from a position and reports new entries.

    Attributes:
        place: Position up to which the rows are counted.
        ended: Called with the final state of each job that ended.
        step: Called with a state and the seconds a job was in it.
        call: Called with each provider call that ended.
    """

    place: FeedPosition
    ended: Callable[[JobState], None]
    step: Callable[[JobState, Seconds], None]
    call: Callable[[Attempt], None]
    _since: dict[int, tuple[JobState, datetime]] = field(default_factory=dict)
    _open: set[int] = field(default_factory=set)

    async def count_new_rows(self, tx: Tx) -> None:
        """Report all rows after `place`, and advance it."""
        event_id, attempt_id = self.place.event, self.place.attempt
        while events := await change_feed.events_after(tx, event_id):
            for event in events:
                self._count_event(event)
            event_id = events[-1].id
        for attempt in await change_feed.ended_among(tx, self._open):
            self._open.discard(attempt.id)
            self.call(attempt)
        while attempts := await change_feed.attempts_after(tx, attempt_id):
            for attempt in attempts:
                if attempt.outcome is None:
                    self._open.add(attempt.id)
                else:
                    self.call(attempt)
            attempt_id = attempts[-1].id
        self.place = FeedPosition(event_id, attempt_id)

    def _count_event(self, event: JobEvent) -> None:
        state, since = self._since.get(event.job_id, (None, event.at))
        if state is event.state:
            return
        if state is not None:
            self.step(state, max(0.0, (event.at - since).total_seconds()))
        if event.state in FINAL:
            self._since.pop(event.job_id, None)
            self.ended(event.state)
        else:
            self._since[event.job_id] = (event.state, event.at)
