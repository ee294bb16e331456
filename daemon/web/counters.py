"""Counts what happened, from the rows that are new since the last look.

Nothing in the flow knows that it is counted: what a job or a call went through is
in the database anyway, in the order it happened.
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
    """Reads on from a place, and tells what it finds.

    Attributes:
        ended: Told of every job that ended: how.
        step: Told how long a job was in a state.
        call: Told of every call that ended.
    """

    place: FeedPosition
    ended: Callable[[JobState], None]
    step: Callable[[JobState, Seconds], None]
    call: Callable[[Attempt], None]
    _since: dict[int, tuple[JobState, datetime]] = field(default_factory=dict)
    _open: set[int] = field(default_factory=set)

    async def count_new_rows(self, tx: Tx) -> None:
        """Count everything that is new."""
        event, attempt = self.place.event, self.place.attempt
        while moves := await change_feed.events_after(tx, event):
            for move in moves:
                self._count_event(move)
            event = moves[-1].id
        for one in await change_feed.ended_among(tx, self._open):
            self._open.discard(one.id)
            self.call(one)
        while calls := await change_feed.attempts_after(tx, attempt):
            for one in calls:
                if one.outcome is None:
                    self._open.add(one.id)
                else:
                    self.call(one)
            attempt = calls[-1].id
        self.place = FeedPosition(event, attempt)

    def _count_event(self, move: JobEvent) -> None:
        was, since = self._since.get(move.job_id, (None, move.at))
        if was is move.state:
            return
        if was is not None:
            self.step(was, max(0.0, (move.at - since).total_seconds()))
        if move.state in FINAL:
            self._since.pop(move.job_id, None)
            self.ended(move.state)
        else:
            self._since[move.job_id] = (move.state, move.at)
