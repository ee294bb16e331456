"""A parlour of its own for every test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
import structlog

from daemon.pretend.server import FakeServer
from tests.daemon.cli.setup.parlour import Parlour
from tests.daemon.house import MovingClock


@pytest_asyncio.fixture(name="parlour")
async def _parlour(tmp_path: Path) -> AsyncIterator[Parlour]:
    clock = MovingClock()
    town = FakeServer(now=clock.now)
    town.workspace.requests_per_minute = None
    town.source.shared = False
    town.source = town.workspace.add_database(
        "Mine", {"Name": "title", "Status": ("status", "Draft", "Waiting")}
    )
    async with town:
        yield Parlour(tmp_path, town, clock)
    structlog.reset_defaults()
