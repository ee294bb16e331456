"""`plan`: what would be made now, and what it would cost; nothing is written."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from daemon import app
from daemon.cli import desk
from daemon.cli.generate import quiet
from daemon.config import Settings
from daemon.flow.absorb import decide_alone
from daemon.flow.cases import megapixels
from daemon.flow.context import Flow
from daemon.flow.inputs import Inputs
from daemon.flow.money import dollars
from daemon.flow.wants import Start
from daemon.notion.errors import NoAccessError
from daemon.notion.model import Page, Schema
from db import posts, upgrade

_SHOWN = 30


def plan(source: str | None, *, json: bool) -> None:
    """Ask Notion, decide as the daemon would, and print it."""
    found = desk.settings(source)
    app.require_notion(found)
    quiet(found)
    data = desk.finish(_plan(found))

    def human(out: Console) -> None:
        for one in data:
            _print(out, one)

    desk.show(data if found.several else data[0], json=json, human=human)


async def _plan(found: Settings) -> list[dict[str, Any]]:
    exists = upgrade.is_there(app.database(found))
    async with desk.looking(found, missing_ok=True) as flows:
        return [
            await _of_source(flows.by_source[name], own, exists=exists)
            for name, own in found.each().items()
        ]


async def _of_source(flow: Flow, own: Settings, *, exists: bool) -> dict[str, Any]:
    schema, pages = await _everything(flow, own.notion.data_source, known=exists)
    decided = await decide_alone(flow, pages, remembered=exists)
    held = 0
    if exists:
        async with flow.db.reading() as tx:
            held = await posts.held_count(tx, source=flow.plan.source)
    wishes = [
        _wish(flow, one.sight.inputs, one.sight.page, action)
        for one in decided
        for action in one.actions
        if isinstance(action, Start)
    ]
    asked = [wish for wish in wishes if wish["reason"] != "regenerate"]
    return {
        "name": flow.plan.source,
        "source": schema.title,
        "posts": len(pages),
        "held": held,
        "would_hold": 0 < flow.plan.hold < len(asked),
        "chain": [app.price_of(flow, name) for name in flow.plan.chain],
        "cost": sum(wish["price"] for wish in wishes),
        "wishes": wishes,
    }


async def _everything(
    flow: Flow, target: str, *, known: bool
) -> tuple[Schema, list[Page]]:
    state = None
    if known:
        async with flow.db.reading() as tx:
            state = await posts.load_sync(tx, flow.plan.source)
    info = await flow.door.resolve(target or (state.data_source if state else ""))
    schema = await flow.door.schema(info.id, state.columns if state else {})
    if schema.cannot_start:
        raise NoAccessError("; ".join(schema.problems))
    found: dict[str, Page] = {}
    position = None
    while True:
        window, position = await flow.door.everything(schema, after=position)
        found |= {page.id: page for page in window}
        if position is None:
            return schema, list(found.values())


def _wish(flow: Flow, inputs: Inputs, page: Page, start: Start) -> dict[str, Any]:
    first = flow.providers[flow.plan.chain[0]].traits
    price = first.price(megapixels(inputs.format)) * inputs.variants
    return {
        "page_id": page.id,
        "title": page.title,
        "reason": start.reason.value,
        "format": inputs.format,
        "images": inputs.variants,
        "price": price,
        "prompt": inputs.prompt,
    }


def _print(out: Console, data: dict[str, Any]) -> None:
    wishes = data["wishes"]
    if wishes:
        made = desk.table("POST", "WHY", "FORMAT", "IMAGES", "PRICE")
        lines = [
            [w["title"], w["reason"], w["format"], w["images"], dollars(w["price"])]
            for w in wishes[:_SHOWN]
        ]
        out.print(desk.rows(made, lines))
    if len(wishes) > _SHOWN:
        out.print(f"... and {len(wishes) - _SHOWN} more")
    out.print(
        f"{len(wishes)} of {data['posts']} posts in '{data['source']}' want an image: "
        f"{dollars(data['cost'])} with {data['chain'][0]}",
        markup=False,
    )
    if data["would_hold"]:
        out.print("more than posts.hold: none is made before `postbrush approve`")
    if data["held"]:
        out.print(f"{data['held']} are held: `postbrush approve` makes them")
