"""`make bench`: measure everything, print one table, exit 1 when a bar is missed."""

from __future__ import annotations

import argparse
import importlib
import sys

from rich.console import Console

from daemon.clock import utc_now
from tests.bench.table import Figure, as_json, show

#: Of a table that goes into a file.
_WIDTH = 120
#: In the order of the table: modules of this folder that have `measure()`.
SECTIONS = (
    "counts",
    "backlog",
    "gestures",
    "work",
    "scale",
    "sweep",
    "process",
    "starts",
    "container",
    "card",
    "n8n",
    "fleet",
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--json", action="store_true", help="a record, on stdout")
    parser.add_argument(
        "sections", nargs="*", metavar="SECTION", help=", ".join(SECTIONS)
    )
    asked = parser.parse_args()
    if unknown := set(asked.sections) - set(SECTIONS):
        parser.error(f"no such section: {', '.join(unknown)}")
    figures: list[Figure] = []
    for name in asked.sections or SECTIONS:
        print(f"== {name}", file=sys.stderr, flush=True)  # noqa: T201 - it is a command
        figures += importlib.import_module(f"tests.bench.{name}").measure()
    if asked.json:
        print(as_json(figures, utc_now()))  # noqa: T201 - it is a command
    else:
        console = Console()
        show(figures, console if console.is_terminal else Console(width=_WIDTH))
    return 1 if any(one.holds is False for one in figures) else 0


if __name__ == "__main__":
    sys.exit(main())
