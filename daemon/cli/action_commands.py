"""Signatures of the commands that generate images or change jobs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from daemon.cli.read_commands import JobArgument, Json, PageArgument, Source

providers_app = typer.Typer(
    help="The chain: who serves, who rests, what they cost.",
    rich_markup_mode=None,
    invoke_without_command=True,
)


def register_commands(app: typer.Typer) -> None:
    """Add the commands of this module to *app*."""
    for command in (test, generate, approve, regenerate, retry, cancel):
        app.command()(command)
    app.add_typer(providers_app, name="providers")


def test(
    provider: Annotated[
        str | None, typer.Option(help="Only this one.", metavar="NAME")
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not ask, even above $0.01.")
    ] = False,
    notify: Annotated[
        bool, typer.Option("--notify", help="Only send a test notification.")
    ] = False,
    json: Json = False,
) -> None:
    """Make one image with every configured provider."""
    if notify:
        from daemon.cli import notify_test

        notify_test.send_test_notifications(json=json)
        return
    from daemon.cli import test as module

    module.try_providers(provider=provider, yes=yes, json=json)


def generate(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What to paint.")],
    provider: Annotated[
        str | None, typer.Option(help="Only this one.", metavar="NAME")
    ] = None,
    format: Annotated[  # noqa: A002 - the option's name
        str | None, typer.Option(help="square, portrait, landscape, story, WxH.")
    ] = None,
    count: Annotated[int, typer.Option("-n", min=1, max=4, help="How many.")] = 1,
    seed: Annotated[
        int | None,
        typer.Option(min=0, max=2**31 - 1, help="For the same image again."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Copy the image to this file or folder.")
    ] = None,
    source: Source = None,
    json: Json = False,
) -> None:
    """Make one image through the chain, without Notion."""
    from daemon.cli import generate as module

    module.generate_images(
        text,
        provider=provider,
        format_name=format,
        count=count,
        seed=seed,
        out=out,
        source_name=source,
        json=json,
    )


def approve(
    newest: Annotated[
        int | None, typer.Option(min=1, help="Only the newest of them.", metavar="N")
    ] = None,
    source: Source = None,
    json: Json = False,
) -> None:
    """Make what is held."""
    from daemon.cli import job_actions

    job_actions.approve_posts(source, newest=newest, json=json)


def regenerate(page: PageArgument, source: Source = None, json: Json = False) -> None:
    """Make another image for a page, as its tick box does."""
    from daemon.cli import job_actions

    job_actions.regenerate_page(page, source, json=json)


def retry(number: JobArgument, json: Json = False) -> None:
    """Give a failed or cancelled job another try."""
    from daemon.cli import job_actions

    job_actions.retry_job(number, json=json)


def cancel(number: JobArgument, json: Json = False) -> None:
    """End an open job."""
    from daemon.cli import job_actions

    job_actions.cancel_job(number, json=json)


@providers_app.callback()
def providers(context: typer.Context, json: Json = False) -> None:
    """The chain: who serves, who rests, what they cost."""
    if context.invoked_subcommand is None:
        from daemon.cli import providers as module

        module.show_providers(json=json)


@providers_app.command()
def reset(
    name: Annotated[str, typer.Argument(metavar="NAME")], json: Json = False
) -> None:
    """Let a resting provider serve again, now."""
    from daemon.cli import job_actions

    job_actions.reset_provider(name, json=json)
