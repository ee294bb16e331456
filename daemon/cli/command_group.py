"""The Typer application with the signatures of all commands.

Each command imports its implementation when it runs.  That takes 0.9 s and 60 MB, and
`--help` needs none of it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from daemon.cli import action_commands, maintenance_commands, read_commands
from daemon.cli import run as daemon
from daemon.cli.global_options import OPTIONS
from daemon.cli.read_commands import Json

_HELP = """\
Watches a Notion database of posts and puts an image on every page that wants one.

Try it without an account: postbrush demo
"""

app = typer.Typer(
    help=_HELP,
    invoke_without_command=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
read_commands.register_commands(app)
action_commands.register_commands(app)
maintenance_commands.register_commands(app)


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - Typer's callback
    if wanted:
        from importlib.metadata import version

        typer.echo(f"postbrush {version('postbrush')}")
        raise typer.Exit


@app.callback()
def _set_global_options(
    context: typer.Context,
    config: Annotated[
        Path | None, typer.Option(help="The configuration file to use.")
    ] = None,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show tracebacks of errors.")
    ] = False,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Say which version this is.",
            is_eager=True,
            callback=_print_version,
        ),
    ] = False,
) -> None:
    del version
    OPTIONS.config = config
    OPTIONS.debug = debug
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command()
def run() -> None:
    """Watch Notion and make images, until stopped (Ctrl-C)."""
    daemon.run_daemon()


@app.command()
def once(
    yes: Annotated[
        bool, typer.Option("--yes", help="Make what is held without asking.")
    ] = False,
) -> None:
    """Look once, work until nothing is due, and exit."""
    from daemon.cli import service

    service.run_once(yes=yes)


@app.command()
def demo(
    lan: Annotated[
        bool, typer.Option("--lan", help="Let other machines of the network in.")
    ] = False,
    port: Annotated[
        int, typer.Option(help="Where the page listens; 0: any free port.")
    ] = 8788,
) -> None:
    """Show all of it with a pretend Notion; no account."""
    from daemon.cli import demo as module

    module.run_demo(lan=lan, port=port)


@app.command(hidden=True)
def migrate() -> None:
    """Bring the database up to date; `run` does it by itself."""
    from daemon.cli import service

    service.run_migrations()


@app.command(hidden=True)
def alarm(
    unit: Annotated[str, typer.Argument(help="The systemd unit that failed.")],
) -> None:
    """Say that a unit of the service has failed; systemd calls it."""
    from daemon.cli import service

    service.report_failed_unit(unit)


@app.command()
def config(
    example: Annotated[
        bool, typer.Option("--example", help="Print a commented postbrush.toml.")
    ] = False,
    json: Json = False,
) -> None:
    """Show every setting and where it comes from."""
    from daemon.cli import settings

    settings.show_settings(example=example, json=json)
