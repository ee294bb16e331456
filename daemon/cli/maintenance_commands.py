"""Signatures of the commands that set up and maintain the data folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from daemon.cli.read_commands import Json, PageArgument, Source


def register_commands(app: typer.Typer) -> None:
    """Add the commands of this module to *app*."""
    for command in (init, use, pause, resume, prune, backup, restore, copy_db, verify):
        app.command()(command)


def init(
    data_source: Annotated[
        str | None, typer.Option(metavar="ID", help="The database: its id or link.")
    ] = None,
    columns: Annotated[
        Literal["add", "required", "keep"] | None,
        typer.Option(help="Which missing columns are added to it."),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN=VALUE", help="Only such posts; repeatable."),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Accept what is proposed without asking.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Write nothing; say what would be.")
    ] = False,
    service: Annotated[bool, typer.Option("--service", hidden=True)] = False,
    secrets: Annotated[Path | None, typer.Option(hidden=True)] = None,
) -> None:
    """Set everything up: five questions, then a check.

    Tokens are asked for, or read from NOTION_TOKEN and HUGGINGFACE_TOKEN.
    """
    from daemon.cli.setup import command as module
    from daemon.cli.setup.proposals import ColumnPolicy
    from daemon.cli.setup.wizard import InitOptions

    module.run_init(
        InitOptions(
            source=data_source,
            columns=ColumnPolicy(columns) if columns else None,
            only=tuple(only or ()),
        ),
        yes=yes,
        dry_run=dry_run,
        service=service,
        secrets=secrets,
    )


def use(
    page: PageArgument,
    file: Annotated[
        str | None, typer.Argument(metavar="[FILE]", help="Which to put back.")
    ] = None,
    only: Annotated[
        bool, typer.Option("--only", help="Without the variants it came with.")
    ] = False,
    source: Source = None,
    json: Json = False,
) -> None:
    """List a page's earlier images, or put one back as the first."""
    from daemon.cli import upkeep

    upkeep.use_image(page, file, source, only=only, json=json)


def pause(
    duration: Annotated[
        str | None, typer.Option("--for", metavar="7d", help="It ends by itself then.")
    ] = None,
    source: Source = None,
    json: Json = False,
) -> None:
    """Make nothing until `resume`; wishes are remembered."""
    from daemon.cli import upkeep

    upkeep.pause_sources(duration, source, json=json)


def resume(source: Source = None, json: Json = False) -> None:
    """End a pause."""
    from daemon.cli import upkeep

    upkeep.resume_sources(source, json=json)


def prune(
    days: Annotated[
        int | None,
        typer.Option(min=1, max=3650, help="Default: images.keep_days.", metavar="N"),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would go.")
    ] = False,
    source: Source = None,
    json: Json = False,
) -> None:
    """Remove old images that no page shows."""
    from daemon.cli import upkeep

    upkeep.prune_old_images(days, source, dry_run=dry_run, json=json)


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
    from daemon.cli import backup

    backup.create_backup(file, keep=keep, json=json)


def restore(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Made by backup; - reads a pipe.")
    ],
    json: Json = False,
) -> None:
    """Put a backup into an empty data folder."""
    from daemon.cli import backup

    backup.restore_backup(file, json=json)


def copy_db(
    source: Annotated[
        str, typer.Argument(metavar="FROM", help="A file, or PostgreSQL's address.")
    ],
    target: Annotated[
        str, typer.Argument(metavar="TO", help="The same; nothing may be in it.")
    ],
    json: Json = False,
) -> None:
    """Copy a database into an empty one.

    Such as: postbrush copy-db postbrush.db postgresql+psycopg://USER@HOST/NAME
    """
    from daemon.cli import backup

    backup.copy_database(source, target, json=json)


def verify(
    fix: Annotated[bool, typer.Option("--fix", help="Mend what can be.")] = False,
    offline: Annotated[
        bool, typer.Option("--offline", help="Do not ask Notion about the pages.")
    ] = False,
    source: Source = None,
    json: Json = False,
) -> None:
    """Compare rows, files and pages with each other."""
    from daemon.cli import upkeep

    upkeep.verify_data(source, fix=fix, offline=offline, json=json)
