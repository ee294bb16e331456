"""Options every command knows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(slots=True)
class GlobalOptions:
    """Set once, before a command runs."""

    config: Path | None = None
    debug: bool = False


OPTIONS = GlobalOptions()
