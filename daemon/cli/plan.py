"""The command `plan`: the requests of now, and their price; writes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console

from daemon import app
from daemon.cli import context, output
from daemon.cli.command_group import Json, Source
from daemon.config import Settings
from daemon.context import SourceContext
from daemon.formatting import format_cents, format_count, format_dollars
from daemon.generation.chain_input import read_image_spec
from daemon.jobs.prompt import Inputs
from daemon.notion.errors import NoAccessError
from daemon.notion.model import Page, Schema
from daemon.sync.page_plan import plan_dry_run
from daemon.sync.plan_values import CreateJob
from db import posts, source_state, upgrade
from db.models import SourceState

_SHOWN = 30
_CENT = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRequest:
    """A request that would be queued now; `cost` in US dollars."""

    page_id: str
    title: str
    reason: str
    format: str
    images: int
    cost: float
    prompt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcePlan:
    """What would be generated now for one source."""

    source: str
    database: str
    posts: int
    waiting_for_approval: int
    needs_approval: bool
    prices: Sequence[str]
    cost: float
    requests: Sequence[PlannedRequest]


def plan(source: Source = None, json: Json = False) -> None:
    """Show which images would be generated now, at what cost."""
    settings = context.load_settings(source)
    app.require_notion_token(settings)
    context.silence_log(settings)
    plans = asyncio.run(plan_all_sources(settings))

    def print_plans(out: Console) -> None:
        for source_plan in plans:
            _print_plan(out, source_plan)

    output.print_result(plans, json=json, human=print_plans)


async def plan_all_sources(settings: Settings) -> list[SourcePlan]:
    """Return the plan of each source; writes nothing."""
    exists = upgrade.database_exists(app.database_backend(settings))
    async with context.read_session(settings, missing_ok=True) as sources:
        return [await _plan_one_source(source, exists=exists) for source in sources]


async def _plan_one_source(source: SourceContext, *, exists: bool) -> SourcePlan:
    state: SourceState | None = None
    waiting = 0
    if exists:
        async with source.app.db.read_transaction() as tx:
            state = await source_state.load_source_state(tx, source.name)
            waiting = await posts.count_held(tx, source=source.name)
    schema, pages = await _load_schema_and_pages(source, state)
    page_plans = await plan_dry_run(source, pages, has_database=exists)
    requests = [
        _describe_request(source, page_plan.sight.inputs, page_plan.sight.page, action)
        for page_plan in page_plans
        for action in page_plan.actions
        if isinstance(action, CreateJob)
    ]
    automatic = [request for request in requests if request.reason != "regenerate"]
    return SourcePlan(
        source=source.name,
        database=schema.title,
        posts=len(pages),
        waiting_for_approval=waiting,
        needs_approval=0 < source.options.posts.approve_above < len(automatic),
        prices=[app.describe_price(source, name) for name in source.chain],
        cost=sum(request.cost for request in requests),
        requests=requests,
    )


async def _load_schema_and_pages(
    source: SourceContext, state: SourceState | None
) -> tuple[Schema, list[Page]]:
    stored = state.data_source if state else ""
    info = await source.notion.resolve_source(
        source.options.notion.data_source or stored
    )
    schema = await source.notion.fetch_schema(info.id, state.columns if state else {})
    if schema.cannot_start:
        raise NoAccessError(". ".join(schema.problems))
    pages = {
        page.id: page
        async for batch, _has_more in source.notion.iterate_page_batches(schema)
        for page in batch
    }
    return schema, list(pages.values())


def _describe_request(
    source: SourceContext, inputs: Inputs, page: Page, action: CreateJob
) -> PlannedRequest:
    image = read_image_spec(inputs.to_dict(), page.id)
    price = source.price_of(source.chain[0], image.size) if image.has_size else 0.0
    return PlannedRequest(
        page_id=page.id,
        title=page.title,
        reason=action.reason.value,
        format=inputs.format,
        images=inputs.variants,
        cost=price * inputs.variants,
        prompt=inputs.prompt,
    )


def _print_plan(out: Console, plan: SourcePlan) -> None:
    requests = plan.requests
    if requests:
        rows = [
            [
                *(request.title, request.reason, request.format, request.images),
                format_dollars(request.cost),
            ]
            for request in requests[:_SHOWN]
        ]
        columns = ("POST", "WHY", "FORMAT", "IMAGES", "PRICE")
        out.print(output.make_table(columns, rows))
    if len(requests) > _SHOWN:
        out.print(f"... and {len(requests) - _SHOWN} more")
    out.print(summarize_plan(plan), markup=False)
    if plan.needs_approval:
        out.print(
            "That is above the limit posts.approve_above: none will be generated until "
            "you run `postbrush approve`."
        )
    if plan.waiting_for_approval:
        waiting = format_count(plan.waiting_for_approval, "post")
        out.print(
            f"{waiting} waiting for approval: run `postbrush approve` to generate them."
        )


def summarize_plan(plan: SourcePlan) -> str:
    """Return how many images would be generated now, and what they would cost."""
    posts = f"{format_count(plan.posts, 'post')} in '{plan.database}'"
    if not plan.posts:
        return f"No posts yet in '{plan.database}'."
    if not plan.requests:
        return f"{posts}; none of them needs an image now."
    images = format_count(sum(request.images for request in plan.requests), "image")
    return f"{posts}; {images} would be generated now. {_describe_estimate(plan.cost)}"


def _describe_estimate(cost: float) -> str:
    """Return the sentence about the cost of some images in dollars."""
    amount = format_cents(cost) if cost >= _CENT else "less than $0.01"
    return f"Estimated cost: {amount}." if cost else "There is no charge."
