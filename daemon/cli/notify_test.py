"""Notifications, tried by hand: `check` opens each address, `test --notify` sends."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass

import typer
from rich.console import Console

from daemon.cli import context
from daemon.cli.generate import silence_log
from daemon.config import Settings
from daemon.config.addresses import NotifierAddress, host_of
from daemon.errors import SetupError
from daemon.service import apprise_adapter, ping
from daemon.service.alerts import Message
from daemon.service.detached_thread import run_detached
from daemon.service.notify import SEND_SECONDS

_MESSAGE = Message(
    title="a test",
    body="This is what it looks like when postbrush has something to tell you.",
    level="success",
)
UNKNOWN = "it is no address that Apprise knows: its first word says which service it is"


@dataclass(frozen=True, slots=True)
class NotificationResult:
    """What came of one address; `wrong` is empty when it took the message."""

    where: str
    wrong: str = ""


async def find_address_problem(
    address: NotifierAddress, message: Message | None
) -> str:
    """Say what is wrong with an address, or nothing.

    Args:
        message: Sent to it; None: only look whether Apprise knows it.
    """

    def work() -> str:
        found = apprise_adapter.open_target(address.url)
        if not found.known:
            return UNKNOWN
        if message is not None and not found.send(message):
            return "it does not take the message: is every part of it right?"
        return ""

    try:
        return await run_detached(work, seconds=SEND_SECONDS)
    # Its words may hold the address.
    except Exception as error:  # noqa: BLE001 - the same
        return f"it cannot be used ({type(error).__name__})"


async def check_addresses(found: Settings) -> AsyncIterator[NotificationResult]:
    """Yield one line for every address, and one for the ping; nothing is sent."""
    for address in found.list_notifiers():
        yield NotificationResult(
            address.place, await find_address_problem(address, None)
        )
    if found.notify.ping:
        yield NotificationResult(
            f"ping {host_of(found.notify.ping.get_secret_value())}"
        )


def send_test_notifications(*, json: bool) -> None:
    """Send one message to each address; exit 1 when one did not take it."""
    found = context.load_settings()
    if not found.list_notifiers() and not found.notify.ping:
        raise SetupError(
            "nobody is told anything yet: set notify.urls, NOTIFY_URLS or notify.ping"
        )
    silence_log(found)
    results = context.run_coroutine(_send_test(found))

    def human(out: Console) -> None:
        made = context.make_table("", "WHERE", "RESULT")
        lines = [
            ["✗" if one.wrong else "✓", one.where, one.wrong or "sent"]
            for one in results
        ]
        out.print(context.fill_table(made, lines))

    context.print_result([asdict(one) for one in results], json=json, human=human)
    if any(one.wrong for one in results):
        raise typer.Exit(1)


async def notify_all(found: Settings, message: Message) -> list[NotificationResult]:
    """Send a message to every address, now."""
    return [
        NotificationResult(address.place, await find_address_problem(address, message))
        for address in found.list_notifiers()
    ]


async def _send_test(found: Settings) -> list[NotificationResult]:
    results = await notify_all(found, _MESSAGE)
    if address := found.notify.ping:
        where = f"ping {host_of(address.get_secret_value())}"
        results.append(
            NotificationResult(where, await ping.fetch_address(address) or "")
        )
    return results
