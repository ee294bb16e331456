"""Every promise of this package is kept on both databases."""

from __future__ import annotations

from pathlib import Path

import pytest

from db import upgrade
from db.backend import Backend
from db.sqlite import Sqlite
from tests.cluster import cluster


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Backend:
    """A database with all tables, all of them empty."""
    if request.param == "postgres":
        return cluster().ready()
    made = Sqlite(tmp_path / "some.db")
    upgrade.upgrade_schema(made)
    return made
