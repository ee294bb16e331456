"""Reads the configuration and starts the log for a command."""

from __future__ import annotations

import os
from pathlib import Path

import structlog

from daemon import config
from daemon.cli.global_options import OPTIONS
from daemon.config import Settings
from daemon.errors import SetupError
from daemon.service import log


def read_configuration() -> Settings:
    """Read the configuration; ConfigError, or SetupError in a deleted folder."""
    try:
        cwd = Path.cwd()
    except OSError:
        raise SetupError("the folder you are in is gone: go to another") from None
    return config.load_settings(OPTIONS.config, os.environ, cwd)


def start_log(settings: Settings) -> None:
    """Configure the log as the daemon does, and warn about exposed secrets."""
    log.configure(
        settings.options.log.level,
        settings.options.log.format,
        environ=os.environ,
        secrets=settings.secrets.all_values(),
    )
    for warning in settings.secrets.exposed:
        structlog.get_logger().warning("secret.exposed", summary=warning)
