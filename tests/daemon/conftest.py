from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.daemon.house import TRUSTED, House, house
from tests.daemon.imaging.store.server import Shop, bucket, rclone


@pytest.fixture(autouse=True)
def _trusts_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(TRUSTED))


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[House]:
    """A house in which the daemon has looked once at an empty database."""
    async with house(tmp_path) as made:
        await made.begin()
        yield made


@pytest.fixture(scope="session")
def _served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, int]]:
    folder = tmp_path_factory.mktemp("served")
    with rclone(folder) as port:
        yield folder, port


@pytest.fixture
def shop(_served: tuple[Path, int]) -> Iterator[Shop]:
    """An empty bucket on a real server."""
    with bucket(*_served) as made:
        yield made
