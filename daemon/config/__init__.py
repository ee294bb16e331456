"""The configuration: reading, validation, and the origin of every value."""

from __future__ import annotations

from daemon.config.display import example_text, list_origins
from daemon.config.load import load_settings, load_text, secrets_path
from daemon.config.settings import Settings

__all__ = [
    "Settings",
    "example_text",
    "list_origins",
    "load_settings",
    "load_text",
    "secrets_path",
]
