"""`test`: one image with every configured provider."""

from __future__ import annotations

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
from daemon.config.formats import parse_format
from daemon.context import SourceContext
from daemon.generation import adhoc_image
from daemon.jobs import actions
from daemon.jobs.budget import format_dollars
from db import attempts
from db.models import ImageRecord

_TEXT = "A lighthouse on a cliff at dawn, seen from the sea"
_ASK_ABOVE = 0.01


def try_providers(*, provider: str | None, yes: bool, json: bool) -> None:
    """Make the images, and print a table of what came of it."""
    found = context.load_settings()
    own = first_source_settings(found)
    names = select_chain(own, provider) if provider else own.configured_providers()
    silence_log(found)
    results = context.run_coroutine(_try_all(found, names, yes=yes))

    def human(console: Console) -> None:
        made = context.make_table("PROVIDER", "RESULT", "COST", "TIME", "SIZE", "FILE")
        lines = [
            [
                one["provider"],
                one["result"],
                format_dollars(one["cost"]),
                f"{one['seconds']:.1f} s" if one["seconds"] else "",
                one["size"],
                one["file"],
            ]
            for one in results
        ]
        console.print(context.fill_table(made, lines))

    context.print_result(results, json=json, human=human)
    if any(one["result"] not in {"ok", "skipped"} for one in results):
        raise typer.Exit(1)


async def _try_all(
    found: Settings, names: tuple[str, ...], *, yes: bool
) -> list[dict[str, Any]]:
    async with prepared_context(found) as flows:
        flow = flows.first
        with graceful_interrupt(flow):
            results = [
                await _try_provider(flow, name, yes=yes)
                for name in names
                if not flow.stopping.is_set()
            ]
    await app.wake_daemon(found)
    return results


async def _try_provider(flow: SourceContext, name: str, *, yes: bool) -> dict[str, Any]:
    size = parse_format("square")
    price = flow.providers[name].traits.price(size.width * size.height / 1e6)
    answer: dict[str, Any] = {
        "provider": name,
        "cost": 0.0,
        "seconds": 0.0,
        "size": "",
        "file": "",
    }
    if price > _ASK_ABOVE and not yes and not _confirm_price(name, price):
        return answer | {"result": "skipped"}
    # A resting one is asked too: that is what a test is for.
    async with flow.db.write_transaction() as tx:
        await actions.reset_breaker(tx, name, utc_now())
    began, since = monotonic(), utc_now()
    with make_progress_bar() as bar:
        bar.add_task(f"asking {name}", total=None)
        made = await adhoc_image.generate_adhoc_image(
            flow, text=_TEXT, size=size, chain=(name,), number=1, seed=None
        )
    answer["seconds"] = monotonic() - began
    async with flow.db.read_transaction() as tx:
        sums = await attempts.totals_since(tx, since, provider=name)
    answer["cost"] = sums.cost + sums.covered
    if isinstance(made, ImageRecord):
        shape = f"{made.width}x{made.height}, {made.bytes // 1024} KB"
        path = flow.image_folder / made.name
        return answer | {"result": "ok", "size": shape, "file": str(path)}
    return answer | {"result": made.removeprefix(f"{name}: ")}


def _confirm_price(name: str, price: float) -> bool:
    if not sys.stdin.isatty():
        return False
    return typer.confirm(f"{name} costs {format_dollars(price)}. Ask it?", err=True)
