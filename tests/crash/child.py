"""One life of the daemon in a process of its own, ended by SIGKILL at one border.

The borders are not listed anywhere: they are where the running code commits, asks
Notion or a service, and links a file, and each is crossed twice, before and after.
Whatever is added to the code is a border as soon as it does one of these.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx

from daemon import app, config
from daemon.clock import Clock
from daemon.once import run_once
from daemon.service import log
from daemon.source_setup import build_pollers
from db.engine import Database, Tx
from providers.base import HttpCall, ProviderTraits, Response
from providers.http import HttpClient
from tests.daemon.house import TRUSTED

_ID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}")

T = TypeVar("T")


class Borders:
    """Counts crossings, writes each down, and dies at one of them."""

    def __init__(self, journal: Path, die_at: int) -> None:
        self._file = os.open(journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._die_at = die_at
        self._count = 0

    def cross(self, name: str) -> None:
        self._count += 1
        os.write(self._file, f"{name}\n".encode())
        if self._count == self._die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self) -> None:
        """Put a border before and after everything that outlives the process."""
        self._watch_commits()
        self._watch_files()
        send, ask = httpx.AsyncClient.send, HttpClient.send
        borders = self

        async def to_notion(
            client: httpx.AsyncClient,
            request: httpx.Request,
            **more: Any,  # noqa: ANN401 - the library's own
        ) -> httpx.Response:
            path = _ID.sub("ID", request.url.path)
            return await borders._around(
                f"Notion {request.method} {path}",
                lambda: send(client, request, **more),
            )

        async def to_service(
            http: HttpClient, call: HttpCall, traits: ProviderTraits
        ) -> Response:
            what = (
                "order"
                if call.is_image_request
                else "file"
                if call.is_download
                else "look"
            )
            return await borders._around(
                f"service {what}", lambda: ask(http, call, traits)
            )

        setattr(httpx.AsyncClient, "send", to_notion)
        setattr(HttpClient, "send", to_service)

    async def _around(self, name: str, do: Callable[[], Awaitable[T]]) -> T:
        self.cross(f"before {name}")
        answer = await do()
        self.cross(f"after {name}")
        return answer

    def _watch_commits(self) -> None:
        writing, borders = Database.write_transaction, self

        @asynccontextmanager
        async def watched(database: Database) -> AsyncIterator[Tx]:
            name = f"commit in {_caller()}"
            async with writing(database) as tx:
                yield tx
                borders.cross(f"before {name}")
            borders.cross(f"after {name}")

        setattr(Database, "write_transaction", watched)

    def _watch_files(self) -> None:
        link, borders = os.link, self

        def watched(source: str, target: Path) -> None:
            borders.cross("before link of the image")
            link(source, target)
            borders.cross("after link of the image")

        setattr(os, "link", watched)

    def watch_store(self) -> None:
        """Put one around what is put on the store."""
        from daemon.imaging.store.remote import RemoteStore  # noqa: PLC0415 - few have one

        put, borders = RemoteStore.put_new, self

        def watched(remote: RemoteStore, name: str, data: bytes) -> bool:
            borders.cross("before put on the store")
            new = put(remote, name, data)
            borders.cross("after put on the store")
            return new

        setattr(RemoteStore, "put_new", watched)


def _caller() -> str:
    """Return the function of the daemon that opened the transaction."""
    frame: Any = sys._getframe(2)
    while "contextlib" in frame.f_code.co_filename:
        frame = frame.f_back
    path = Path(frame.f_code.co_filename)
    return f"{path.parent.name}/{path.stem}.{frame.f_code.co_name}"


def live(folder: str, environ: Mapping[str, str], journal: str, die_at: int) -> None:
    """Look once and work until nothing is due; die at the crossing *die_at*."""
    # Nobody's: reading all that are trusted takes a while.
    os.environ["SSL_CERT_FILE"] = str(TRUSTED)
    log.configure("error", "json", environ={})
    borders = Borders(Path(journal), die_at)
    borders.watch()
    if "POSTBRUSH_IMAGES__STORE" in environ:
        borders.watch_store()
    asyncio.run(_live(Path(folder), environ))


async def _live(folder: Path, environ: Mapping[str, str]) -> None:
    settings = config.load_settings(folder / "postbrush.toml", environ, folder)

    async def hurried(seconds: float) -> None:
        await asyncio.sleep(min(seconds, 0.02))

    clock = Clock(sleep=hurried)
    async with (
        app.data_dir_lock(settings, "once"),
        app.open_context(settings, clock=clock) as sources,
        app.join_cluster(settings, sources) as company,
    ):

        async def never(_held: int) -> bool:
            return False

        await run_once(sources, build_pollers(sources), company, never)
