"""How things stand, in one line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from daemon import status_line
from daemon.generation.provider_selection import load_chain_state
from daemon.notion.errors import NoAccessError, NotionUnavailableError
from daemon.service.systemd import SystemdNotifier
from db.states import JobState
from tests.daemon.house import House
from tests.daemon.test_told import daemon_of

_CREDITS = "flux: out of credits, paused until 1 Dec 01:00"


@pytest.mark.parametrize(
    ("counts", "more", "line"),
    [
        ({}, {}, "nothing queued; $0.00 of $5.00 this month"),
        (
            {JobState.QUEUED: 2, JobState.GENERATING: 1, JobState.UPLOADING: 3},
            {"cost": 0.123},
            "2 queued, 1 generating, 3 uploading; $0.12 of $5.00 this month",
        ),
        # What has ended is no queue.
        (
            {
                JobState.DONE: 400,
                JobState.FAILED: 7,
                JobState.CANCELLED: 1,
                JobState.QUEUED: 0,
            },
            {},
            "nothing queued; $0.00 of $5.00 this month",
        ),
        (
            {},
            {"held": 31},
            "nothing queued; 31 waiting for approval; $0.00 of $5.00 this month",
        ),
        (
            {JobState.QUEUED: 1},
            {"paused": [_CREDITS, "freeapi: away"]},
            f"1 queued; {_CREDITS}; freeapi: away; $0.00 of $5.00 this month",
        ),
        ({}, {"budget": None, "cost": 12.5}, "nothing queued; $12.50 this month"),
        ({}, {"budget": 0.0}, "nothing queued; $0.00 of $0.00 this month"),
    ],
)
def test_the_queue_who_rests_and_the_money_are_said(
    counts: Mapping[JobState, int], more: Mapping[str, Any], line: str
) -> None:
    usual: dict[str, Any] = {"held": 0, "paused": (), "cost": 0.0, "budget": 5.0}
    assert status_line.format_status(counts, **{**usual, **more}) == line


async def test_what_is_watched_is_said_with_the_last_look(home: House) -> None:
    schema = home.source.known_schema
    home.source.state.polled_at = datetime(2026, 11, 24, 10, 15, 30, tzinfo=UTC)
    # In the owner's zone.
    sentence = status_line.describe_watching(home.sources)
    mark = status_line.short_source_id(schema.source)
    assert sentence == f"'{schema.title}' {mark}, last poll 11:15:30"


async def test_before_its_first_answer_notion_has_not_answered(home: House) -> None:
    home.source.state.polled_at = None
    assert status_line.describe_watching(home.sources) == "Notion has not responded yet"
    home.source.state.polled_at = home.clock.now()
    home.source.state.schema = None
    assert status_line.describe_watching(home.sources) == "Notion has not responded yet"


@pytest.mark.parametrize(
    "error",
    [
        NotionUnavailableError("no response"),
        NoAccessError("share it"),
    ],
)
async def test_why_notion_is_not_looked_at_is_said(
    home: House, error: NotionUnavailableError | NoAccessError
) -> None:
    source = home.source
    source.notion_backoff.record_failure(error, source.app.now(), source.log)
    sentence = status_line.describe_watching(home.sources)
    assert sentence == str(error)
    source.notion_backoff.record_success(source.app.now(), source.log)
    assert str(error) not in status_line.describe_watching(home.sources)


async def test_it_is_read_from_what_is_stored(home: House) -> None:
    home.hub.credits = 0
    for number in range(2):
        home.add(f"Post {number}", f"Bread number {number}.")
    await home.live()
    home.add("Another", "Bread.")
    await home.poll()
    sentence = await status_line.compose_status_line(home.sources)
    assert re.fullmatch(
        r"1 queued; flux: out of credits, paused until 1 Dec 0\d:\d\d; "
        r"\$0\.00 of \$5\.00 this month",
        sentence,
    )


async def _activity(home: House) -> str:
    async with home.source.app.db.read_transaction() as tx:
        state = await load_chain_state(tx, home.source)
        activity = await status_line.load_activity(tx, home.sources, state)
    return status_line.describe_activity(activity)


async def test_all_is_up_to_date_only_when_it_is(home: House) -> None:
    assert await _activity(home) == "No posts yet."
    home.add("A post", "Bread.")
    await home.poll()
    assert await _activity(home) == "1 post in the queue."
    await home.live()
    assert await _activity(home) == "Up to date."
    home.hub.credits = 0
    home.add("Another", "Rolls.")
    await home.live()
    text = "Hugging Face FLUX is out of credits: cards until 1 Dec."
    assert await _activity(home) == text


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"is_read": False}, "Reading the posts …"),
        ({"held": 30}, "30 posts are waiting for your approval."),
        ({"held": 1}, "1 post is waiting for your approval."),
        ({"working": 2, "queued": 5, "held": 1}, "Working on 2 images."),
        ({"is_paused": True, "working": 1}, "Paused."),
        ({"is_paused": True, "outage": "no answer"}, "Cannot reach Notion."),
        ({"disk": "full", "queued": 1}, "Disk problem: images cannot be saved."),
    ],
)
def test_what_matters_most_is_said(fields: Mapping[str, Any], text: str) -> None:
    idle = {"disk": "", "outage": "", "is_paused": False, "is_read": True}
    counts = {"working": 0, "queued": 0, "held": 0, "posts": 9, "shortage": ""}
    activity = status_line.Activity(**{**idle, **counts, **fields})
    assert status_line.describe_activity(activity) == text


async def test_nothing_is_read_when_nobody_listens(home: House) -> None:
    daemon = daemon_of(home)
    await daemon._refresh_status()
    assert daemon._standing == ""
    daemon.systemd = SystemdNotifier("/nowhere/at/all")
    await daemon._refresh_status()
    assert daemon.systemd.status.endswith("; nothing queued; $0.00 of $5.00 this month")
