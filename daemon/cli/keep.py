"""Signatures of the commands that look after the data folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from daemon.cli.looks import PageArgument
from daemon.cli.options import Json


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    for command in (use, pause, resume, prune, backup, restore, verify):
        app.command()(command)


def use(
    page: PageArgument,
    file: Annotated[
        str | None, typer.Argument(metavar="[FILE]", help="Which to put back.")
    ] = None,
    json: Json = False,
) -> None:
    """List a page's earlier images, or put one back."""
    from daemon.cli import upkeep  # noqa: PLC0415 - loaded when asked for

    upkeep.use(page, file, json=json)


def pause(
    duration: Annotated[
        str | None, typer.Option("--for", metavar="7d", help="It ends by itself then.")
    ] = None,
    json: Json = False,
) -> None:
    """Make nothing until `resume`; wishes are remembered."""
    from daemon.cli import upkeep  # noqa: PLC0415 - loaded when asked for

    upkeep.pause(duration, json=json)


def resume(json: Json = False) -> None:
    """End a pause."""
    from daemon.cli import upkeep  # noqa: PLC0415 - loaded when asked for

    upkeep.resume(json=json)


def prune(
    days: Annotated[
        int | None,
        typer.Option(min=1, max=3650, help="Default: images.keep_days.", metavar="N"),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would go.")
    ] = False,
    json: Json = False,
) -> None:
    """Remove old images that no page shows."""
    from daemon.cli import upkeep  # noqa: PLC0415 - loaded when asked for

    upkeep.prune(days, dry_run=dry_run, json=json)


def backup(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A new .tar file, a folder, or -.")
    ],
    keep: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="FILE is a folder of the newest N."),
    ] = None,
    json: Json = False,
) -> None:
    """Copy database and images into one file, while it runs."""
    from daemon.cli import copies  # noqa: PLC0415 - loaded when asked for

    copies.backup(file, keep=keep, json=json)


def restore(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Made by backup; - reads a pipe.")
    ],
    json: Json = False,
) -> None:
    """Put a backup into an empty data folder."""
    from daemon.cli import copies  # noqa: PLC0415 - loaded when asked for

    copies.restore(file, json=json)


def verify(
    fix: Annotated[bool, typer.Option("--fix", help="Mend what can be.")] = False,
    offline: Annotated[
        bool, typer.Option("--offline", help="Do not ask Notion about the pages.")
    ] = False,
    json: Json = False,
) -> None:
    """Compare rows, files and pages with each other."""
    from daemon.cli import upkeep  # noqa: PLC0415 - loaded when asked for

    upkeep.verify(fix=fix, offline=offline, json=json)
