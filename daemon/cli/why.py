"""The command `why PAGE`: why a page has its image, or none."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console

from daemon.cli import context, output
from daemon.cli.command_group import Json, PageArgument, Source
from daemon.context import SourceContext
from daemon.jobs.job_validity import ImageColumnState, classify_images
from daemon.jobs.writing import describe_author, prompt_of
from daemon.notion.errors import NotionError, NotionUnavailableError
from daemon.notion.filters import format_filter, format_unmet
from daemon.notion.model import Page, Urgency
from daemon.status_line import load_blocked_reasons
from db import images, jobs, posts, source_state
from db.engine import Tx
from db.models import ImageRecord, Job, Post
from db.states import JobState

#: Seconds for reading the page from Notion.
_NOTION_TIMEOUT = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PageExplanation:
    """Why a page has its image, or none, in sentences; its newest job is the first."""

    page_id: str
    source: str
    title: str
    url: str
    shown_files: Sequence[str]
    why: Sequence[str]
    prompt: str
    prompt_by: str
    job_ids: Sequence[int]


def why(page: PageArgument, source: Source = None, json: Json = False) -> None:
    """Explain why a page has its image, or none."""
    data = asyncio.run(_explain_page(page, source))

    def print_lines(out: Console) -> None:
        out.print(f"'{data.title}'  {data.url}", markup=False)
        for line in data.why:
            out.print(f"  {line}", markup=False)

    output.print_result(data, json=json, human=print_lines)


async def _explain_page(query: str, source: str | None) -> PageExplanation:
    async with context.read_transaction(context.load_settings(source)) as (sources, tx):
        post = await context.find_page(tx, query, source)
        return await _load_explanation(tx, sources.source_of(post.source), post)


async def _explain_filter(tx: Tx, source: SourceContext, post: Post) -> str:
    """Return the filter because of which a post is skipped."""
    rules, page = source.options.posts, None
    try:
        async with asyncio.timeout(_NOTION_TIMEOUT):
            page = await _read_page(tx, source, post)
    # Without the page, only the filter is printed.
    except (NotionError, TimeoutError) as error:
        unread = f"; the post could not be read from Notion: {error or 'no answer'}"
    else:
        unread = ""
    # The planner checks posts.skip first.
    if post.matches_skip:
        reason = f"posts.skip ({format_filter(rules.skip)}{unread})"
    elif page is not None:
        unmet = format_unmet(page.properties, rules.only)
        reason = (
            f"posts.only ({unmet or 'the post matches now and will be read again'})"
        )
    else:
        reason = f"posts.only (needs {format_filter(rules.only)}{unread})"
    return f"Skipped by {reason}. Tick Regenerate to get an image anyway."


async def _read_page(tx: Tx, source: SourceContext, post: Post) -> Page:
    state = await source_state.load_source_state(tx, post.source)
    if state is None:
        raise NotionUnavailableError("the database has not been read yet")
    schema = await source.notion.fetch_schema(state.data_source, state.columns)
    return await source.notion.fetch_page(schema, post.page_id, Urgency.POLL)


async def _load_explanation(
    tx: Tx, source: SourceContext, post: Post
) -> PageExplanation:
    records = await images.by_names(tx, list(post.shown_files))
    history = await jobs.of_page(tx, post.source, post.page_id)
    shown = classify_images(post.page_id, post.shown_files, records)
    reason = await _current_reason(tx, source, post, history[0] if history else None)
    authors = {job.id: describe_author(job) for job in history}
    lines = [
        *filter(None, [reason]),
        *_describe_images(source, post, shown, records, authors),
    ]
    if history and (delayed := await jobs.newest_delay(tx, history[0])):
        failure = f"{delayed[:1].upper()}{delayed[1:].rstrip('.')}"
        lines.insert(1, f"{failure}. postbrush retries with increasing delays.")
    lines += [_format_job(job) for job in history[:5]]
    prompt = prompt_of(history[0]) if history else post.inputs.get("prompt", "")
    return PageExplanation(
        page_id=post.page_id,
        source=post.source,
        title=post.title,
        url=post.url,
        shown_files=post.shown_files,
        why=lines,
        prompt=prompt,
        prompt_by=authors[history[0].id] if history else "",
        job_ids=[job.id for job in history],
    )


async def _current_reason(
    tx: Tx, source: SourceContext, post: Post, newest: Job | None
) -> str:
    """Return why nothing, or something, will happen; in the planner's order."""
    if post.removed:
        return "The page is in the trash or no longer in the database."
    if not post.inputs.get("prompt"):
        return "The page has no text to generate an image from."
    if newest is not None and newest.is_open:
        is_queued = newest.state is JobState.QUEUED
        blocked = await load_blocked_reasons(tx, [source], [newest])
        wait = describe_wait(newest, source, blocked.get(newest.id, ""))
        until = f" and {wait}" if is_queued else ""
        return f"Job {newest.id} ({newest.reason}) is {newest.state}{until}."
    if await posts.held_among(tx, post.source, [post.page_id]):
        return (
            "The post is waiting for approval: tick Regenerate to approve this post, "
            "or run `postbrush approve`."
        )
    if post.matches_skip or not post.matches_only:
        return await _explain_filter(tx, source, post)
    if post.rejected_fingerprint == post.fingerprint:
        again = f", or run `postbrush retry {newest.id}`" if newest else ""
        return (
            "This text was already tried and failed. Edit the post or tick "
            f"Regenerate{again}."
        )
    return ""


def describe_wait(job: Job, source: SourceContext, blocked: str) -> str:
    """Return what an open job waits for, and until when; "" for an ended job.

    Args:
        blocked: Why no service is available for the job; empty if one is.
    """
    if not job.is_open:
        return ""
    if job.pending_write == "untick" and job.acked_at is None:
        return "waiting for Notion to clear the checkbox"
    if job.due_at > source.app.now():
        name = job.waiting_for_provider
        for_whom = f" for {source.label_of(name)}" if name else ""
        until = output.format_time(job.due_at, source.app.clock.zone)
        return f"waiting{for_whom} until {until}"
    return f"waiting, because {blocked}" if blocked else "ready to run"


def _describe_images(
    source: SourceContext,
    post: Post,
    shown: ImageColumnState,
    records: dict[str, ImageRecord],
    authors: dict[int, str],
) -> list[str]:
    if not post.shown_files:
        return ["The page shows no image."]
    lines = []
    for name in post.shown_files:
        image = records.get(name)
        if image is None:
            lines.append(
                f"{name}: not generated by postbrush, which will not change it."
            )
        elif image.page_id != post.page_id:
            lines.append(
                f"{name}: generated for another page, of which this one is a copy."
            )
        elif image.is_card:
            reason = f", because {image.card_why}" if image.card_why else ""
            lines.append(f"{name}: a card{reason}.")
        else:
            label = source.label_of(image.provider)
            lines.append(f"{name}: generated by {label}. Prompt: {image.prompt}")
            if author := authors.get(image.job_id or 0):
                lines.append(f"The prompt was written by {author}.")
    if (
        post.image_fingerprint is not None
        and post.image_fingerprint != post.fingerprint
        and shown.only_ours
    ):
        lines.append("The text has changed since. Tick Regenerate for a new image.")
    return lines


def _format_job(job: Job) -> str:
    outcome = f": {job.outcome}" if job.outcome else ""
    return f"Job {job.id} {job.state} ({job.reason}){outcome}"
