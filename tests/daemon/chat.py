"""A pretend server with chat completions, and a house whose prompts it writes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.daemon.house import House, house

#: What the server writes, unless a test says something else.
WRITTEN = {
    "prompt": "A round loaf of rye bread with a floury crust on a worn wooden board, "
    "a linen cloth beside it, warm morning light from a side window, close view, "
    "soft dark background",
    "headline": "Bread for everyone",
    "alt": "A round loaf of rye bread on a wooden board.",
}
#: Billed for each answer.
TOKENS = {"prompt_tokens": 1000, "completion_tokens": 200}

Answer = Callable[[], Awaitable[web.Response]]


class ChatServer:
    """Answers each request by the next of `answers`, or well.

    Attributes:
        asked: The bodies of the requests.
    """

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.answers: list[Answer] = []
        self.url = ""

    @property
    def tasks(self) -> list[dict[str, Any]]:
        """What the writer was given each time."""
        return [json.loads(body["messages"][1]["content"]) for body in self.asked]

    async def _complete(self, request: web.Request) -> web.Response:
        self.asked.append(await request.json())
        answer = self.answers.pop(0) if self.answers else written()
        return await answer()

    async def start(self) -> web.AppRunner:
        app = web.Application()
        for path in ("/v1/chat/completions", "/accounts/{id}/ai/v1/chat/completions"):
            app.router.add_post(path, self._complete)
        runner = web.AppRunner(app, handler_cancellation=True)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return runner


def said(text: str, finish: str = "stop") -> Answer:
    """Return an answer with this text."""

    async def answer() -> web.Response:
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": message, "finish_reason": finish}
        return web.json_response({"choices": [choice], "usage": TOKENS})

    return answer


def written(**changes: str) -> Answer:
    """Return a good answer."""
    return said(json.dumps(WRITTEN | changes))


def refused(status: int, text: str = "no") -> Answer:
    """Return an error."""

    async def answer() -> web.Response:
        return web.json_response({"error": {"message": text}}, status=status)

    return answer


async def hung() -> web.Response:
    """Never answer; it ends when the writer gives up and hangs up."""
    await asyncio.Event().wait()
    raise AssertionError


@asynccontextmanager
async def writing_house(
    folder: Path,
    chat: ChatServer,
    *,
    writer: str = 'kind = "openai"\nmodel = "small"\nprice = 0.0002',
    toml: str = "",
    environ: Mapping[str, str] | None = None,
) -> AsyncIterator[House]:
    """Open a house whose prompts *chat* writes."""
    runner = await chat.start()
    whole = f'{toml}\n[writer]\nbase_url = "{chat.url}"\n{writer}\n'
    try:
        async with house(folder, toml=whole, environ=environ) as home:
            yield home
    finally:
        await runner.cleanup()


@asynccontextmanager
async def next_life(folder: Path, home: House) -> AsyncIterator[House]:
    """Open the house again after a power cut, with the same settings."""
    await home.die()
    toml = (folder / "postbrush.toml").read_text()
    async with house(folder, toml=toml, town=home.town, clock=home.clock) as later:
        yield later
