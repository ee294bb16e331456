"""`config`: every value and where it comes from, and the example."""

from __future__ import annotations

import sys

from rich.console import Console

from daemon import config
from daemon.cli import desk


def show_settings(*, example: bool, json: bool) -> None:
    """Print the configuration in force, or an example of one."""
    if example:
        sys.stdout.write(config.example_text())
        return
    found = config.list_origins(desk.load_settings())
    data = [
        {"key": key, "value": value, "from": origin} for key, value, origin in found
    ]

    def human(out: Console) -> None:
        out.print(desk.fill_table(desk.make_table("KEY", "VALUE", "FROM"), found))

    desk.print_result(data, json=json, human=human)
