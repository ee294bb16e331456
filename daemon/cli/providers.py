"""The commands `providers` and `providers reset`."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from daemon.cli import context, output
from daemon.cli.command_group import Json, make_app
from daemon.clock import utc_now
from daemon.context import SourceContext
from daemon.errors import SetupError
from daemon.formatting import format_dollars, format_service
from daemon.generation import provider_selection
from daemon.jobs import actions
from daemon.jobs.allowance import describe_allowance
from db.spending import SpendingTotals
from providers import KINDS
from providers.breaker_text import describe_breaker


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderStatus:
    """An image service or prompt writer; one that is not used has no numbers."""

    provider: str
    label: str = ""
    in_chain: bool = False
    writes_prompts: bool = False
    state: str
    description: str
    until: datetime | None = None
    message: str = ""
    price: float | None = None
    price_source: str = ""
    included: float = 0.0
    included_per: str = ""
    included_known: bool = False
    renews_at: datetime | None = None
    credits: str = ""
    calls: int = 0
    images: int = 0
    cost: float = 0.0
    included_used: float = 0.0


@dataclass(frozen=True, slots=True)
class ResetResult:
    """What `providers reset` has done."""

    provider: str
    was_paused: bool


providers = make_app(help="Show the image services: state, price and usage.")


@providers.callback()
def _run_without_subcommand(context: typer.Context, json: Json = False) -> None:
    if context.invoked_subcommand is None:
        asyncio.run(_show_providers(json=json))


@providers.command()
def reset(
    name: Annotated[str, typer.Argument(metavar="NAME")], json: Json = False
) -> None:
    """Clear a provider's error state and try it again now."""
    was_open, label = asyncio.run(_reset_breaker(name))
    result = "is available again." if was_open else "was not paused."
    output.print_result(
        ResetResult(name, was_open), json=json, human=f"{label} {result}"
    )


async def _reset_breaker(name: str) -> tuple[bool, str]:
    """Close a provider's breaker; return whether it was open, and its label.

    Raises:
        SetupError: The provider is not configured.
    """
    settings = context.load_settings()
    async with context.read_session(settings, missing_ok=True) as sources:
        services = sources.first.services
    if name not in services:
        raise SetupError(
            f"{name!r} is not a configured provider. The configured providers are: "
            f"{', '.join(services)}"
        )
    async with context.write_transaction(settings) as tx:
        was_open = await actions.reset_breaker(tx, name, utc_now())
    return was_open, services[name].traits.label


async def _show_providers(*, json: bool) -> None:
    settings = context.load_settings()
    async with context.read_transaction(settings) as (sources, tx):
        source = sources.first
        chain_state = await provider_selection.load_chain_state(tx, source)
    in_chain = {name for source in sources for name in source.chain}
    data = [
        describe_provider(source, chain_state, name, in_chain)
        for name in source.services
    ]
    absent = {
        name: settings.missing_requirement(name)
        or "not in the default chain; add it to the chain to use it"
        for name in [*KINDS, *settings.options.providers]
        if name not in source.providers
    }
    absent_data = [
        ProviderStatus(provider=name, state="absent", description=why)
        for name, why in absent.items()
    ]

    def print_all(out: Console) -> None:
        out.print(make_provider_table(data))
        for name, why in absent.items():
            out.print(f"{name}: not used, {why}", markup=False, style="dim")

    output.print_result([*data, *absent_data], json=json, human=print_all)


def describe_provider(
    source: SourceContext,
    chain_state: provider_selection.ChainState,
    name: str,
    in_chain: Collection[str],
) -> ProviderStatus:
    """Return state, price in dollars and this month's totals of a provider.

    Args:
        in_chain: Names of the providers that some chain contains.
    """
    traits = source.services[name].traits
    totals = chain_state.spending.by_provider.get(name, SpendingTotals())
    breaker, allowance = chain_state.breakers[name], chain_state.allowances[name]
    return ProviderStatus(
        provider=name,
        label=traits.label,
        in_chain=name in in_chain,
        writes_prompts=name in source.writers,
        state=breaker.state,
        description=describe_breaker(breaker, chain_state.now, source.app.clock.zone),
        until=breaker.until,
        message=breaker.message,
        price=source.price_of(name),
        price_source=traits.price_source,
        included=allowance.included,
        included_per=traits.included_per,
        included_known=allowance.is_known,
        renews_at=allowance.resets_at,
        credits=describe_allowance(
            traits, allowance, source.app.clock.zone, source.price_of(name)
        ),
        calls=totals.calls,
        images=totals.images,
        cost=totals.cost,
        included_used=allowance.used,
    )


def _describe_price(provider: ProviderStatus) -> str:
    price = format_dollars(provider.price or 0.0)
    # The price of a prompt is known once the writer has chosen its model.
    is_limit = provider.writes_prompts and provider.price
    return f"up to {price}" if is_limit else price


def _describe_role(provider: ProviderStatus) -> str:
    is_used = provider.in_chain or provider.writes_prompts
    return "" if is_used else " (not in the chain)"


def make_provider_table(data: Sequence[ProviderStatus]) -> Table:
    """Return a table of provider descriptions."""
    columns = (
        *("PROVIDER", "STATE", "PRICE", "INCLUDED", "CALLS", "IMAGES"),
        "THIS MONTH",
    )
    rows = [
        [
            format_service(provider.provider) + _describe_role(provider),
            provider.description,
            _describe_price(provider),
            provider.credits or ("" if provider.price else provider.price_source),
            provider.calls,
            provider.images,
            format_dollars(provider.cost, zero="$0.00"),
        ]
        for provider in data
    ]
    return output.make_table(columns, rows)
