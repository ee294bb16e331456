"""The command `config`: every setting with its origin, or an example file."""

from __future__ import annotations

import sys

from rich.console import Console

from daemon import config
from daemon.cli import context


def show_settings(*, example: bool, json: bool) -> None:
    """Print the current settings, or an example of postbrush.toml."""
    if example:
        sys.stdout.write(config.example_text())
        return
    origins = config.list_origins(context.load_settings())
    data = [
        {"key": key, "value": value, "from": origin} for key, value, origin in origins
    ]

    def print_table(out: Console) -> None:
        out.print(context.make_table(("KEY", "VALUE", "FROM"), origins))

    context.print_result(data, json=json, human=print_table)
