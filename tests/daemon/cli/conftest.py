"""A desk of its own for every test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.cluster import cluster, on_postgres
from tests.daemon.cli.desk import Desk, desk, of_server


@pytest_asyncio.fixture(name="desk")
async def _desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk(tmp_path) as new_desk:
        if on_postgres():
            new_desk.environ["POSTBRUSH_DATABASE__URL"] = of_server(cluster().ready())
        yield new_desk
