"""The gallery: all images, some at a time, and one with its story."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from daemon.web.session import web_context_of
from db import gallery, jobs, posts
from db.engine import Tx
from db.gallery import GalleryFilter, GalleryItem, GalleryPage
from db.states import JobState

_SHOWN = 60
_EARLIER = 12
_LONGEST_WORDS = 100
_KEYS = ("provider", "words", "since", "until")


def add_routes(app: web.Application) -> None:
    app.router.add_get("/images", _list_images)
    app.router.add_get(r"/images/{number:[0-9]{1,18}}", _show_image)


async def _list_images(request: web.Request) -> web.StreamResponse:
    site = web_context_of(request)
    asked = {key: request.query.get(key, "")[:_LONGEST_WORDS] for key in _KEYS}
    wanted = _parse_filter(asked, site.flow.clock.zone)
    before, after = _parse_number(request, "before"), _parse_number(request, "after")
    async with site.flow.db.read_transaction() as tx:
        found = await gallery.load_page(
            tx, wanted, limit=_SHOWN, before=before, after=after
        )
        makers = await gallery.providers_with_images(tx, list(site.flow.providers))
    labels = {name: site.flow.providers[name].traits.label for name in makers}
    return site.render(
        request,
        "images.html",
        asked=asked,
        filtered=any(asked.values()),
        first=before is None and after is None,
        tiles=found.tiles,
        makers=labels,
        newer=_page_link(found, asked, "after") if found.newer else "",
        older=_page_link(found, asked, "before") if found.older else "",
    )


def _parse_filter(asked: dict[str, str], zone: tzinfo) -> GalleryFilter:
    return GalleryFilter(
        provider=asked["provider"],
        words=asked["words"],
        since=_parse_day(asked["since"], zone, 0),
        until=_parse_day(asked["until"], zone, 1),
    )


def _parse_day(text: str, zone: tzinfo, later: int) -> datetime | None:
    """Return the midnight that begins a day, or one some days *later*."""
    try:
        day = date.fromisoformat(text) + timedelta(days=later)
        return datetime.combine(day, time(), zone).astimezone(UTC)
    # Nothing was asked, or nothing that is a day.
    except (ValueError, OverflowError):
        return None


def _parse_number(request: web.Request, key: str) -> int | None:
    text = request.query.get(key, "")
    return int(text) if text.isdecimal() and len(text) < 19 else None  # noqa: PLR2004 - what the database can hold


def _page_link(found: GalleryPage, asked: dict[str, str], way: str) -> str:
    """Return where the images *after* or *before* these are."""
    if not found.tiles:
        return ""
    edge = found.tiles[0 if way == "after" else -1].image.id
    kept = {key: value for key, value in asked.items() if value}
    return f"/images?{urlencode(kept | {way: str(edge)})}"


async def _show_image(request: web.Request) -> web.StreamResponse:
    site, number = web_context_of(request), int(request.match_info["number"])
    async with site.flow.db.read_transaction() as tx:
        tile = await gallery.load_item(tx, number)
        if tile is None:
            raise web.HTTPNotFound(text="There is no such image.")
        data = await _load_details(tx, tile)
    data["label"] = _provider_label(request, tile)
    return site.render(request, "image.html", tile=tile, image=tile.image, **data)


async def _load_details(tx: Tx, tile: GalleryItem) -> dict[str, Any]:
    image = tile.image
    post = await posts.get(tx, image.source, image.page_id) if image.page_id else None
    job = await jobs.get(tx, image.job_id) if image.job_id is not None else None
    others: list[GalleryItem] = []
    if image.page_id:
        found = await gallery.of_page(
            tx, image.source, image.page_id, limit=_EARLIER + 1
        )
        others = [one for one in found if one.image.id != image.id]
    return {
        "post": post,
        "job": job,
        "others": others[:_EARLIER],
        "shown": post is not None and image.name in post.shows,
        "usable": post is not None
        and job is not None
        and job.state is JobState.DONE
        and image.pruned_at is None,
    }


def _provider_label(request: web.Request, tile: GalleryItem) -> str:
    provider = web_context_of(request).flow.providers.get(tile.image.provider)
    return provider.traits.label if provider else tile.image.provider
