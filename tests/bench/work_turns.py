"""One side of the comparison in a process of its own: ours, or the bare loop.

Told by a line of JSON where the town is; makes the images of its first posts, so
that everything is loaded and connected; says so; reads which posts came since, and
answers what their images took.
"""

from __future__ import annotations

import asyncio
import base64
import io
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, TextIO

import httpx
from notion_client import Client
from PIL import Image, ImageOps

from daemon import app, config
from daemon.context import Sources
from daemon.dispatcher import Dispatcher
from daemon.generation.recovery import recover_claims
from daemon.once import work_until_idle
from daemon.service import log
from daemon.source_setup import build_pollers
from daemon.sync.poller import Poller
from daemon.sync.sweep import sweep_if_due
from tests.bench.work_steps import Steps

_SIDE = 1080
#: As ours: what the price of a PNG depends on.
_COMPRESSION = 6

Do = Callable[[Sequence[str]], Awaitable[None]]


class Bare:
    """What anybody would write who wants an image on every post, and no more."""

    def __init__(self, told: dict[str, Any], folder: Path) -> None:
        self._notion = Client(auth=told["token"], base_url=told["notion"])
        self._http = httpx.Client()
        self._told = told
        self._folder = folder
        self._count = 0

    async def work(self, pages: Sequence[str]) -> None:
        for page in pages:
            self._one(page)

    def _one(self, page: str) -> None:
        reply = self._http.post(
            f"{self._told['hf']}/nscale/v1/images/generations",
            headers={"Authorization": f"Bearer {self._told['key']}"},
            json={
                "model": "black-forest-labs/FLUX.1-schnell",
                "prompt": "a boat on the sea",
                "size": "1088x1088",
                "response_format": "b64_json",
            },
        ).raise_for_status()
        data = base64.b64decode(reply.json()["data"][0]["b64_json"])
        image = Image.open(io.BytesIO(data)).convert("RGB")
        image = ImageOps.fit(image, (_SIDE, _SIDE), Image.Resampling.LANCZOS)
        out = io.BytesIO()
        image.save(out, "PNG", compress_level=_COMPRESSION)
        self._count += 1
        name = f"{self._count}.png"
        with (self._folder / name).open("xb") as file:
            file.write(out.getvalue())
            file.flush()
            os.fsync(file.fileno())
        self._show(page, name, out.getvalue())

    def _show(self, page: str, name: str, png: bytes) -> None:
        notion: Any = self._notion
        upload = notion.file_uploads.create(
            mode="single_part", filename=name, content_type="image/png"
        )
        notion.file_uploads.send(upload["id"], file=(name, png, "image/png"))
        shown = {"type": "file_upload", "file_upload": {"id": upload["id"]}}
        notion.pages.update(
            page,
            properties={
                "Image": {"files": [{**shown, "name": name}]},
                "Image status": {"select": {"name": "Done"}},
                "Image provider": {"select": {"name": "Hugging Face FLUX"}},
                "Image note": {"rich_text": []},
                "Alt text": {"rich_text": [{"text": {"content": "A boat"}}]},
            },
        )


@asynccontextmanager
async def _bare(told: dict[str, Any], folder: Path) -> AsyncIterator[Do]:
    yield Bare(told, folder).work


@asynccontextmanager
async def _ours(told: dict[str, Any], folder: Path, at_once: int) -> AsyncIterator[Do]:
    """Open what `postbrush run` opens; the steps are those of `postbrush once`."""
    settings_file = folder / "postbrush.toml"
    settings_file.write_text(
        f"concurrency = {at_once}\n[notion]\nrequests_per_second = 100\n"
        "[posts]\nwait_after_edit = '0s'\napprove_above = 0\n[budget]\nmonth = 1000\n"
    )
    environ = {
        "NOTION_TOKEN": told["token"],
        "HUGGINGFACE_TOKEN": told["key"],
        "POSTBRUSH_NOTION__BASE_URL": told["notion"],
        "POSTBRUSH_PROVIDERS__FLUX__BASE_URL": told["hf"],
        "POSTBRUSH_PROVIDERS__FLUX__HUB_URL": told["hub"],
        "POSTBRUSH_WRITER__USE": "off",
    }
    settings = config.load_settings(settings_file, environ, folder)
    with (folder / "log").open("w") as lines:
        log.configure("info", "pretty", environ={}, stream=lines)
        async with (
            app.data_dir_lock(settings, "run"),
            app.open_context(settings) as sources,
        ):
            await recover_claims(sources, None)
            (watcher,) = build_pollers(sources)
            yield partial(_work, sources, watcher)


async def _work(sources: Sources, watcher: Poller, _pages: Sequence[str]) -> None:
    await watcher.poll()
    await sweep_if_due(watcher.source)
    await work_until_idle(sources, Dispatcher(sources))


def _used() -> float:
    """Return the seconds of processor this process has used, its threads too."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _made(folder: Path) -> int:
    return len(list(folder.glob("**/*.png")))


async def _turn(side: str, out: TextIO) -> None:
    told = json.loads(sys.stdin.readline())
    with tempfile.TemporaryDirectory(prefix="postbrush-bench-") as name:
        folder = Path(name)
        opened = (
            _bare(told, folder)
            if side == "bare"
            else _ours(told, folder, 1 if side == "one" else 4)
        )
        async with opened as work:
            await work(told["pages"])
            print(json.dumps("ready"), file=out, flush=True)
            pages = json.loads(sys.stdin.readline())
            with Steps(watching=side == "one") as steps:
                used, began = _used(), time.perf_counter()
                await work(pages)
                took = {"cpu": _used() - used, "wall": time.perf_counter() - began}
        made = _made(folder)
        if made != len(pages) + len(told["pages"]):
            raise AssertionError(f"{made} images were made")
    print(json.dumps(took | {"steps": steps.seconds}), file=out, flush=True)


if __name__ == "__main__":
    asyncio.run(_turn(sys.argv[1], sys.stdout))
