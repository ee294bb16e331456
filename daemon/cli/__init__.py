"""The command line, and the options that all of its commands have."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(slots=True)
class GlobalOptions:
    """Values of --config and --debug, set before a command runs."""

    config: Path | None = None
    debug: bool = False


OPTIONS = GlobalOptions()
