"""The command `test`: an image of every provider, a message to every address."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from time import monotonic
from typing import Annotated, Literal

import typer

from daemon import app
from daemon.cli import context, output
from daemon.cli.command_group import Json
from daemon.cli.generate import (
    first_source_settings,
    make_progress_bar,
    prepared_context,
    select_chain,
)
from daemon.clock import utc_now
from daemon.config import Settings
from daemon.config.addresses import NotifierAddress, host_of
from daemon.config.parsing import parse_format
from daemon.context import SourceContext
from daemon.errors import SetupError
from daemon.formatting import format_dollars, format_duration
from daemon.generation import adhoc_image
from daemon.generation.account_check import AccountSchedule
from daemon.jobs import actions
from daemon.service import notify as notify_service
from daemon.service import ping
from daemon.service.alerts import Message
from daemon.service.notify import SEND_SECONDS
from daemon.service.tasks import run_detached
from db import spending

_TEXT = "A lighthouse on a cliff at dawn, seen from the sea"
#: Dollars for an image above which the command asks first.
_ASK_ABOVE = 0.01
_MESSAGE = Message(
    title="a test", body="This is a test notification from postbrush.", level="success"
)
_SKIPPED_WHY = ": costs more than $0.01. Add --yes to generate it"
_UNKNOWN = "Apprise does not know this kind of address (the word in front of ://)"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderTest:
    """The result for one provider; without an image, the size is 0."""

    provider: str
    result: Literal["ok", "skipped", "failed"] = "ok"
    error: str = ""
    cost: float = 0.0
    seconds: float = 0.0
    width: int = 0
    height: int = 0
    bytes: int = 0
    file: str = ""


def test(
    provider: Annotated[
        str | None, typer.Option(help="Test only this provider.", metavar="NAME")
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not ask before images above $0.01.")
    ] = False,
    notify: Annotated[
        bool, typer.Option("--notify", help="Only send a test notification.")
    ] = False,
    json: Json = False,
) -> None:
    """Generate one image with every configured provider."""
    settings = context.load_settings()
    if notify:
        _send_test_notifications(settings, json=json)
        return
    first = first_source_settings(settings)
    names = select_chain(first, provider) if provider else first.configured_providers()
    context.silence_log(settings)
    results = asyncio.run(_try_all(settings, names, yes=yes))
    rows = [
        [
            result.provider,
            result.error or result.result + _SKIPPED_WHY * (result.result == "skipped"),
            format_dollars(result.cost),
            format_duration(result.seconds, "s") if result.seconds else "",
            _describe_size(result),
            result.file,
        ]
        for result in results
    ]
    columns = ("PROVIDER", "RESULT", "COST", "TIME", "SIZE", "FILE")
    output.print_result(results, json=json, human=output.make_table(columns, rows))
    if any(result.result == "failed" for result in results):
        raise typer.Exit(1)


def _describe_size(result: ProviderTest) -> str:
    if not result.bytes:
        return ""
    return f"{result.width}x{result.height}, {result.bytes // 1024} KB"


async def _try_all(
    settings: Settings, names: tuple[str, ...], *, yes: bool
) -> list[ProviderTest]:
    async with prepared_context(settings) as sources:
        source = sources.first
        await AccountSchedule(sources).refresh_all()
        with context.graceful_interrupt(source):
            results = [
                await _try_provider(source, name, yes=yes)
                for name in names
                if not source.app.signals.stopping.is_set()
            ]
    await app.wake_daemon(settings)
    return results


async def _try_provider(source: SourceContext, name: str, *, yes: bool) -> ProviderTest:
    size = parse_format("square")
    price, label = source.price_of(name, size), source.label_of(name)
    if price > _ASK_ABOVE and not yes and not _confirm_price(label, price):
        return ProviderTest(provider=name, result="skipped")
    # The test calls a provider even if its breaker is open.
    async with source.app.db.write_transaction() as tx:
        await actions.reset_breaker(tx, name, utc_now())
    began, since = monotonic(), utc_now()
    with make_progress_bar() as bar:
        bar.add_task(f"Generating with {label}", total=None)
        image = await adhoc_image.generate_adhoc_image(
            source, text=_TEXT, size=size, chain=(name,), number=1, seed=None
        )
    seconds = monotonic() - began
    async with source.app.db.read_transaction() as tx:
        totals = await spending.totals_since(tx, since, provider=name)
    result = ProviderTest(
        provider=name, cost=totals.cost + totals.included_cost, seconds=seconds
    )
    if isinstance(image, str):
        return replace(result, result="failed", error=image.removeprefix(f"{label}: "))
    return replace(
        result,
        width=image.width,
        height=image.height,
        bytes=image.bytes,
        file=str(source.app.image_folder / image.name),
    )


def _confirm_price(label: str, price: float) -> bool:
    if not sys.stdin.isatty():
        return False
    return typer.confirm(
        f"An image from {label} costs {format_dollars(price)}. Generate it?", err=True
    )


@dataclass(frozen=True, slots=True)
class NotificationResult:
    """The result for one address; an empty `wrong` means success."""

    where: str
    wrong: str = ""


def _send_test_notifications(settings: Settings, *, json: bool) -> None:
    """Send a test message to each address; exit with 1 if one fails."""
    if not settings.list_notifiers() and not settings.options.notify.ping:
        raise SetupError(
            "Notifications are off. Set notify.urls, NOTIFY_URLS or notify.ping"
        )
    context.silence_log(settings)
    results = asyncio.run(_send_test(settings))
    rows = [
        ["✗" if result.wrong else "✓", result.where, result.wrong or "sent"]
        for result in results
    ]
    output.print_result(
        results, json=json, human=output.make_table(("", "WHERE", "RESULT"), rows)
    )
    if any(result.wrong for result in results):
        raise typer.Exit(1)


async def _send_test(settings: Settings) -> list[NotificationResult]:
    results = await notify_all(settings, _MESSAGE)
    if address := settings.options.notify.ping:
        where = f"ping {host_of(address.get_secret_value())}"
        results.append(
            NotificationResult(where, await ping.fetch_address(address) or "")
        )
    return results


async def notify_all(settings: Settings, message: Message) -> list[NotificationResult]:
    """Send *message* to each address and return the results."""
    return [
        NotificationResult(address.place, await _find_problem(address, message))
        for address in settings.list_notifiers()
    ]


async def check_addresses(settings: Settings) -> AsyncIterator[NotificationResult]:
    """Yield a result for each address and the ping, without sending anything."""
    for address in settings.list_notifiers():
        yield NotificationResult(address.place, await _find_problem(address, None))
    if settings.options.notify.ping:
        yield NotificationResult(
            f"ping {host_of(settings.options.notify.ping.get_secret_value())}"
        )


async def _find_problem(address: NotifierAddress, message: Message | None) -> str:
    """Return what is wrong with an address, "" if nothing is.

    Args:
        message: Message to send; None only checks whether Apprise knows the address.
    """

    def try_address() -> str:
        target = notify_service.open_target(address.url)
        if not target.known:
            return _UNKNOWN
        if message is not None and not target.send(message):
            return "the service rejected the message. Check every part of the address"
        return ""

    try:
        return await run_detached(try_address, seconds=SEND_SECONDS)
    # The message of the error is left out: it may contain the address.
    except Exception as error:  # noqa: BLE001 - Apprise plugins raise anything
        return f"the address cannot be used ({type(error).__name__})"
