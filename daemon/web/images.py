"""Serves image files, and cached thumbnails for the gallery.

A name must be in the database before a file is opened, and symbolic links are not
followed, so that files outside of images/ cannot be read.
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
#: Cache-Control: the image of a name never changes.
_KEPT = "private, max-age=31536000, immutable"
_THUMB_SIDE = 400
_ONLY_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
#: Limits the images that are in memory at once.
_READING = web.AppKey("reading", asyncio.Semaphore)


def add_routes(app: web.Application) -> None:
    """Add the routes of image files and thumbnails."""
    app[_READING] = asyncio.Semaphore(4)
    app.router.add_get(r"/images/{name:[^/]+\.png}", _serve_image)
    app.router.add_get(r"/thumbs/{name:[^/]+\.png}", _serve_thumbnail)


async def _find_image(request: web.Request) -> ImageRecord:
    name = request.match_info["name"]
    if _NAME.fullmatch(name) is None:
        raise web.HTTPNotFound(text="There is no such image.")
    async with web_context_of(request).source.app.db.read_transaction() as tx:
        image = await images.by_name(tx, name)
    if image is None:
        raise web.HTTPNotFound(text="There is no such image.")
    if image.pruned_at is not None:
        raise web.HTTPGone(text="This image was removed from the disk.")
    return image


async def _serve_image(request: web.Request) -> web.StreamResponse:
    image = await _find_image(request)
    etag = f'"{image.sha256}"'
    if request.headers.get("If-None-Match") == etag:
        return web.Response(status=304, headers={"ETag": etag})
    async with request.app[_READING]:
        data = await asyncio.to_thread(
            _read_image, web_context_of(request).source.app.store, image
        )
    if data is None:
        raise web.HTTPNotFound(text="Its file is gone from the disk.")
    headers = {"Cache-Control": _KEPT, "ETag": etag}
    return web.Response(body=data, content_type="image/png", headers=headers)


async def _serve_thumbnail(request: web.Request) -> web.StreamResponse:
    image, source = await _find_image(request), web_context_of(request).source
    path = files.thumbnail_path(source.app.image_folder, image.name)
    data = await asyncio.to_thread(read_file, path.parent, path.name)
    if data is None:
        data = await _make_thumbnail(source, image, path)
    if data is None:
        raise web.HTTPNotFound(text="Its file is gone from the disk.")
    headers = {"Cache-Control": _KEPT}
    return web.Response(body=data, content_type="image/webp", headers=headers)


async def _make_thumbnail(
    source: SourceContext, image: ImageRecord, target: Path
) -> bytes | None:
    data = await asyncio.to_thread(_read_image, source.app.store, image)
    if data is None:
        return None
    try:
        async with source.app.decoding:
            thumbnail = await asyncio.to_thread(
                normalize.make_thumbnail, data, _THUMB_SIDE
            )
    # The file on the disk is damaged.
    except (OSError, SyntaxError, ValueError):
        return None
    # On a full disk the thumbnail is served without being stored.
    with suppress(OSError):
        await asyncio.to_thread(_write_thumbnail, target, thumbnail)
    return thumbnail


def _read_image(store: Store, image: ImageRecord) -> bytes | None:
    """Return an image file, downloaded first if only the store has it.

    Raises:
        StoreUnavailableError, OSError: The file cannot be downloaded now.
    """
    try:
        store.ensure_local(image.name, image.sha256)
    except FileNotFoundError:
        return None
    return read_file(store.folder, image.name)


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
    """Return the file *name* of *folder*, or None; does not follow links."""
    try:
        # The flags refuse a symbolic link, and do not block on a FIFO.
        handle = os.open(folder / name, _ONLY_READ)
        with os.fdopen(handle, "rb") as file:
            return file.read()
    except OSError:
        return None
