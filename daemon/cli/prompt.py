"""The command `prompt`: what an image service would be sent for a post."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console

from daemon.cli import context, output
from daemon.cli.command_group import Json, Source
from daemon.cli.generate import prepared_context
from daemon.config import Settings
from daemon.context import Sources
from daemon.errors import SetupError
from daemon.formatting import format_dollars
from daemon.generation.account_check import AccountSchedule
from daemon.generation.prompt_writing import AdhocPrompt, write_adhoc_prompt
from daemon.jobs.inputs import inputs_of_text
from daemon.jobs.prompt import Inputs
from daemon.jobs.writing import describe_author, writing_of
from db import jobs
from db.models import Job, Post


def prompt(
    page: Annotated[
        str, typer.Argument(metavar="PAGE", help="ID, link, or words of the title.")
    ] = "",
    text: Annotated[
        str,
        typer.Option(metavar="TEXT", help="The text of a post that is not in Notion."),
    ] = "",
    source: Source = None,
    json: Json = False,
) -> None:
    """Show the image prompt of a post, and who wrote it."""
    if bool(page.strip()) == bool(text.strip()):
        raise SetupError("Name a page, or pass the text of a post with --text")
    settings = context.load_settings(source)
    context.silence_log(settings)
    shown = asyncio.run(_load_prompt(settings, page, text, source))

    def print_lines(out: Console) -> None:
        out.print(shown.prompt, markup=False)
        cost = f" ({format_dollars(shown.cost)})" if shown.cost else ""
        out.print(f"Written by {shown.author}{cost}", markup=False)
        for name, value in (("Headline", shown.headline), ("Alt text", shown.alt)):
            if value:
                out.print(f"{name}: {value}", markup=False)

    output.print_result(shown, json=json, human=print_lines)


async def _load_prompt(
    settings: Settings, query: str, text: str, source: str | None
) -> AdhocPrompt:
    async with prepared_context(settings) as sources:
        if not query:
            inputs = inputs_of_text(text, sources.first.options)
            return await _write_prompt(sources, "", inputs)
        async with sources.app.db.read_transaction() as tx:
            post = await context.find_page(tx, query, source)
            history = await jobs.of_page(tx, post.source, post.page_id)
        if not post.inputs.get("prompt"):
            raise SetupError(f"'{post.title}' has no text to generate an image from")
        if (stored := _find_stored(post, history)) is not None:
            return stored
        inputs = Inputs.from_dict(post.inputs)
        return await _write_prompt(sources, post.source, inputs, post.page_id)


async def _write_prompt(
    sources: Sources, source: str, inputs: Inputs, page_id: str = ""
) -> AdhocPrompt:
    # What an account includes decides whether the call is charged.
    await AccountSchedule(sources).refresh_all()
    return await write_adhoc_prompt(sources.source_of(source), inputs, page_id)


def _find_stored(post: Post, history: Sequence[Job]) -> AdhocPrompt | None:
    """Return what a writer has written for a job of the page's present inputs."""
    wanted = (post.fingerprint, post.inputs.get("feedback", ""))
    for job in history:
        writing = writing_of(job)
        if writing and (writing.fingerprint, writing.feedback) == wanted:
            return AdhocPrompt(
                prompt=writing.prompt or str(job.inputs.get("prompt", "")),
                author=f"{describe_author(job)} for job {job.id}",
                headline=writing.headline,
                alt=writing.alt,
            )
    return None
