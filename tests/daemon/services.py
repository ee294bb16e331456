"""A house whose chain begins with one service, for the tests of all of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from daemon.pretend.server import FakeServer
from providers import KINDS
from tests.daemon.house import House, MovingClock, house
from tests.providers.fakes import Fake


def toml_for(kind: str, fake: Fake) -> str:
    """Return a configuration whose chain begins with *kind*, at *fake*."""
    lines = [
        f"chain = ['{kind}', 'freeapi']",
        f"[providers.{kind}]",
        f"base_url = '{fake.url}{fake.prefix}'",
    ]
    if kind in {"flux", "space"}:
        lines.append(f"hub_url = '{fake.url}'")
    if kind == "runpod":
        lines.append("endpoint = 'my-endpoint'")
    return "\n".join(lines) + "\n"


def keys_for(kind: str, fake: Fake) -> dict[str, str]:
    """Return the variables a provider's key is read from."""
    provider = KINDS[kind]
    tokens, account = provider.token_variables, provider.account_variable
    keys = {tokens[0]: fake.token} if tokens else {}
    return keys | ({account: "acc"} if account else {})


@asynccontextmanager
async def house_with(
    folder: Path,
    kind: str,
    fake: Fake,
    town: FakeServer | None = None,
    clock: MovingClock | None = None,
) -> AsyncIterator[House]:
    """Open a house whose chain is one service and the card."""
    # What the house sets for its own pretend Hugging Face gives way.
    environ = keys_for(kind, fake)
    if kind in {"flux", "space"}:
        name = f"POSTBRUSH_PROVIDERS__{kind.upper()}"
        environ |= {
            f"{name}__BASE_URL": f"{fake.url}{fake.prefix}",
            f"{name}__HUB_URL": fake.url,
        }
    async with house(
        folder,
        toml=toml_for(kind, fake),
        hugging=False,
        environ=environ,
        town=town,
        clock=clock,
    ) as home:
        await home.begin()
        yield home
