"""The gallery, the details of one image, image files and cached thumbnails.

A name must be in the database before a file is opened, and symbolic links are not
followed, so that files outside of images/ cannot be read.
"""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from daemon.context import SourceContext
from daemon.delivery.image_words import choose_headline
from daemon.imaging import files, normalize
from daemon.imaging.store.store import Store
from daemon.web.session import query_number, web_context_of
from db import gallery, images, jobs, posts
from db.engine import Tx
from db.gallery import GalleryFilter, GalleryItem, GalleryPage
from db.models import ImageRecord
from db.states import JobState

_SHOWN = 60
_EARLIER = 12
_LONGEST_WORDS = 100
_KEYS = ("provider", "words", "since", "until")
_NAME = re.compile(
    r"[a-z][a-z0-9_-]{0,40}_generated_[0-9]{8}_[0-9]{6}_[0-9]{1,9}"
    r"(_text_[0-9a-f]{12})?\.png"
)
#: Cache-Control: the image of a name never changes.
_KEPT = "private, max-age=31536000, immutable"
_THUMB_SIDE = 400
_ONLY_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
#: Limits the images that are in memory at once.
_READING = web.AppKey("reading", asyncio.Semaphore)


def routes(app: web.Application) -> list[web.RouteDef]:
    """Return the routes of the gallery, of image files and of thumbnails."""
    app[_READING] = asyncio.Semaphore(4)
    return [
        web.get("/images", _list_images),
        web.get(r"/images/{number:[0-9]{1,18}}", _show_image),
        web.get(r"/images/{name:[^/]+\.png}", _serve_image),
        web.get(r"/thumbs/{name:[^/]+\.png}", _serve_thumbnail),
    ]


async def _list_images(request: web.Request) -> web.StreamResponse:
    site = web_context_of(request)
    query = {key: request.query.get(key, "")[:_LONGEST_WORDS] for key in _KEYS}
    gallery_filter = _parse_filter(query, site.source.app.clock.zone)
    before, after = query_number(request, "before"), query_number(request, "after")
    async with site.source.app.db.read_transaction() as tx:
        page = await gallery.load_page(
            tx, gallery_filter, limit=_SHOWN, before=before, after=after
        )
        providers = await gallery.providers_with_images(tx, list(site.source.providers))
    return site.render(
        request,
        "images.html",
        asked=query,
        filtered=any(query.values()),
        first=before is None and after is None,
        tiles=page.tiles,
        makers=providers,
        newer=_page_link(page, query, "after") if page.newer else "",
        older=_page_link(page, query, "before") if page.older else "",
    )


def _parse_filter(query: dict[str, str], zone: tzinfo) -> GalleryFilter:
    return GalleryFilter(
        provider=query["provider"],
        words=query["words"],
        since=_parse_day(query["since"], zone, 0),
        until=_parse_day(query["until"], zone, 1),
    )


def _parse_day(text: str, zone: tzinfo, later: int) -> datetime | None:
    """Return the midnight that starts the day *text*, plus *later* days."""
    try:
        day = date.fromisoformat(text) + timedelta(days=later)
        return datetime.combine(day, time(), zone).astimezone(UTC)
    # The field is empty or not a date.
    except (ValueError, OverflowError):
        return None


def _page_link(page: GalleryPage, query: dict[str, str], direction: str) -> str:
    """Return the URL of the images "after" or "before" this page."""
    if not page.tiles:
        return ""
    edge = page.tiles[0 if direction == "after" else -1].image.id
    fields = {key: value for key, value in query.items() if value}
    return f"/images?{urlencode(fields | {direction: str(edge)})}"


async def _show_image(request: web.Request) -> web.StreamResponse:
    site, number = web_context_of(request), int(request.match_info["number"])
    async with site.source.app.db.read_transaction() as tx:
        tile = await gallery.load_item(tx, number)
        if tile is None:
            raise web.HTTPNotFound(text="There is no such image.")
        data = await _load_details(tx, tile, site.sources.source_of(tile.image.source))
    return site.render(request, "image.html", tile=tile, image=tile.image, **data)


async def _load_details(
    tx: Tx, tile: GalleryItem, source: SourceContext
) -> dict[str, Any]:
    image = tile.image
    post = await posts.get(tx, image.source, image.page_id) if image.page_id else None
    job = await jobs.get(tx, image.job_id) if image.job_id is not None else None
    shown_files = post.shown_files if post is not None else ()
    others: list[GalleryItem] = []
    if image.page_id:
        newest = await gallery.of_page(
            tx, image.source, image.page_id, limit=_EARLIER + 1
        )
        others = [item for item in newest if item.image.id != image.id]
    shown_name = next(
        (name for name in shown_files if images.plain_name(name) == image.name), None
    )
    folder, setting = source.app.image_folder, source.options.images.headline
    headline = ""
    if post is not None and job is not None:
        of_page = post.inputs.get("headline")
        headline = choose_headline(setting, job, image, of_page)
    return {
        "post": post,
        "job": job,
        "others": others[:_EARLIER],
        "shown": shown_name is not None,
        "lettered": _lettered_file(folder, image.name, shown_name),
        "headline": headline,
        "usable": post is not None
        and job is not None
        and job.state is JobState.DONE
        and image.pruned_at is None,
    }


def _lettered_file(folder: Path, name: str, shown: str | None) -> str | None:
    """Return the file with words that the page shows; None without words."""
    if shown is None or shown == name:
        return None
    return shown if (files.lettered_folder(folder) / shown).is_file() else None


async def _find_image(request: web.Request) -> ImageRecord:
    name = request.match_info["name"]
    if _NAME.fullmatch(name) is None:
        raise web.HTTPNotFound(text="There is no such image.")
    async with web_context_of(request).source.app.db.read_transaction() as tx:
        image = await images.by_name(tx, images.plain_name(name))
    if image is None:
        raise web.HTTPNotFound(text="There is no such image.")
    if image.pruned_at is not None:
        raise web.HTTPGone(text="The file of this image was deleted.")
    return image


async def _serve_image(request: web.Request) -> web.StreamResponse:
    image, name = await _find_image(request), request.match_info["name"]
    # A name with a key tells the words on the image.
    etag = f'"{image.sha256 if name == image.name else name}"'
    if request.headers.get("If-None-Match") == etag:
        return web.Response(status=304, headers={"ETag": etag})
    store = web_context_of(request).source.app.store
    async with request.app[_READING]:
        if name == image.name:
            data = await asyncio.to_thread(_read_image, store, image)
        else:
            folder = files.lettered_folder(store.folder)
            data = await asyncio.to_thread(read_file, folder, name)
    if data is None:
        raise web.HTTPNotFound(text="The file of this image is missing.")
    headers = {"Cache-Control": _KEPT, "ETag": etag}
    return web.Response(body=data, content_type="image/png", headers=headers)


async def _serve_thumbnail(request: web.Request) -> web.StreamResponse:
    image, source = await _find_image(request), web_context_of(request).source
    path = files.thumbnail_path(source.app.image_folder, image.name)
    data = await asyncio.to_thread(read_file, path.parent, path.name)
    if data is None:
        data = await _make_thumbnail(source, image, path)
    if data is None:
        raise web.HTTPNotFound(text="The file of this image is missing.")
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
