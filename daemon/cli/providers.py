"""`providers`: the chain, its breakers in words, prices and money."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from rich.console import Console

from daemon.cli import desk
from daemon.flow import choose
from daemon.flow.context import Flow
from daemon.flow.money import dollars
from db.attempts import Sums
from providers import KINDS, telling


def show(*, json: bool) -> None:
    """Print one line per provider."""
    desk.finish(_show(json=json))


async def _show(*, json: bool) -> None:
    found = desk.settings()
    async with desk.looking(found) as flows, flows.first.db.reading() as tx:
        flow = flows.first
        situation = await choose.survey(tx, flow)
    asked = {name for one in flows for name in one.plan.chain}
    data = [describe(flow, situation, name, asked) for name in flow.providers]
    absent = {
        name: found.why_not(name) or "only when the chain names it"
        for name in [*KINDS, *found.providers]
        if name not in flow.providers
    }
    others = [
        {"provider": name, "in_chain": False, "state": "absent", "words": why}
        for name, why in absent.items()
    ]

    def human(out: Console) -> None:
        print_lines(out, data)
        for name, why in absent.items():
            out.print(f"{name}: not asked, {why}", markup=False, style="dim")

    desk.show([*data, *others], json=json, human=human)


def describe(
    flow: Flow, situation: choose.Situation, name: str, asked: Collection[str]
) -> dict[str, Any]:
    """Return everything worth knowing of a provider.

    Args:
        asked: The providers that some chain names.
    """
    traits = flow.providers[name].traits
    sums = situation.books.by_provider.get(name, Sums())
    state = situation.breakers[name]
    return {
        "provider": name,
        "label": traits.label,
        "in_chain": name in asked,
        "state": state.state,
        "words": telling.describe(state, situation.now, flow.clock.zone),
        "until": state.until,
        "message": state.message,
        "price": traits.price(1.1664),
        "price_source": traits.price_source,
        "included": traits.included,
        "included_per": traits.included_per,
        "calls": sums.calls,
        "images": sums.images,
        "cost": sums.cost,
        "covered": situation.books.covered(traits),
    }


def print_lines(out: Console, data: list[dict[str, Any]]) -> None:
    """Print them as a table."""
    made = desk.table(
        "PROVIDER", "STATE", "PRICE", "INCLUDED", "CALLS", "IMAGES", "THIS MONTH"
    )
    desk.rows(
        made,
        [
            [
                one["provider"] + ("" if one["in_chain"] else " (not in the chain)"),
                one["words"],
                dollars(one["price"]),
                _included(one),
                one["calls"],
                one["images"],
                dollars(one["cost"]) if one["calls"] else "",
            ]
            for one in data
        ],
    )
    out.print(made)


def _included(one: dict[str, Any]) -> str:
    if not one["included"]:
        return ""
    used, all_of_it = one["covered"], one["included"]
    return f"${used:.2f} of ${all_of_it:.2f} a {one['included_per']}"
