"""`providers`: the chain, its breakers in words, prices and money."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from rich.console import Console

from daemon.cli import context
from daemon.context import SourceContext
from daemon.generation import provider_selection
from daemon.jobs.budget import format_dollars
from db.attempts import SpendingTotals
from providers import KINDS, descriptions


def show_providers(*, json: bool) -> None:
    """Print one line per provider."""
    context.run_coroutine(_show_providers(json=json))


async def _show_providers(*, json: bool) -> None:
    found = context.load_settings()
    async with (
        context.read_session(found) as flows,
        flows.first.db.read_transaction() as tx,
    ):
        flow = flows.first
        situation = await provider_selection.load_chain_state(tx, flow)
    asked = {name for one in flows for name in one.plan.chain}
    data = [describe_provider(flow, situation, name, asked) for name in flow.providers]
    absent = {
        name: found.missing_requirement(name) or "only when the chain names it"
        for name in [*KINDS, *found.providers]
        if name not in flow.providers
    }
    others = [
        {"provider": name, "in_chain": False, "state": "absent", "words": why}
        for name, why in absent.items()
    ]

    def human(out: Console) -> None:
        print_providers(out, data)
        for name, why in absent.items():
            out.print(f"{name}: not asked, {why}", markup=False, style="dim")

    context.print_result([*data, *others], json=json, human=human)


def describe_provider(
    flow: SourceContext,
    situation: provider_selection.ChainState,
    name: str,
    asked: Collection[str],
) -> dict[str, Any]:
    """Return everything worth knowing of a provider.

    Args:
        asked: The providers that some chain names.
    """
    traits = flow.providers[name].traits
    sums = situation.books.by_provider.get(name, SpendingTotals())
    state = situation.breakers[name]
    return {
        "provider": name,
        "label": traits.label,
        "in_chain": name in asked,
        "state": state.state,
        "words": descriptions.describe_breaker(state, situation.now, flow.clock.zone),
        "until": state.until,
        "message": state.message,
        "price": traits.price(1.1664),
        "price_source": traits.price_source,
        "included": traits.included,
        "included_per": traits.included_per,
        "calls": sums.calls,
        "images": sums.images,
        "cost": sums.cost,
        "covered": situation.books.included_cost_of(traits),
    }


def print_providers(out: Console, data: list[dict[str, Any]]) -> None:
    """Print them as a table."""
    made = context.make_table(
        "PROVIDER", "STATE", "PRICE", "INCLUDED", "CALLS", "IMAGES", "THIS MONTH"
    )
    context.fill_table(
        made,
        [
            [
                one["provider"] + ("" if one["in_chain"] else " (not in the chain)"),
                one["words"],
                format_dollars(one["price"]),
                _format_included(one),
                one["calls"],
                one["images"],
                format_dollars(one["cost"]) if one["calls"] else "",
            ]
            for one in data
        ],
    )
    out.print(made)


def _format_included(one: dict[str, Any]) -> str:
    if not one["included"]:
        return ""
    used, all_of_it = one["covered"], one["included"]
    return f"${used:.2f} of ${all_of_it:.2f} a {one['included_per']}"
