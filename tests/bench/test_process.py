"""What a running daemon does without: all of it was in its memory once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.daemon.cli.desk import Daemon, desk

#: A command line, for nobody; what works once per upgrade; an ORM nothing is mapped
#: with; what only a card, a visitor, a monitor or a notification needs.
_WITHOUT = {
    "alembic",
    "apprise",
    "click",
    "fontTools",
    "jinja2",
    "mako",
    "prometheus_client",
    "pygments",
    "rich",
    "sqlalchemy.orm",
    "typer",
}
_IMPORT = re.compile(r"import time: +\d+ \| +\d+ \| +(\S+)")


def _imports(daemon: Daemon) -> list[str]:
    found = (_IMPORT.match(line) for line in daemon.raw)
    return [match.group(1) for match in found if match]


async def test_a_daemon_imports_nothing_it_can_do_without(tmp_path: Path) -> None:
    async with desk(tmp_path) as found:
        found.environ["POSTBRUSH_WEB__LISTEN"] = "127.0.0.1:0"
        async with found.daemon(PYTHONPROFILEIMPORTTIME="1") as daemon:
            page = found.add()
            await daemon.says("job.done")
            assert found.shows(page) == "Done"
            imports = _imports(daemon)
    assert "daemon.web.serve" in imports
    # What was looked for in vain is listed, too, but has no modules of its own.
    assert not [
        name for name in imports for other in _WITHOUT if name.startswith(f"{other}.")
    ]


@pytest.mark.long
async def test_after_an_upgrade_it_begins_again_without_alembic(tmp_path: Path) -> None:
    async with desk(tmp_path) as found:
        # With nothing in it, it is none yet.
        (tmp_path / "postbrush.db").touch()
        async with found.daemon(PYTHONPROFILEIMPORTTIME="1") as daemon:
            imports = _imports(daemon)
    began = [n for n, name in enumerate(imports) if name == "daemon.supervisor"]
    assert len(began) == 2
    assert "alembic.command" in imports
    assert "alembic.command" not in imports[began[1] :]
