"""The command `test`: one image with every configured provider."""

from __future__ import annotations

import asyncio
import sys
from time import monotonic
from typing import Any

import typer
from rich.console import Console

from daemon import app
from daemon.cli import context
from daemon.cli.generate import (
    first_source_settings,
    make_progress_bar,
    prepared_context,
    select_chain,
    silence_log,
)
from daemon.cli.signals import graceful_interrupt
from daemon.clock import utc_now
from daemon.config import Settings
from daemon.config.parsing import parse_format
from daemon.context import SourceContext
from daemon.formatting import format_dollars, format_duration
from daemon.generation import adhoc_image
from daemon.jobs import actions
from db import attempts
from db.models import ImageRecord

_TEXT = "A lighthouse on a cliff at dawn, seen from the sea"
#: Dollars for an image above which the command asks first.
_ASK_ABOVE = 0.01


def try_providers(*, provider: str | None, yes: bool, json: bool) -> None:
    """Generate one image with each provider, or with *provider* alone.

    Prints the results and exits with 1 if a provider fails.

    Args:
        yes: Whether to skip the question above $0.01.
    """
    settings = context.load_settings()
    first = first_source_settings(settings)
    names = select_chain(first, provider) if provider else first.configured_providers()
    silence_log(settings)
    results = asyncio.run(_try_all(settings, names, yes=yes))

    def print_table(console: Console) -> None:
        rows = [
            [
                result["provider"],
                result["result"],
                format_dollars(result["cost"]),
                format_duration(result["seconds"], "s") if result["seconds"] else "",
                result["size"],
                result["file"],
            ]
            for result in results
        ]
        columns = ("PROVIDER", "RESULT", "COST", "TIME", "SIZE", "FILE")
        console.print(context.make_table(columns, rows))

    context.print_result(results, json=json, human=print_table)
    if any(result["result"] not in {"ok", "skipped"} for result in results):
        raise typer.Exit(1)


async def _try_all(
    settings: Settings, names: tuple[str, ...], *, yes: bool
) -> list[dict[str, Any]]:
    async with prepared_context(settings) as sources:
        source = sources.first
        with graceful_interrupt(source):
            results = [
                await _try_provider(source, name, yes=yes)
                for name in names
                if not source.app.signals.stopping.is_set()
            ]
    await app.wake_daemon(settings)
    return results


async def _try_provider(
    source: SourceContext, name: str, *, yes: bool
) -> dict[str, Any]:
    size = parse_format("square")
    price = source.providers[name].traits.price(size.width * size.height / 1e6)
    result: dict[str, Any] = {
        "provider": name,
        "cost": 0.0,
        "seconds": 0.0,
        "size": "",
        "file": "",
    }
    if price > _ASK_ABOVE and not yes and not _confirm_price(name, price):
        return result | {"result": "skipped"}
    # The test calls a provider even if its breaker is open.
    async with source.app.db.write_transaction() as tx:
        await actions.reset_breaker(tx, name, utc_now())
    began, since = monotonic(), utc_now()
    with make_progress_bar() as bar:
        bar.add_task(f"asking {name}", total=None)
        image = await adhoc_image.generate_adhoc_image(
            source, text=_TEXT, size=size, chain=(name,), number=1, seed=None
        )
    result["seconds"] = monotonic() - began
    async with source.app.db.read_transaction() as tx:
        totals = await attempts.totals_since(tx, since, provider=name)
    result["cost"] = totals.cost + totals.covered
    if isinstance(image, ImageRecord):
        dimensions = f"{image.width}x{image.height}, {image.bytes // 1024} KB"
        path = source.app.image_folder / image.name
        return result | {"result": "ok", "size": dimensions, "file": str(path)}
    return result | {"result": image.removeprefix(f"{name}: ")}


def _confirm_price(name: str, price: float) -> bool:
    if not sys.stdin.isatty():
        return False
    return typer.confirm(f"{name} costs {format_dollars(price)}. Ask it?", err=True)
