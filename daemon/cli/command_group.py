"""The table of commands, and the Typer application that loads them one by one.

A command's module holds its signature and its code.  It is imported when the command
runs or shows its own help, since most of them import half a second of libraries.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
import typer.main
from typer.core import TyperGroup

from daemon.cli import OPTIONS

Json = Annotated[bool, typer.Option("--json", help="Print data instead of a table.")]
Source = Annotated[
    str | None, typer.Option(metavar="NAME", help="Of several databases, this one.")
]
PageArgument = Annotated[
    str, typer.Argument(metavar="PAGE", help="Id, link, or words of the title.")
]
JobArgument = Annotated[
    int, typer.Argument(metavar="JOB", min=1, max=2**62, help="Its number.")
]

_HELP = """\
Watches a Notion database of posts and puts an image on every page that wants one.

Try it without an account: postbrush demo
"""
#: Module and help line of each command, in the order of `--help`.  Those without a
#: line are hidden.  A test holds the lines to the docstrings.
COMMANDS = {
    "check": ("check", "Test the whole set-up without paying."),
    "plan": ("plan", "Show what would be made now, and what it would cost."),
    "status": ("status", "One screen: daemon, queue, services, money."),
    "costs": ("history", "Images and money by month and provider."),
    "jobs": ("history", "List the newest jobs."),
    "job": ("history", "Show one job's whole history."),
    "why": ("why", "Say why a page has the image it has, or none."),
    "test": ("test", "Make one image with every configured provider."),
    "generate": ("generate", "Make one image through the chain, without Notion."),
    "prompt": ("prompt", "Show the image prompt of a post, and who writes it."),
    "approve": ("job_actions", "Make what is held."),
    "regenerate": (
        "job_actions",
        "Make another image for a page, as its tick box does.",
    ),
    "retry": ("job_actions", "Give a failed or cancelled job another try."),
    "cancel": ("job_actions", "End an open job."),
    "init": ("init", "Set everything up: five questions, then a check."),
    "use": (
        "job_actions",
        "List a page's images, put one back, or change its words.",
    ),
    "pause": ("upkeep", "Make nothing until `resume`; wishes are remembered."),
    "resume": ("upkeep", "End a pause."),
    "prune": ("upkeep", "Remove old images that no page shows."),
    "backup": ("backup", "Copy database and images into one file, while it runs."),
    "restore": ("backup", "Put a backup into an empty data folder."),
    "copy-db": ("backup", "Copy a database into an empty one."),
    "verify": ("upkeep", "Compare rows, files and pages with each other."),
    "run": ("run", "Watch Notion and make images, until stopped (Ctrl-C)."),
    "once": ("service", "Look once, work until nothing is due, and exit."),
    "demo": ("demo", "Show all of it with a pretend Notion; no account."),
    "service": ("user_service", "Run it as a systemd service of your user."),
    "healthcheck": ("healthcheck", "Ask the daemon whether it can work."),
    "migrate": ("service", ""),
    "alarm": ("service", ""),
    "config": ("service", "Show every setting and where it comes from."),
    "providers": ("providers", "The chain: who serves, who rests, what they cost."),
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


app = make_app(cls=CommandGroup, help=_HELP)
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
