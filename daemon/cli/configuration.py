"""What a command begins with: the configuration, and the daemon's log."""

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
    """Read the configuration.  Raises ConfigError."""
    try:
        here = Path.cwd()
    except OSError:
        raise SetupError("the folder you are in is gone: go to another") from None
    return config.load_settings(OPTIONS.config, os.environ, here)


def start_log(found: Settings) -> None:
    """Set the log up for a command that works like the daemon."""
    log.configure(
        found.log.level,
        found.log.format,
        environ=os.environ,
        secrets=found.secrets.all_values(),
    )
    for words in found.secrets.exposed:
        structlog.get_logger().warning("secret.exposed", summary=words)
