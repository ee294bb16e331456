"""A pretend Notion with many posts, as a process of its own.

Reads a number a line, fills an empty database with so many posts, which have images,
and answers with where it is.
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta

from daemon.clock import utc_now
from daemon.pretend.posts import POSTS
from daemon.pretend.server import FakeServer

#: As an import, or a busy team: never more in a minute than a query lists.
_A_MINUTE = 50
_PICTURE = b"\xff\xd8\xff somebody's"


@dataclass(slots=True)
class _Years:
    """A clock that runs ahead of now while posts are made."""

    behind: timedelta = timedelta()

    def now(self) -> datetime:
        return utc_now() - self.behind


async def _serve() -> None:
    town: FakeServer | None = None
    try:
        while line := await asyncio.to_thread(sys.stdin.readline):
            if town is not None:
                await town.stop()
            town = await _filled(int(line))
            answer = {"notion": town.url, "token": town.workspace.token}
            sys.stdout.write(f"{json.dumps(answer)}\n")
            sys.stdout.flush()
    finally:
        if town is not None:
            await town.stop()


async def _filled(count: int) -> FakeServer:
    clock = _Years()
    town = FakeServer(now=clock.now)
    town.workspace.requests_per_minute = None
    minutes = count // _A_MINUTE + 60
    for number in range(count):
        clock.behind = timedelta(minutes=minutes - number // _A_MINUTE)
        post = dict(POSTS[number % len(POSTS)])
        post["Name"] = f"{post['Name']} {number}"
        page = town.workspace.add_page(town.source.id, post)
        town.workspace.add_file(page, "Image", "mine.jpg", _PICTURE)
    clock.behind = timedelta()
    await town.start()
    return town


if __name__ == "__main__":
    asyncio.run(_serve())
