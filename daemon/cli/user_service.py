"""The commands `service install` and `service uninstall`: a unit of the user's own.

The service of the whole machine is `sudo make install`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from daemon.cli import context
from daemon.cli.command_group import make_app
from daemon.config import Settings
from daemon.errors import SetupError
from daemon.places import address_commands, user_folder

_UNIT = "postbrush.service"
_TEXT = """\
# postbrush, written by `postbrush service install --user`
[Unit]
Description=Images for the posts of a Notion database
StartLimitIntervalSec=5min
StartLimitBurst=10

[Service]
Type=notify
NotifyAccess=main
ExecStart="{program}" run
ExecReload="{program}" reload
Environment="POSTBRUSH_CONFIG={file}"
Environment=PYTHONFAULTHANDLER=1
WorkingDirectory={folder}
WatchdogSec=60
Restart=on-failure
RestartSec=500ms
# A wrong configuration does not get better by trying again.
RestartPreventExitStatus=2
# What is paid for arrives first.
TimeoutStopSec=90
KillMode=mixed
UMask=0077
NoNewPrivileges=yes

[Install]
WantedBy=default.target
"""

service = make_app(help="Run postbrush as a systemd user service.")


@service.callback()
def _require_subcommand(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@service.command()
def install(
    user: Annotated[
        bool, typer.Option("--user", help="For your user; no root needed.")
    ] = False,
) -> None:
    """Write the unit, start it, and start it at every login."""
    if not user or os.geteuid() == 0:
        raise SetupError(
            "Run `postbrush service install --user` as an ordinary user, not as root. "
            "For a service of the whole machine, run `sudo make install` in the "
            "repository (docs/operations.md)"
        )
    unit = _unit_path()
    settings = context.load_settings()
    text = _unit_text(settings)
    # systemd does not start a service whose folder is missing.
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    unit.parent.mkdir(parents=True, exist_ok=True)
    unit.write_text(text)
    typer.echo(f"{unit} has been written.")
    _call_systemctl("daemon-reload")
    _call_systemctl("enable", _UNIT)
    _call_systemctl("restart", _UNIT)
    lines = (
        "postbrush is running. Its state: `postbrush status`",
        "Its log: `journalctl --user -u postbrush -f`",
        "To keep it running while you are logged out: `loginctl enable-linger`",
    )
    typer.echo(address_commands("\n".join(lines)))


@service.command()
def uninstall() -> None:
    """Stop the service and remove its unit; configuration and data stay."""
    unit = _unit_path()
    if not unit.exists():
        raise SetupError(f"{unit} does not exist")
    _call_systemctl("disable", "--now", _UNIT)
    unit.unlink()
    _call_systemctl("daemon-reload")
    typer.echo("The service has been removed. Configuration and data have been kept.")


def _unit_path() -> Path:
    folder = user_folder(os.environ, "XDG_CONFIG_HOME", ".config")
    if folder is None:
        raise SetupError("HOME is not set, so the folder for the unit is not known")
    return folder / "systemd" / "user" / _UNIT


def _unit_text(settings: Settings) -> str:
    """Return the unit for the program and the configuration of this command."""
    if settings.file is None:
        raise SetupError("No configuration was found. Create one with `postbrush init`")
    program = Path(sys.executable).with_name("postbrush")
    paths = (program, settings.file, settings.data_dir)
    # systemd expands "%" in paths, and quotes end at a quote.
    texts = [str(path).replace("%", "%%").replace('"', '\\"') for path in paths]
    return _TEXT.format(program=texts[0], file=texts[1], folder=texts[2])


def _call_systemctl(*words: str) -> None:
    """Run `systemctl --user`.

    Raises:
        SetupError: It is missing or fails; the message has its own words.
    """
    command = ["systemctl", "--user", *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - constant words
    except OSError as error:
        raise SetupError(f"systemctl cannot be run: {error.strerror}") from None
    if done.returncode != 0:
        said = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        raise SetupError(f"systemctl --user {' '.join(words)}: {said}")
