"""The configuration: where it is read from, what it may say, what is wrong with it."""

from __future__ import annotations

from daemon.config.example import example
from daemon.config.load import load, load_text, secrets_path
from daemon.config.origins import origins
from daemon.config.settings import Settings

__all__ = ["Settings", "example", "load", "load_text", "origins", "secrets_path"]
