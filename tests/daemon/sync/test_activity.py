"""Polls are frequent while a person is active, and take nobody's turn."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from daemon.notion.model import Urgency
from daemon.runner import DaemonRunner
from daemon.schedule import Action, Scheduler
from daemon.sync.poller import is_active_poll_due
from tests.daemon.house import House


class _Schedule(Scheduler):
    """Notes what is to be called and when."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: dict[str, datetime | None] = {}

    def call_at(self, name: str, time: datetime | None, _action: Action) -> None:
        self.calls[name] = time


async def _quiet(home: House) -> str:
    """Let a post get its image and five minutes pass; return the post."""
    page = home.add()
    await home.begin()
    await home.live()
    await home.pass_time(minutes=8)
    return page


async def test_a_tick_makes_polls_frequent_for_five_minutes(home: House) -> None:
    page = await _quiet(home)
    # Its own writes are no action of a person.
    assert not is_active_poll_due(home.source)
    home.space.tick_box(page)
    await home.poll()
    assert is_active_poll_due(home.source)
    await home.work()
    await home.poll()
    home.clock.move(seconds=299)
    assert is_active_poll_due(home.source)
    home.clock.move(seconds=2)
    assert not is_active_poll_due(home.source)


async def test_an_edit_that_matters_counts_and_another_does_not(home: House) -> None:
    page = await _quiet(home)
    home.space.edit_page(page, {"Alt text": "A loaf."})
    await home.poll()
    assert not is_active_poll_due(home.source)
    home.space.edit_page(page, {"Post": "Cake for everyone."})
    await home.poll()
    assert is_active_poll_due(home.source)


async def test_a_frequent_poll_waits_for_requests_in_the_queue(home: House) -> None:
    page = await _quiet(home)
    home.space.tick_box(page)
    await home.poll()
    limiter = home.source.notion.transport.limiter
    limiter.pause_all(1)
    turns = [asyncio.create_task(limiter.wait_turn(Urgency.JOB)) for _ in range(3)]
    await asyncio.sleep(0)
    assert not is_active_poll_due(home.source)
    await asyncio.gather(*turns)
    assert is_active_poll_due(home.source)


async def test_the_daemon_asks_again_after_two_seconds(home: House) -> None:
    page = await _quiet(home)
    schedule = _Schedule()
    daemon = DaemonRunner(
        sources=home.sources,
        pollers=home.watchers,
        membership=home.company,
        poll_interval=timedelta(seconds=10),
        started_at=home.clock.now(),
        schedule=schedule,
    )
    await daemon._poll_source(home.watcher)
    assert schedule.calls == {}
    home.space.tick_box(page)
    await daemon._poll_source(home.watcher)
    due = home.clock.now() + timedelta(seconds=2)
    assert schedule.calls == {"active poll": due}
