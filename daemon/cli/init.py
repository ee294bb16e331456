"""The command `init`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

import typer

from daemon.cli.setup.command import run_init
from daemon.cli.setup.proposals import ColumnPolicy
from daemon.cli.setup.wizard import InitOptions
from daemon.service.unit_environment import read_unit_environment


def init(
    data_source: Annotated[
        str | None, typer.Option(metavar="ID", help="ID or link of the database.")
    ] = None,
    columns: Annotated[
        Literal["add", "required", "keep"] | None,
        typer.Option(help="Which missing properties to add."),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PROPERTY=VALUE", help="Only posts with this value; repeatable."
        ),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Accept all proposals without asking.")
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Show what would be written, without writing it."
        ),
    ] = False,
    service: Annotated[bool, typer.Option("--service", hidden=True)] = False,
    secrets: Annotated[Path | None, typer.Option(hidden=True)] = None,
) -> None:
    """Set postbrush up: five questions, then a check.

    It asks for the tokens, or reads NOTION_TOKEN and HUGGINGFACE_TOKEN.
    """
    if service:
        os.environ.update(read_unit_environment() | os.environ)
    options = InitOptions(
        source=data_source,
        columns=ColumnPolicy(columns) if columns else None,
        only=tuple(only or ()),
    )
    run_init(options, yes=yes, dry_run=dry_run, service=service, secrets=secrets)
