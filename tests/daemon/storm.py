"""An hour of a daemon's life in which one endpoint of Notion answers badly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from daemon.notion import transport
from db.states import JobState
from tests.daemon.house import House, house

_HOUR = timedelta(hours=1)
#: Seconds a request may hang, here: real ones.
_PATIENCE = 0.1

#: What Notion, or something in between, says: the fields of a `Fault`.
ANSWERS: Mapping[str, Mapping[str, Any]] = {
    "400": {"status": 400},
    "401": {"status": 401},
    "403": {"status": 403},
    "404": {"status": 404},
    "409": {"status": 409},
    "413": {"status": 413},
    "429 for 5 s": {"status": 429, "retry_after": 5},
    "429 without a time": {"status": 429, "body": {"object": "error", "status": 429}},
    "500": {"status": 500},
    "502 with HTML": {"status": 502, "html": True},
    "503": {"status": 503},
    "504": {"status": 504},
    "529": {"status": 529},
    "200 with HTML": {"status": 200, "html": True},
    "200 {}": {"status": 200, "body": {}},
    "200 []": {"status": 200, "body": []},
    "200 without fields": {"status": 200, "body": {"object": "odd", "id": "1" * 32}},
    "reset": {"drop": True},
    "hang": {"delay": 60.0},
}
TIMES: Mapping[str, int | None] = {"once": 1, "five times": 5, "for ever": None}


@dataclass(slots=True)
class _FirstFile:
    """Chooses the requests about the file that was the first to be announced."""

    path_ends: str
    name: str = ""

    def __call__(self, path: str, about: str) -> bool:
        if not path.endswith(self.path_ends):
            return False
        name = next((part for part in about.split("'") if part.endswith(".png")), about)
        self.name = self.name or name
        return name == self.name


@dataclass(slots=True)
class Hour:
    """What was seen of it.

    Attributes:
        state: Of the job that met the answer; empty: nothing was queued.
        others: Of the job beside it.
        paid: Images paid for.
        burst: The most requests within a minute.
        late: Requests within the last half hour, a minute, beyond one a poll.
        lines: Warnings and errors of the log, by event.
        why: What the history of the job says last of a step that failed.
        source: "shut" while Notion refuses the source, "away" while it is away.
    """

    state: str = ""
    others: str = ""
    paid: int = 0
    burst: int = 0
    late: float = 0.0
    lines: Counter[str] = field(default_factory=Counter)
    why: str = ""
    source: str = ""


async def pass_hour(
    folder: Path, patch: pytest.MonkeyPatch, endpoint: str, answer: str, times: str
) -> Hour:
    """Let two posts want an image while one endpoint answers badly."""
    fault = {**ANSWERS[answer], "times": TIMES[times]}
    if answer == "hang":
        patch.setattr(transport, "_TIMEOUT", _PATIENCE)
    database = endpoint == "databases.retrieve"
    async with house(folder) as home:
        if database:
            home.watcher.target = home.town.source.database_id
        if endpoint in AT_START:
            home.space.inject_fault(AT_START[endpoint], **fault)
        await home.begin()
        first, second = home.add("First"), home.add("Second")
        if endpoint not in AT_START:
            _order(home, endpoint, first, fault)
        await _live(home, is_short=TIMES[times] is not None)
        return await _look(home, first, second)


AT_START = {
    "users.me": "/users/me",
    "search": "/search",
    "data_sources.retrieve": "GET /v1/data_sources/",
    "databases.retrieve": "/databases/",
    "data_sources.query": "/query",
}
AT_A_JOB = (
    "pages.retrieve",
    "pages.update, un-tick",
    "pages.update, image",
    "file_uploads.create",
    "file_uploads.send",
    "file_uploads.retrieve",
)


def _order(home: House, endpoint: str, page: str, fault: Mapping[str, Any]) -> None:
    """Order the fault for one of the two posts."""
    match endpoint:
        case "pages.retrieve":
            # The answer of the write is lost, so the page is read.
            home.space.inject_fault(f"PATCH /v1/pages/{page}", status=503)
            home.space.inject_fault(f"GET /v1/pages/{page}", **fault)
        case "pages.update, un-tick":
            home.space.tick_box(page)
            home.space.inject_fault(f"PATCH /v1/pages/{page}", **fault)
        case "pages.update, image":
            home.space.inject_fault(f"PATCH /v1/pages/{page}", **fault)
        case "file_uploads.create":
            chosen = _FirstFile("file_uploads")
            home.space.inject_fault("POST /v1/file_uploads", chosen=chosen, **fault)
        case "file_uploads.send":
            home.space.inject_fault(
                "/v1/file_uploads", chosen=_FirstFile("/send"), **fault
            )
        case "file_uploads.retrieve":
            # The answer to its bytes is lost, so the upload is looked up.
            home.space.inject_fault("/send", status=503)
            chosen = _FirstFile("")
            home.space.inject_fault("GET /v1/file_uploads/", chosen=chosen, **fault)


async def _live(home: House, *, is_short: bool) -> None:
    """An hour, with many polls at first and a steady number in its second half."""
    begin = home.clock.time
    swept_at = begin
    while (passed := home.clock.time - begin) < _HOUR:
        await home.poll()
        if home.clock.time - swept_at >= timedelta(minutes=5):
            await home.sweep()
            swept_at = home.clock.time
        pause = _poll_pause(passed, is_short=is_short)
        await work_until(home, home.clock.time + pause)


def _poll_pause(passed: timedelta, *, is_short: bool) -> timedelta:
    """Return the time to the next poll; in the second half hour they are counted."""
    if passed < timedelta(minutes=2):
        return timedelta(seconds=10)
    # Once Notion answers well again, polls have nothing to tell.
    if is_short:
        return timedelta(minutes=5)
    return timedelta(minutes=2 if passed < _HOUR / 2 else 1)


async def work_until(home: House, end: datetime) -> None:
    """Let time pass, and do what is due at the moment when it is due."""
    due_at = await home.work()
    while home.clock.time < end:
        until = max(due_at or end, home.clock.time + timedelta(seconds=0.5))
        left = min(until, end) - home.clock.time
        home.clock.move(seconds=left.total_seconds())
        due_at = await home.work()


async def _look(home: House, first: str, second: str) -> Hour:
    by_page = {job.page_id: job for job in await home.jobs()}
    victim, other = by_page.get(first), by_page.get(second)
    # Whichever file was announced first.
    if victim and other and victim.state is JobState.DONE is not other.state:
        victim, other = other, victim
    times = [request.at for request in home.space.requests]
    polls = [
        request for request in home.space.requests if request.path.endswith("/query")
    ]
    late = home.clock.time - timedelta(minutes=30)
    beyond = sum(at > late for at in times) - sum(poll.at > late for poll in polls)
    history = await home.history(victim.id) if victim else []
    whys = [event.reason for event in history if event.event == "delayed"]
    return Hour(
        state=victim.state if victim else "",
        others=other.state if other else "",
        paid=home.hub.painted,
        burst=_burst(times),
        late=beyond / 30,
        lines=Counter(line.split()[0] for line in home.warned),
        why=whys[-1] if whys else "",
        source=_source(home),
    )


def _source(home: House) -> str:
    if not home.source.notion_backoff.why:
        return ""
    return "shut" if home.source.notion_backoff.is_refused else "away"


def _burst(times: list[datetime]) -> int:
    most, begin = 0, 0
    for end, at in enumerate(times):
        while at - times[begin] >= timedelta(minutes=1):
            begin += 1
        most = max(most, end - begin + 1)
    return most
