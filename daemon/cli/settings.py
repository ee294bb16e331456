"""`config`: every value and where it comes from, and the example."""

from __future__ import annotations

import sys

from rich.console import Console

from daemon import config
from daemon.cli import context


def show_settings(*, example: bool, json: bool) -> None:
    """Print the configuration in force, or an example of one."""
    if example:
        sys.stdout.write(config.example_text())
        return
    found = config.list_origins(context.load_settings())
    data = [
        {"key": key, "value": value, "from": origin} for key, value, origin in found
    ]

    def human(out: Console) -> None:
        out.print(context.fill_table(context.make_table("KEY", "VALUE", "FROM"), found))

    context.print_result(data, json=json, human=human)
