"""What years of posts cost: the same things done with a hundred times as many."""

from __future__ import annotations

import asyncio
import io
import itertools
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from contextlib import redirect_stdout as quietly
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast
from unittest import mock

from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from daemon import app, config
from daemon.cli import context, history, status
from daemon.clock import utc_now
from daemon.config import Settings
from daemon.context import Sources
from daemon.generation import selection
from daemon.generation.recovery import recover_claims
from daemon.jobs.lifecycle import requeue_job
from daemon.notion.api import NotionApi
from daemon.notion.model import BotUser, Page, Schema, SourceInfo
from daemon.service import log
from daemon.sync.poller import Poller
from daemon.web import dashboard, security, serve
from daemon.web.security import Signer
from daemon.web.session import WebContext
from db.attempts import FeedPosition
from db.states import JobEventType
from tests.bench.rounds import in_turns
from tests.bench.scale_rows import DATA_SOURCE, fill
from tests.bench.table import Figure

_MOST = 1.2
#: Posts, and images.
_MANY, _FEW = (100_000, 20_000), (1_000, 200)
_ROUNDS = 41
_LISTED = 20


class Notion:
    """Answers at once, with the posts it is told of: what it takes is not ours."""

    def __init__(self) -> None:
        self.found: list[Page] = []
        self.server_time = None

    async def fetch_bot_user(self) -> BotUser:
        return BotUser(id="b" * 32, name="bench", workspace="", upload_limit=5 * 2**20)

    async def resolve_source(self, _target: str) -> SourceInfo:
        return SourceInfo(id=DATA_SOURCE, title="Posts", url="")

    async def fetch_schema(self, source: str, _remembered: object) -> Schema:
        return Schema(source=source, title="Posts", properties={}, roles={})

    async def fetch_changed_pages(
        self, _schema: Schema, **_about: object
    ) -> list[Page]:
        found, self.found = self.found, []
        return found

    async def close(self) -> None:
        """Close nothing."""


@dataclass(slots=True)
class Years:
    """One daemon and its data folder.

    Each of what is measured does it once and returns the seconds it took; whatever
    it needs before, and puts back after, is not in them.
    """

    settings: Settings
    sources: Sources
    watcher: Poller
    notion: Notion
    site: WebContext
    pages: web.Application
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(10**9))

    async def idle_poll(self) -> float:
        began = time.perf_counter()
        await self.watcher.poll()
        return time.perf_counter() - began

    async def poll(self) -> float:
        at = utc_now()
        number = next(self._numbers)
        words = f"Something new, number {number}."
        page = Page(
            id=f"{number:032x}",
            source=DATA_SOURCE,
            url="https://www.notion.so/new",
            title=words,
            post=words,
            created_at=at,
            edited_at=at,
        )
        self.notion.found = [page]
        return await self.idle_poll()

    async def claim(self) -> float:
        began = time.perf_counter()
        db = self.sources.app.db
        async with db.read_transaction() as tx:
            picked = await selection.select_jobs(tx, list(self.sources), 1, {})
        claimed = await selection.claim_jobs(self.sources.app, picked)
        took = time.perf_counter() - began
        async with db.write_transaction() as tx:
            for job in claimed:
                await requeue_job(
                    tx,
                    job,
                    JobEventType.SNOOZED,
                    now=utc_now(),
                    why="",
                    due_at=job.due_at,
                )
        if len(claimed) != 1:
            raise AssertionError(f"{len(claimed)} jobs were claimed")
        return took

    async def status(self) -> float:
        return await self._command(lambda: status.show_status(None, json=False))

    async def jobs(self) -> float:
        return await self._command(lambda: history.list_jobs(None, _LISTED, json=False))

    async def _command(self, command: Callable[[], Awaitable[object]]) -> float:
        with (
            mock.patch.object(context, "load_settings", return_value=self.settings),
            quietly(io.StringIO()),
        ):
            began = time.perf_counter()
            await command()
            return time.perf_counter() - began

    async def page(self) -> float:
        request = make_mocked_request("GET", "/", {"Host": "localhost"}, app=self.pages)
        began = time.perf_counter()
        await dashboard.show_dashboard(request)
        return time.perf_counter() - began

    async def start(self) -> float:
        began = time.perf_counter()
        async with (
            app.data_dir_lock(self.settings, "run"),
            app.open_context(self.settings) as sources,
        ):
            object.__setattr__(sources.first, "notion", Notion())
            await recover_claims(sources, None)
            await Poller(source=sources.first, target="").poll()
            return time.perf_counter() - began


@asynccontextmanager
async def years(folder: Path, size: tuple[int, int]) -> AsyncIterator[Years]:
    count, made = size
    fill(folder, count=count, made=made, now=utc_now())
    environ = {"NOTION_TOKEN": "ntn_bench", "HUGGINGFACE_TOKEN": "hf_bench"}
    (folder / "postbrush.toml").touch()
    settings = config.load_settings(folder / "postbrush.toml", environ, folder)
    async with app.open_context(settings) as sources:
        source, notion = sources.first, Notion()
        object.__setattr__(source, "notion", cast("NotionApi", notion))
        watcher = Poller(source=source, target="")
        site = WebContext(
            sources=sources,
            authenticator=security.Authenticator("", source.app.clock.monotonic),
            names=frozenset({"localhost"}),
            signer=Signer(b"bench" * 8),
            feed_position=FeedPosition(),
        )
        yield Years(
            settings, sources, watcher, notion, site, serve.create_application(site)
        )


def measure() -> list[Figure]:
    """Do each thing in both, in turns."""
    log.configure("error", "pretty", environ={}, stream=io.StringIO())
    figures = []
    with (
        tempfile.TemporaryDirectory(prefix="postbrush-bench-") as name,
        asyncio.Runner() as runner,
    ):
        stack = AsyncExitStack()
        many, few = (
            runner.run(stack.enter_async_context(years(Path(name, which), size)))
            for which, size in (("many", _MANY), ("few", _FEW))
        )
        try:
            for what, does in DONE.items():
                mine, theirs = in_turns(
                    lambda does=does: runner.run(does(many)),  # type: ignore[misc]  # bound now
                    lambda does=does: runner.run(does(few)),  # type: ignore[misc]  # the same
                    _ROUNDS,
                )
                figures.append(
                    Figure(
                        what=f"{what}, 100,000 posts and 20,000 images",
                        figure=mine * 1000,
                        unit="ms",
                        reference=theirs * 1000,
                        against="1,000 and 200",
                        most=_MOST,
                    )
                )
        finally:
            runner.run(stack.aclose())
    return figures


DONE: dict[str, Callable[[Years], Coroutine[None, None, float]]] = {
    "a poll that finds nothing": Years.idle_poll,
    "a poll with a new post": Years.poll,
    "a claim": Years.claim,
    "status": Years.status,
    "jobs": Years.jobs,
    "the page /": Years.page,
    "a start, to its first poll": Years.start,
}
