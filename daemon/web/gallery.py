"""The gallery: a page of images, and the details of one image."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from daemon.web.session import query_number, web_context_of
from db import gallery, jobs, posts
from db.engine import Tx
from db.gallery import GalleryFilter, GalleryItem, GalleryPage
from db.states import JobState

_SHOWN = 60
_EARLIER = 12
_LONGEST_WORDS = 100
_KEYS = ("provider", "words", "since", "until")


def add_routes(app: web.Application) -> None:
    """Add the routes of the gallery."""
    app.router.add_get("/images", _list_images)
    app.router.add_get(r"/images/{number:[0-9]{1,18}}", _show_image)


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
    labels = {name: site.source.providers[name].traits.label for name in providers}
    return site.render(
        request,
        "images.html",
        asked=query,
        filtered=any(query.values()),
        first=before is None and after is None,
        tiles=page.tiles,
        makers=labels,
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
        data = await _load_details(tx, tile)
    data["label"] = _provider_label(request, tile)
    return site.render(request, "image.html", tile=tile, image=tile.image, **data)


async def _load_details(tx: Tx, tile: GalleryItem) -> dict[str, Any]:
    image = tile.image
    post = await posts.get(tx, image.source, image.page_id) if image.page_id else None
    job = await jobs.get(tx, image.job_id) if image.job_id is not None else None
    others: list[GalleryItem] = []
    if image.page_id:
        of_page = await gallery.of_page(
            tx, image.source, image.page_id, limit=_EARLIER + 1
        )
        others = [item for item in of_page if item.image.id != image.id]
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
    provider = web_context_of(request).source.providers.get(tile.image.provider)
    return provider.traits.label if provider else tile.image.provider
