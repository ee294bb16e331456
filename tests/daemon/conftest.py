from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.daemon.house import House, house


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[House]:
    """A house in which the daemon has looked once at an empty database."""
    async with house(tmp_path) as made:
        await made.begin()
        yield made
