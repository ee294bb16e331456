"""The files: images as they are, and small ones for the gallery, made once.

A name is looked up in the database before anything is opened, and no link is
followed: what lies outside of images/ cannot be asked for.
"""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
from contextlib import suppress
from pathlib import Path

from aiohttp import web

from daemon.context import SourceContext
from daemon.imaging import files, normalize
from daemon.imaging.store.store import Store
from daemon.web.session import web_context_of
from db import images
from db.models import ImageRecord

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,40}_generated_[0-9]{8}_[0-9]{6}_[0-9]{1,9}\.png")
#: An image never changes under its name.
_KEPT = "private, max-age=31536000, immutable"
_THUMB_SIDE = 400
_ONLY_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
#: Whole images in memory at once.
_READING = web.AppKey("reading", asyncio.Semaphore)


def add_routes(app: web.Application) -> None:
    app[_READING] = asyncio.Semaphore(4)
    app.router.add_get(r"/images/{name:[^/]+\.png}", _serve_image)
    app.router.add_get(r"/thumbs/{name:[^/]+\.png}", _serve_thumbnail)


async def _find_image(request: web.Request) -> ImageRecord:
    name = request.match_info["name"]
    if _NAME.fullmatch(name) is None:
        raise web.HTTPNotFound(text="There is no such image.")
    async with web_context_of(request).flow.db.read_transaction() as tx:
        found = await images.by_name(tx, name)
    if found is None:
        raise web.HTTPNotFound(text="There is no such image.")
    if found.pruned_at is not None:
        raise web.HTTPGone(text="This image was removed from the disk.")
    return found


async def _serve_image(request: web.Request) -> web.StreamResponse:
    found = await _find_image(request)
    mark = f'"{found.sha256}"'
    if request.headers.get("If-None-Match") == mark:
        return web.Response(status=304, headers={"ETag": mark})
    async with request.app[_READING]:
        data = await asyncio.to_thread(
            _read_image, web_context_of(request).flow.store, found
        )
    if data is None:
        raise web.HTTPNotFound(text="Its file is gone from the disk.")
    headers = {"Cache-Control": _KEPT, "ETag": mark}
    return web.Response(body=data, content_type="image/png", headers=headers)


async def _serve_thumbnail(request: web.Request) -> web.StreamResponse:
    found, flow = await _find_image(request), web_context_of(request).flow
    kept = files.thumbnail_path(flow.image_folder, found.name)
    data = await asyncio.to_thread(read_file, kept.parent, kept.name)
    if data is None:
        data = await _make_thumbnail(flow, found, kept)
    if data is None:
        raise web.HTTPNotFound(text="Its file is gone from the disk.")
    headers = {"Cache-Control": _KEPT}
    return web.Response(body=data, content_type="image/webp", headers=headers)


async def _make_thumbnail(
    flow: SourceContext, found: ImageRecord, target: Path
) -> bytes | None:
    whole = await asyncio.to_thread(_read_image, flow.store, found)
    if whole is None:
        return None
    try:
        async with flow.decoding:
            small = await asyncio.to_thread(
                normalize.make_thumbnail, whole, _THUMB_SIDE
            )
    # Damaged on the disk since it was made.
    except (OSError, SyntaxError, ValueError):
        return None
    # A full disk: it is shown all the same, and made again next time.
    with suppress(OSError):
        await asyncio.to_thread(_write_thumbnail, target, small)
    return small


def _read_image(store: Store, found: ImageRecord) -> bytes | None:
    """Return an image, fetched first if it is only on the store.

    Raises:
        StoreAwayError, OSError: It cannot be fetched now.
    """
    try:
        store.ensure_local(found.name, found.sha256)
    except FileNotFoundError:
        return None
    return read_file(store.folder, found.name)


def _write_thumbnail(target: Path, data: bytes) -> None:
    target.parent.mkdir(exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=".", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(temporary).replace(target)
    finally:
        Path(temporary).unlink(missing_ok=True)


def read_file(folder: Path, name: str) -> bytes | None:
    """Return a file of *folder*, None if it has none of that name; follows no link."""
    try:
        # A link is refused, and what is no file does not keep anybody waiting.
        handle = os.open(folder / name, _ONLY_READ)
        with os.fdopen(handle, "rb") as file:
            return file.read()
    except OSError:
        return None
