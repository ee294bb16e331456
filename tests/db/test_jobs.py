"""Jobs, searched: no sequence of moves breaks the graph, the index or the history."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from db import jobs, queue, upgrade
from db.backend import Backend
from db.engine import Database, Tx
from db.errors import DatabaseError, StaleJobError
from db.models import Job, NewJob
from db.sqlite import Sqlite
from db.states import (
    FINAL,
    OPEN,
    TRANSITIONS,
    IllegalTransitionError,
    JobEventType,
    JobReason,
    JobState,
    next_state,
)
from tests.cluster import NEEDS_POSTGRES, cluster
from tests.search import examples

NOW = datetime(2026, 11, 24, tzinfo=UTC)
T = TypeVar("T")


def test_every_state_can_be_reached_and_left() -> None:
    reached = {JobState.QUEUED}
    for _ in JobState:
        reached |= {to for (old, _), to in TRANSITIONS.items() if old in reached}
    assert reached == set(JobState)
    for state in OPEN:
        ends = {to for (old, _), to in TRANSITIONS.items() if old is state}
        assert ends - {state}
    for state in FINAL:
        assert {event for old, event in TRANSITIONS if old is state} <= {
            JobEventType.REOPENED
        }


def test_a_move_that_is_not_in_the_table_is_refused() -> None:
    for state in JobState:
        for event in JobEventType:
            if (state, event) not in TRANSITIONS:
                with pytest.raises(IllegalTransitionError):
                    next_state(state, event)


class AnyMoves(RuleBasedStateMachine):
    """Moves in any order on three pages, some with an old view of the job."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.db = Database(self.place(Path(self.folder.name)))
        self.seen: list[Job] = []
        self.now = NOW

    def place(self, folder: Path) -> Backend:
        made = Sqlite(folder / "postbrush.db")
        upgrade.upgrade_schema(made)
        return made

    def run(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        async def whole() -> T:
            async with self.db.write_transaction() as tx:
                return await work(tx)

        self.now += timedelta(seconds=1)
        return self.loop.run_until_complete(whole())

    def newest(self) -> list[Job]:
        return self.run(lambda tx: queue.list_jobs(tx, limit=500))

    @rule(page=st.sampled_from("abc"), reason=st.sampled_from(list(JobReason)))
    def a_wish(self, page: str, reason: JobReason) -> None:
        new = NewJob(
            source="default",
            page_id=page,
            title="t",
            reason=reason,
            due_at=self.now,
            fingerprint="f",
            inputs={},
        )
        taken = any(job.page_id == page and job.is_open for job in self.newest())
        try:
            job = self.run(lambda tx: jobs.create(tx, new, now=self.now, why="asked"))
        except DatabaseError:
            assert taken
        else:
            assert not taken
            self.seen.append(job)

    @precondition(lambda self: self.seen)
    @rule(data=st.data(), event=st.sampled_from(list(JobEventType)))
    def a_move(self, data: st.DataObject, event: JobEventType) -> None:
        view = data.draw(st.sampled_from(self.seen))
        (now,) = [job for job in self.newest() if job.id == view.id]
        twin = any(
            job.page_id == view.page_id and job.is_open and job.id != view.id
            for job in self.newest()
        )
        try:
            moved = self.run(
                lambda tx: jobs.apply_event(tx, view, event, now=self.now, why="test")
            )
        except IllegalTransitionError:
            assert (view.state, event) not in TRANSITIONS
        except StaleJobError:
            assert now.state is not view.state
        except DatabaseError:
            # Reopened while the page has another open job.
            assert event is JobEventType.REOPENED
            assert twin
        else:
            assert now.state is view.state
            assert moved.state is TRANSITIONS[view.state, event]
            self.seen.append(moved)

    @invariant()
    def a_page_has_one_open_job_and_every_move_a_row(self) -> None:
        newest = self.newest()
        held = [job.page_id for job in newest if job.is_open]
        assert len(held) == len(set(held))
        for job in newest:
            rows = self.run(partial(jobs.list_events, job_id=job.id))
            assert rows[0].event == "queued"
            assert rows[-1].state is job.state
            for before, row in pairwise(rows):
                assert TRANSITIONS[before.state, JobEventType(row.event)] is row.state

    @invariant()
    def the_tallies_are_true(self) -> None:
        assert self.run(queue.count_by_state) == Counter(
            job.state for job in self.newest()
        )

    def teardown(self) -> None:
        self.loop.run_until_complete(self.db.close())
        self.loop.close()
        self.folder.cleanup()


AnyMoves.TestCase.settings = settings(max_examples=examples(60), stateful_step_count=25)
TestAnyMoves = AnyMoves.TestCase


class AnyMovesOnAServer(AnyMoves):
    """The same, on PostgreSQL."""

    def place(self, folder: Path) -> Backend:
        del folder
        return cluster().ready()

    def teardown(self) -> None:
        super().teardown()
        cluster().drop()


AnyMovesOnAServer.TestCase.settings = settings(
    max_examples=examples(30), stateful_step_count=25
)
TestAnyMovesOnAServer = NEEDS_POSTGRES(AnyMovesOnAServer.TestCase)
