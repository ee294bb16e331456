"""Tests of the notification addresses for `check` and `test --notify`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass

import typer
from rich.console import Console

from daemon.cli import context
from daemon.cli.generate import silence_log
from daemon.config import Settings
from daemon.config.addresses import NotifierAddress, host_of
from daemon.errors import SetupError
from daemon.service import notify, ping
from daemon.service.alerts import Message
from daemon.service.notify import SEND_SECONDS
from daemon.service.tasks import run_detached

_MESSAGE = Message(
    title="a test",
    body="This is what it looks like when postbrush has something to tell you.",
    level="success",
)
UNKNOWN = "it is no address that Apprise knows: its first word says which service it is"


@dataclass(frozen=True, slots=True)
class NotificationResult:
    """The result for one address; an empty `wrong` means success."""

    where: str
    wrong: str = ""


async def find_address_problem(
    address: NotifierAddress, message: Message | None
) -> str:
    """Return what is wrong with an address, "" if nothing is.

    Args:
        message: Message to send; None only checks whether Apprise knows the address.
    """

    def try_address() -> str:
        target = notify.open_target(address.url)
        if not target.known:
            return UNKNOWN
        if message is not None and not target.send(message):
            return "it does not take the message: is every part of it right?"
        return ""

    try:
        return await run_detached(try_address, seconds=SEND_SECONDS)
    # The message of the error is left out: it may contain the address.
    except Exception as error:  # noqa: BLE001 - Apprise plugins raise anything
        return f"it cannot be used ({type(error).__name__})"


async def check_addresses(settings: Settings) -> AsyncIterator[NotificationResult]:
    """Yield a result for each address and the ping, without sending anything."""
    for address in settings.list_notifiers():
        yield NotificationResult(
            address.place, await find_address_problem(address, None)
        )
    if settings.options.notify.ping:
        yield NotificationResult(
            f"ping {host_of(settings.options.notify.ping.get_secret_value())}"
        )


def send_test_notifications(*, json: bool) -> None:
    """Send a test message to each address; exit with 1 if one fails."""
    settings = context.load_settings()
    if not settings.list_notifiers() and not settings.options.notify.ping:
        raise SetupError(
            "nobody is told anything yet: set notify.urls, NOTIFY_URLS or notify.ping"
        )
    silence_log(settings)
    results = asyncio.run(_send_test(settings))

    def print_table(out: Console) -> None:
        rows = [
            ["✗" if result.wrong else "✓", result.where, result.wrong or "sent"]
            for result in results
        ]
        out.print(context.make_table(("", "WHERE", "RESULT"), rows))

    context.print_result(
        [asdict(result) for result in results], json=json, human=print_table
    )
    if any(result.wrong for result in results):
        raise typer.Exit(1)


async def notify_all(settings: Settings, message: Message) -> list[NotificationResult]:
    """Send *message* to each address and return the results."""
    return [
        NotificationResult(address.place, await find_address_problem(address, message))
        for address in settings.list_notifiers()
    ]


async def _send_test(settings: Settings) -> list[NotificationResult]:
    results = await notify_all(settings, _MESSAGE)
    if address := settings.options.notify.ping:
        where = f"ping {host_of(address.get_secret_value())}"
        results.append(
            NotificationResult(where, await ping.fetch_address(address) or "")
        )
    return results
