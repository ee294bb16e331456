"""The table of commands, and the Typer application that loads them one by one.

A command's module holds its signature and its code.  It is imported when the command
runs or shows its own help, since most of them import half a second of libraries.
"""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
import typer.main
from typer.core import TyperGroup

from daemon.cli import OPTIONS
from daemon.places import address_commands, remember_config

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
Source = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="Limit to this source, when several are configured."
    ),
]
Seed = Annotated[
    int | None,
    typer.Option(
        min=0,
        max=2**31 - 1,
        metavar="N",
        help="Reuse a seed to repeat an image; the others get N+1, N+2, ...",
    ),
]
PageArgument = Annotated[
    str, typer.Argument(metavar="PAGE", help="ID, link, or words of the title.")
]
JobArgument = Annotated[
    int, typer.Argument(metavar="JOB", min=1, max=2**62, help="Number of the job.")
]

_HELP = """\
Adds an AI-generated image to every post in a Notion database.

Try it without an account: `postbrush demo`. Then set it up: `postbrush init`
"""
#: Module and help line of each command, in the order of `--help`.  Those without a
#: line are hidden.  A test holds the lines to the docstrings.
COMMANDS = {
    "demo": ("demo", "Try postbrush with a simulated Notion; no account needed."),
    "init": ("init", "Set postbrush up: five questions, then a check."),
    "check": ("check", "Test the whole set-up, free of charge."),
    "run": ("run", "Run the daemon: watch Notion, generate images (Ctrl-C stops)."),
    "status": ("status", "Show daemon, queue, services and costs on one screen."),
    "plan": ("plan", "Show which images would be generated now, at what cost."),
    "approve": ("job_actions", "Generate the images that wait for your approval."),
    "why": ("why", "Explain why a page has its image, or none."),
    "regenerate": ("job_actions", "Queue another image for a page."),
    "use": ("job_actions", "List the images of a page, restore one, or reword it."),
    "jobs": ("history", "List the newest jobs."),
    "job": ("history", "Show the whole history of a job."),
    "retry": ("job_actions", "Queue a failed or cancelled job again."),
    "cancel": ("job_actions", "Cancel a queued or running job."),
    "pause": ("upkeep", "Stop generating images until `resume`; requests are queued."),
    "resume": ("upkeep", "End a pause."),
    "costs": ("history", "Show images and costs by month and provider."),
    "providers": ("providers", "Show the image services: state, price and usage."),
    "test": ("test", "Generate one image with every configured provider."),
    "generate": ("generate", "Generate an image from a text, without Notion."),
    "prompt": ("prompt", "Show the image prompt of a post, and who wrote it."),
    "once": ("service", "Poll once, finish all due work, and exit."),
    "reload": ("service", "Make the running daemon read its configuration again."),
    "config": ("service", "Show every setting and where it comes from."),
    "prune": ("upkeep", "Delete old images that are not on any page."),
    "backup": ("backup", "Back up database and images, even while the daemon runs."),
    "restore": ("backup", "Restore a backup to an empty data folder."),
    "verify": ("upkeep", "Compare database, image files and Notion pages."),
    "copy-db": ("copy_db", "Copy a database to an empty one."),
    "service": ("user_service", "Run postbrush as a systemd user service."),
    "healthcheck": ("healthcheck", "Check whether the daemon can work."),
    "migrate": ("service", ""),
    "alarm": ("service", ""),
}


class CommandGroup(TyperGroup):
    """A group that replaces the placeholder of a command when it is called."""

    def resolve_command(
        self,
        ctx: Any,  # noqa: ANN401 - Typer does not export its base classes
        args: list[str],
    ) -> tuple[str | None, Any, list[str]]:
        """Return name, command and remaining arguments; imports the module."""
        name, _, remaining = super().resolve_command(ctx, args)
        return name, load_command(str(name)), remaining


def make_app(**options: Any) -> typer.Typer:  # noqa: ANN401 - as Typer takes them
    """Return a Typer application without completion, panels and own tracebacks."""
    return typer.Typer(
        invoke_without_command=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        **options,
    )


def load_command(name: str) -> Any:  # noqa: ANN401 - as above
    """Import the module of a command, and build the command from its function.

    A command with subcommands is an application instead of a function.
    """
    module = import_module(f"daemon.cli.{COMMANDS[name][0]}")
    command = getattr(module, name.replace("-", "_"))
    if not isinstance(command, typer.Typer):
        function, command = command, make_app()
        command.command(name)(function)
    return typer.main.get_command(command)


def _placeholder() -> None:
    """Stand for a command whose module is not imported."""


app = make_app(cls=CommandGroup, help=address_commands(_HELP))
for _name, (_, _line) in COMMANDS.items():
    app.command(_name, help=_line, hidden=not _line)(_placeholder)


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - Typer's callback
    if wanted:
        from importlib.metadata import version  # noqa: PLC0415 - only for --version

        typer.echo(f"postbrush {version('postbrush')}")
        raise typer.Exit


@app.callback()
def _set_global_options(
    context: typer.Context,
    config: Annotated[
        Path | None, typer.Option(help="Use this configuration file.")
    ] = None,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show tracebacks of errors.")
    ] = False,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Show the version.",
            is_eager=True,
            callback=_print_version,
        ),
    ] = False,
) -> None:
    del version
    OPTIONS.config = config
    remember_config(config, os.environ)
    OPTIONS.debug = debug
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
