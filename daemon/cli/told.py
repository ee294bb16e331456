"""Notifications, tried by hand: `check` opens each address, `test --notify` sends."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass

import typer
from rich.console import Console

from daemon.cli import desk
from daemon.cli.generate import quiet
from daemon.config import Settings
from daemon.config.addresses import Address, host
from daemon.errors import SetupError
from daemon.service import apprises, ping
from daemon.service.alerts import Message
from daemon.service.aside import aside
from daemon.service.notify import SECONDS

_MESSAGE = Message(
    title="a test",
    body="This is what it looks like when postbrush has something to tell you.",
    level="success",
)
UNKNOWN = "it is no address that Apprise knows: its first word says which service it is"


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one address; `wrong` is empty when it took the message."""

    where: str
    wrong: str = ""


async def wrong_with(address: Address, message: Message | None) -> str:
    """Say what is wrong with an address, or nothing.

    Args:
        message: Sent to it; None: only look whether Apprise knows it.
    """

    def work() -> str:
        found = apprises.outlet(address.url)
        if not found.known:
            return UNKNOWN
        if message is not None and not found.send(message):
            return "it does not take the message: is every part of it right?"
        return ""

    try:
        return await aside(work, seconds=SECONDS)
    # Its words may hold the address.
    except Exception as error:  # noqa: BLE001 - the same
        return f"it cannot be used ({type(error).__name__})"


async def findings(found: Settings) -> AsyncIterator[Result]:
    """Yield one line for every address, and one for the ping; nothing is sent."""
    for address in found.notifiers():
        yield Result(address.place, await wrong_with(address, None))
    if found.notify.ping:
        yield Result(f"ping {host(found.notify.ping.get_secret_value())}")


def test(*, json: bool) -> None:
    """Send one message to each address; exit 1 when one did not take it."""
    found = desk.settings()
    if not found.notifiers() and not found.notify.ping:
        raise SetupError(
            "nobody is told anything yet: set notify.urls, NOTIFY_URLS or notify.ping"
        )
    quiet(found)
    results = desk.finish(_sent(found))

    def human(out: Console) -> None:
        made = desk.table("", "WHERE", "RESULT")
        lines = [
            ["✗" if one.wrong else "✓", one.where, one.wrong or "sent"]
            for one in results
        ]
        out.print(desk.rows(made, lines))

    desk.show([asdict(one) for one in results], json=json, human=human)
    if any(one.wrong for one in results):
        raise typer.Exit(1)


async def tell(found: Settings, message: Message) -> list[Result]:
    """Send a message to every address, now."""
    return [
        Result(address.place, await wrong_with(address, message))
        for address in found.notifiers()
    ]


async def _sent(found: Settings) -> list[Result]:
    results = await tell(found, _MESSAGE)
    if address := found.notify.ping:
        where = f"ping {host(address.get_secret_value())}"
        results.append(Result(where, await ping.fetch(address) or ""))
    return results
