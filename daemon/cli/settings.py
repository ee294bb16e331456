"""`config`: every value and where it comes from, and the example."""

from __future__ import annotations

import sys

from rich.console import Console

from daemon import config
from daemon.cli import desk


def show(*, example: bool, json: bool) -> None:
    """Print the configuration in force, or an example of one."""
    if example:
        sys.stdout.write(config.example())
        return
    found = config.origins(desk.settings())
    data = [
        {"key": key, "value": value, "from": origin} for key, value, origin in found
    ]

    def human(out: Console) -> None:
        out.print(desk.rows(desk.table("KEY", "VALUE", "FROM"), found))

    desk.show(data, json=json, human=human)
