from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon.store.server import Shop, bucket, rclone


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
