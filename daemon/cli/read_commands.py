"""Signatures of the commands that only read, and the options they share."""

from __future__ import annotations

from typing import Annotated

import typer

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


def register_commands(app: typer.Typer) -> None:
    """Add the commands of this module to *app*."""
    for command in (check, plan, status, costs, jobs, job, why):
        app.command()(command)


def check(source: Source = None, json: Json = False) -> None:
    """Test the whole set-up without paying.

    Ends with exit code 1 when something must be done.
    """
    from daemon.cli import check as module

    module.run_checks(source, json=json)


def plan(source: Source = None, json: Json = False) -> None:
    """Show what would be made now, and what it would cost."""
    from daemon.cli import plan as module

    module.show_plan(source, json=json)


def status(source: Source = None, json: Json = False) -> None:
    """One screen: daemon, queue, services, money."""
    from daemon.cli import status as module

    module.show_status(source, json=json)


def costs(
    posts: Annotated[bool, typer.Option("--posts", help="One line per post.")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="As CSV.")] = False,
    source: Source = None,
    json: Json = False,
) -> None:
    """Images and money by month and provider."""
    from daemon.cli import costs as module

    module.show_costs(source, posts=posts, csv=csv, json=json)


def jobs(
    limit: Annotated[
        int, typer.Option("-n", min=1, max=100_000, help="How many.")
    ] = 20,
    source: Source = None,
    json: Json = False,
) -> None:
    """List the newest jobs."""
    from daemon.cli import history

    history.list_jobs(source, limit=limit, json=json)


def job(number: JobArgument, json: Json = False) -> None:
    """Show one job's whole history."""
    from daemon.cli import history

    history.show_job(number, json=json)


def why(page: PageArgument, source: Source = None, json: Json = False) -> None:
    """Say why a page has the image it has, or none."""
    from daemon.cli import why as module

    module.explain_page(page, source, json=json)
