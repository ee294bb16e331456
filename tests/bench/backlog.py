"""Two hundred posts at once, at Notion's real pace, and somebody who is in a hurry."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path

from daemon.pretend.errors import RecordedRequest
from tests.bench.table import Figure
from tests.daemon.cli.desk import Desk, desk

_POSTS = 200
_SECONDS_PER_IMAGE = 3.0
_REQUESTS_A_SECOND = 3.0
_TOO_FAST = 429
_PATIENCE = 900.0
#: All else is as it comes.
_TOML = "[posts]\nwait_after_edit = '0s'\napprove_above = 0\n"


def measure() -> list[Figure]:
    return asyncio.run(_measure())


async def _measure() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        async with desk(Path(folder)) as home:
            return await _work_off(home)


async def _work_off(home: Desk) -> list[Figure]:
    space = home.town.workspace
    space.requests_per_minute = int(60 * _REQUESTS_A_SECOND)
    home.town.hub.seconds_per_image = _SECONDS_PER_IMAGE
    home.configure(_TOML)
    for number in range(_POSTS):
        home.add(f"Post {number}")

    def uploaded() -> list[RecordedRequest]:
        return [one for one in space.requests if _puts_image(one)]

    async with home.daemon():
        await _until(home, lambda: len(uploaded()) >= _POSTS // 2)
        before = len(uploaded())
        hurried = uploaded()[0].path
        space.tick_box(hurried.rsplit("/", 1)[1].replace("-", ""))
        await _until(home, lambda: len(uploaded()) > _POSTS)
    order = [one.path for one in uploaded()]
    return [*_budget(space.requests), _hurry(order.index(hurried, before) - before)]


def _budget(requests: list[RecordedRequest]) -> list[Figure]:
    first = next(one.at for one in requests if one.path == "/v1/file_uploads")
    last = max(one.at for one in requests if _puts_image(one))
    seconds = (last - first).total_seconds()
    used = sum(first <= one.at <= last for one in requests)
    return [
        Figure(
            what=f"backlog of {_POSTS}: used of what Notion allows",
            figure=100 * used / (seconds * _REQUESTS_A_SECOND),
            unit="%",
            least=95,
            note=f"the backlog: {_POSTS} posts and one regeneration in {seconds:.0f} s",
        ),
        Figure(
            what="backlog: answers that we are too fast (429)",
            figure=sum(one.status == _TOO_FAST for one in requests),
            unit="",
            most=0,
        ),
    ]


def _hurry(others: int) -> Figure:
    return Figure(
        what="backlog: posts served before a box that was ticked in its middle",
        figure=others,
        unit="",
        most=10,
    )


def _puts_image(one: RecordedRequest) -> bool:
    """Say whether it is the write that puts an image on a page."""
    cells = one.body.get("properties", {}) if isinstance(one.body, dict) else {}
    shown = any(isinstance(cell, dict) and cell.get("files") for cell in cells.values())
    return one.method == "PATCH" and one.status == 200 and shown


async def _until(home: Desk, happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(_PATIENCE):
        seen = -1
        while not happened():
            seen = await home.town.workspace.wait_changed(seen, 1)
