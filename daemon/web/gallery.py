"""The gallery: all images, some at a time, and one with its story."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from daemon.web.site import site_of
from db import gallery, jobs, posts
from db.engine import Tx
from db.gallery import Page, Tile, Wanted
from db.states import State

_SHOWN = 60
_EARLIER = 12
_LONGEST_WORDS = 100
_KEYS = ("provider", "words", "since", "until")


def add_routes(app: web.Application) -> None:
    app.router.add_get("/images", _list)
    app.router.add_get(r"/images/{number:[0-9]{1,18}}", _one)


async def _list(request: web.Request) -> web.StreamResponse:
    site = site_of(request)
    asked = {key: request.query.get(key, "")[:_LONGEST_WORDS] for key in _KEYS}
    wanted = _wanted(asked, site.flow.clock.zone)
    before, after = _number(request, "before"), _number(request, "after")
    async with site.flow.db.reading() as tx:
        found = await gallery.page(tx, wanted, limit=_SHOWN, before=before, after=after)
        makers = await gallery.makers(tx, list(site.flow.providers))
    labels = {name: site.flow.providers[name].traits.label for name in makers}
    return site.render(
        request,
        "images.html",
        asked=asked,
        filtered=any(asked.values()),
        first=before is None and after is None,
        tiles=found.tiles,
        makers=labels,
        newer=_further(found, asked, "after") if found.newer else "",
        older=_further(found, asked, "before") if found.older else "",
    )


def _wanted(asked: dict[str, str], zone: tzinfo) -> Wanted:
    return Wanted(
        provider=asked["provider"],
        words=asked["words"],
        since=_day(asked["since"], zone, 0),
        until=_day(asked["until"], zone, 1),
    )


def _day(text: str, zone: tzinfo, later: int) -> datetime | None:
    """Return the midnight that begins a day, or one some days *later*."""
    try:
        day = date.fromisoformat(text) + timedelta(days=later)
        return datetime.combine(day, time(), zone).astimezone(UTC)
    # Nothing was asked, or nothing that is a day.
    except (ValueError, OverflowError):
        return None


def _number(request: web.Request, key: str) -> int | None:
    text = request.query.get(key, "")
    return int(text) if text.isdecimal() and len(text) < 19 else None  # noqa: PLR2004 - what the database can hold


def _further(found: Page, asked: dict[str, str], way: str) -> str:
    """Return where the images *after* or *before* these are."""
    if not found.tiles:
        return ""
    edge = found.tiles[0 if way == "after" else -1].image.id
    kept = {key: value for key, value in asked.items() if value}
    return f"/images?{urlencode(kept | {way: str(edge)})}"


async def _one(request: web.Request) -> web.StreamResponse:
    site, number = site_of(request), int(request.match_info["number"])
    async with site.flow.db.reading() as tx:
        tile = await gallery.one(tx, number)
        if tile is None:
            raise web.HTTPNotFound(text="There is no such image.")
        data = await _story(tx, tile)
    data["label"] = _label(request, tile)
    return site.render(request, "image.html", tile=tile, image=tile.image, **data)


async def _story(tx: Tx, tile: Tile) -> dict[str, Any]:
    image = tile.image
    post = await posts.get(tx, image.source, image.page_id) if image.page_id else None
    job = await jobs.get(tx, image.job_id) if image.job_id is not None else None
    others: list[Tile] = []
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
        and job.state is State.DONE
        and image.pruned_at is None,
    }


def _label(request: web.Request, tile: Tile) -> str:
    provider = site_of(request).flow.providers.get(tile.image.provider)
    return provider.traits.label if provider else tile.image.provider
