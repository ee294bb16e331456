"""The command `providers`: states, prices and costs of the providers."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any

from rich.console import Console

from daemon.cli import context
from daemon.context import SourceContext
from daemon.formatting import format_dollars, format_spending
from daemon.generation import provider_selection
from db.attempts import SpendingTotals
from providers import KINDS
from providers.breaker import describe_breaker


def show_providers(*, json: bool) -> None:
    """Print one line per provider."""
    asyncio.run(_show_providers(json=json))


async def _show_providers(*, json: bool) -> None:
    settings = context.load_settings()
    async with (
        context.read_session(settings) as sources,
        sources.app.db.read_transaction() as tx,
    ):
        source = sources.first
        chain_state = await provider_selection.load_chain_state(tx, source)
    in_chain = {name for source in sources for name in source.chain}
    data = [
        describe_provider(source, chain_state, name, in_chain)
        for name in source.providers
    ]
    absent = {
        name: settings.missing_requirement(name) or "only when the chain names it"
        for name in [*KINDS, *settings.options.providers]
        if name not in source.providers
    }
    absent_data = [
        {"provider": name, "in_chain": False, "state": "absent", "words": why}
        for name, why in absent.items()
    ]

    def print_all(out: Console) -> None:
        print_providers(out, data)
        for name, why in absent.items():
            out.print(f"{name}: not asked, {why}", markup=False, style="dim")

    context.print_result([*data, *absent_data], json=json, human=print_all)


def describe_provider(
    source: SourceContext,
    chain_state: provider_selection.ChainState,
    name: str,
    in_chain: Collection[str],
) -> dict[str, Any]:
    """Return state, price in dollars and this month's totals of a provider.

    Args:
        in_chain: Names of the providers that some chain contains.
    """
    traits = source.providers[name].traits
    totals = chain_state.spending.by_provider.get(name, SpendingTotals())
    breaker = chain_state.breakers[name]
    return {
        "provider": name,
        "label": traits.label,
        "in_chain": name in in_chain,
        "state": breaker.state,
        "words": describe_breaker(breaker, chain_state.now, source.app.clock.zone),
        "until": breaker.until,
        "message": breaker.message,
        "price": traits.price(1.1664),
        "price_source": traits.price_source,
        "included": traits.included,
        "included_per": traits.included_per,
        "calls": totals.calls,
        "images": totals.images,
        "cost": totals.cost,
        "covered": chain_state.spending.included_cost_of(traits),
    }


def print_providers(out: Console, data: list[dict[str, Any]]) -> None:
    """Print provider descriptions as a table."""
    columns = ("PROVIDER", "STATE", "PRICE", "INCLUDED", "CALLS", "IMAGES")
    rows = [
        [
            provider["provider"]
            + ("" if provider["in_chain"] else " (not in the chain)"),
            provider["words"],
            format_dollars(provider["price"]),
            _format_included(provider),
            provider["calls"],
            provider["images"],
            format_dollars(provider["cost"]) if provider["calls"] else "",
        ]
        for provider in data
    ]
    out.print(context.make_table((*columns, "THIS MONTH"), rows))


def _format_included(provider: dict[str, Any]) -> str:
    if not provider["included"]:
        return ""
    used, included = provider["covered"], provider["included"]
    return f"{format_spending(used, included)} a {provider['included_per']}"
