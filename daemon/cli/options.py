"""Options every command knows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print data instead of a table.")]


@dataclass(slots=True)
class Options:
    """Set once, before a command runs."""

    config: Path | None = None
    debug: bool = False


OPTIONS = Options()
