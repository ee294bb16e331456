"""The pretend world as a process of its own: its work is nobody's figure.

Reads a word a line, `fresh` for an empty town, a number for so many new posts, and
answers each with a line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
from functools import cache
from typing import Any
from unittest import mock

from daemon.clock import utc_now
from daemon.pretend import huggingface, scenes
from daemon.pretend.posts import POSTS
from daemon.pretend.server import FakeServer

_SEED = 7


@cache
def picture(width: int, height: int) -> bytes:
    """Return what the service sends: always the same, painted once."""
    return scenes.render_scene("a boat on the sea", _SEED, width, height)


def _at_once(_prompt: str, _seed: int, width: int, height: int) -> bytes:
    return picture(width, height)


async def _serve() -> None:
    town = FakeServer(now=utc_now)
    try:
        while line := await asyncio.to_thread(sys.stdin.readline):
            if line.strip() == "fresh":
                await town.stop()
                town = FakeServer(now=utc_now)
                town.workspace.requests_per_minute = None
                await town.start()
                answer = _about(town)
            else:
                answer = {"pages": _add(town, int(line))}
            sys.stdout.write(f"{json.dumps(answer)}\n")
            sys.stdout.flush()
    finally:
        await town.stop()


def _about(town: FakeServer) -> dict[str, Any]:
    return {
        "notion": town.url,
        "token": town.workspace.token,
        "hf": town.hf_url,
        "hub": town.hf_url,
        "key": town.hub.token,
    }


def _add(town: FakeServer, count: int) -> list[str]:
    pages = []
    for number in range(count):
        post = dict(POSTS[number % len(POSTS)])
        post["Name"] = f"{post['Name']} {number}"
        post["Format"] = "square"
        pages.append(town.workspace.add_page(town.source.id, post))
    return pages


if __name__ == "__main__":
    with mock.patch.object(huggingface, "render_scene", _at_once):
        asyncio.run(_serve())
