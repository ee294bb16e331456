from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.daemon.house import TRUSTED, House, house


@pytest.fixture(autouse=True)
def _trusts_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(TRUSTED))


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[House]:
    """A house in which the daemon has looked once at an empty database."""
    async with house(tmp_path) as made:
        await made.begin()
        yield made
