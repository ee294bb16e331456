"""`plan`: what would be made now, and what it would cost; nothing is written."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from daemon import app
from daemon.cli import context
from daemon.cli.generate import silence_log
from daemon.config import Settings
from daemon.context import SourceContext
from daemon.generation.chain_input_loader import megapixels_of
from daemon.jobs.budget import format_dollars
from daemon.jobs.inputs import Inputs
from daemon.notion.errors import NoAccessError
from daemon.notion.model import Page, Schema
from daemon.sync.apply import plan_dry_run
from daemon.sync.plan_types import CreateJob
from db import posts, upgrade

_SHOWN = 30


def show_plan(source: str | None, *, json: bool) -> None:
    """Ask Notion, decide as the daemon would, and print it."""
    found = context.load_settings(source)
    app.require_notion_token(found)
    silence_log(found)
    data = context.run_coroutine(_plan_all_sources(found))

    def human(out: Console) -> None:
        for one in data:
            _print_plan(out, one)

    context.print_result(
        data if found.has_named_sources else data[0], json=json, human=human
    )


async def _plan_all_sources(found: Settings) -> list[dict[str, Any]]:
    exists = upgrade.database_exists(app.database_backend(found))
    async with context.read_session(found, missing_ok=True) as flows:
        return [
            await _plan_one_source(flows.by_source[name], own, exists=exists)
            for name, own in found.by_source().items()
        ]


async def _plan_one_source(
    flow: SourceContext, own: Settings, *, exists: bool
) -> dict[str, Any]:
    schema, pages = await _load_schema_and_pages(
        flow, own.notion.data_source, known=exists
    )
    decided = await plan_dry_run(flow, pages, has_database=exists)
    held = 0
    if exists:
        async with flow.db.read_transaction() as tx:
            held = await posts.count_held(tx, source=flow.plan.source)
    wishes = [
        _describe_request(flow, one.sight.inputs, one.sight.page, action)
        for one in decided
        for action in one.actions
        if isinstance(action, CreateJob)
    ]
    asked = [wish for wish in wishes if wish["reason"] != "regenerate"]
    return {
        "name": flow.plan.source,
        "source": schema.title,
        "posts": len(pages),
        "held": held,
        "would_hold": 0 < flow.plan.approve_above < len(asked),
        "chain": [app.describe_price(flow, name) for name in flow.plan.chain],
        "cost": sum(wish["price"] for wish in wishes),
        "wishes": wishes,
    }


async def _load_schema_and_pages(
    flow: SourceContext, target: str, *, known: bool
) -> tuple[Schema, list[Page]]:
    state = None
    if known:
        async with flow.db.read_transaction() as tx:
            state = await posts.load_source_state(tx, flow.plan.source)
    info = await flow.door.resolve_source(
        target or (state.data_source if state else "")
    )
    schema = await flow.door.fetch_schema(info.id, state.columns if state else {})
    if schema.cannot_start:
        raise NoAccessError("; ".join(schema.problems))
    found: dict[str, Page] = {}
    position = None
    while True:
        window, position = await flow.door.fetch_page_batch(schema, after=position)
        found |= {page.id: page for page in window}
        if position is None:
            return schema, list(found.values())


def _describe_request(
    flow: SourceContext, inputs: Inputs, page: Page, start: CreateJob
) -> dict[str, Any]:
    first = flow.providers[flow.plan.chain[0]].traits
    price = first.price(megapixels_of(inputs.format)) * inputs.variants
    return {
        "page_id": page.id,
        "title": page.title,
        "reason": start.reason.value,
        "format": inputs.format,
        "images": inputs.variants,
        "price": price,
        "prompt": inputs.prompt,
    }


def _print_plan(out: Console, data: dict[str, Any]) -> None:
    wishes = data["wishes"]
    if wishes:
        made = context.make_table("POST", "WHY", "FORMAT", "IMAGES", "PRICE")
        lines = [
            [
                w["title"],
                w["reason"],
                w["format"],
                w["images"],
                format_dollars(w["price"]),
            ]
            for w in wishes[:_SHOWN]
        ]
        out.print(context.fill_table(made, lines))
    if len(wishes) > _SHOWN:
        out.print(f"... and {len(wishes) - _SHOWN} more")
    out.print(
        f"{len(wishes)} of {data['posts']} posts in '{data['source']}' want an image: "
        f"{format_dollars(data['cost'])} with {data['chain'][0]}",
        markup=False,
    )
    if data["would_hold"]:
        out.print(
            "more than posts.approve_above: none is made before `postbrush approve`"
        )
    if data["held"]:
        out.print(f"{data['held']} are held: `postbrush approve` makes them")
