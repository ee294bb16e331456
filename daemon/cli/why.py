"""`why PAGE`: why a page has the image it has, or none."""

from __future__ import annotations

import asyncio
from typing import Any

from rich.console import Console

from daemon.cli import context, lookup
from daemon.cli.history import describe_wait
from daemon.context import SourceContext
from daemon.notion.errors import NotionError, NotionUnavailableError
from daemon.notion.filter_check import format_filter, format_unmet
from daemon.notion.model import Page, Urgency
from daemon.sync.planner import ImageColumnState, classify_images
from db import delays, images, jobs, posts
from db.engine import Tx
from db.models import ImageRecord, Job, Post
from db.states import JobState

#: Seconds that Notion may take to say what a post has now.
_NOTION_TIMEOUT = 10.0


def explain_page(page: str, source: str | None, *, json: bool) -> None:
    """Explain a page."""
    context.run_coroutine(_explain_page(page, source, json=json))


async def _explain_page(words: str, source: str | None, *, json: bool) -> None:
    found = context.load_settings(source)
    async with (
        context.read_session(found) as flows,
        flows.first.db.read_transaction() as tx,
    ):
        post = await lookup.find_page(tx, words, source)
        data = await _load_explanation(tx, flows.get(post.source) or flows.first, post)
    context.print_result(
        data, json=json, human=lambda out: _print_explanation(out, data)
    )


async def _explain_filter(tx: Tx, flow: SourceContext, post: Post) -> str:
    """Say which filter keeps a post from getting an image."""
    rules, page = flow.plan.rules, None
    try:
        async with asyncio.timeout(_NOTION_TIMEOUT):
            page = await _read_page(tx, flow, post)
    # What the filter wants can be said without what the post has.
    except (NotionError, TimeoutError) as error:
        unread = f"; Notion did not say what this post has: {error or 'no answer'}"
    else:
        unread = ""
    # In the order of `wants`: skip is looked at first.
    if post.skipped:
        reason = f"posts.skip ({format_filter(rules.skip)}{unread})"
    elif page is not None:
        unmet = format_unmet(page.columns, rules.only)
        reason = f"posts.only ({unmet or 'it matched when it was read just now'})"
    else:
        reason = f"posts.only (needs {format_filter(rules.only)}{unread})"
    return f"Skipped by {reason}. Tick Regenerate to get an image anyway."


async def _read_page(tx: Tx, flow: SourceContext, post: Post) -> Page:
    known = await posts.load_source_state(tx, post.source)
    if known is None:
        raise NotionUnavailableError("the source has not been read yet")
    schema = await flow.door.fetch_schema(known.data_source, known.columns)
    return await flow.door.fetch_page(schema, post.page_id, Urgency.POLL)


async def _load_explanation(tx: Tx, flow: SourceContext, post: Post) -> dict[str, Any]:
    known = await images.by_names(tx, list(post.shows))
    history = await jobs.of_page(tx, post.source, post.page_id)
    held = bool(await posts.held_among(tx, post.source, [post.page_id]))
    shown = classify_images(post.page_id, post.shows, known)
    lines = [
        *await _current_reasons(
            tx, flow, post, history[0] if history else None, held=held
        ),
        *_describe_images(post, shown, known),
    ]
    if history and (delayed := await delays.newest_delay(tx, history[0])):
        lines.insert(1, f"It is tried again with growing pauses: {delayed}")
    lines += [_format_job(job) for job in history[:5]]
    return {
        "page": post.page_id,
        "source": post.source,
        "title": post.title,
        "url": post.url,
        "shows": list(post.shows),
        "why": lines,
        "prompt": post.inputs.get("prompt", ""),
        "jobs": [job.id for job in history],
    }


async def _current_reasons(
    tx: Tx, flow: SourceContext, post: Post, newest: Job | None, *, held: bool
) -> list[str]:
    said: list[str] = []
    # In the order of `wants`: the first reason that applies is the reason.
    if post.gone:
        said.append("It is in the trash or no longer in the source.")
    elif not post.inputs.get("prompt"):
        said.append("It has no words, so there is nothing to make an image of.")
    elif newest is not None and newest.is_open:
        until = (
            f"; {describe_wait(newest, flow)}"
            if newest.state is JobState.QUEUED
            else ""
        )
        said.append(f"Job {newest.id} is {newest.state}: {newest.reason}{until}.")
    elif held:
        said.append("It is held: `postbrush approve` makes what is held.")
    elif post.skipped or not post.chosen:
        said.append(await _explain_filter(tx, flow, post))
    elif post.answered == post.fingerprint:
        said.append("Its last job was the answer to these words: edit, tick or retry.")
    return said


def _describe_images(
    post: Post, shown: ImageColumnState, known: dict[str, ImageRecord]
) -> list[str]:
    if not post.shows:
        return ["It shows no image."]
    said = []
    for name in post.shows:
        one = known.get(name)
        if one is None:
            said.append(f"{name}: not made by postbrush; it is left alone.")
        elif one.page_id != post.page_id:
            said.append(f"{name}: made for another page, so this one is a copy.")
        elif one.is_card:
            because = f", because {one.card_why}" if one.card_why else ""
            said.append(f"{name}: a card{because}.")
        else:
            said.append(f"{name}: made by {one.provider} from: {one.prompt}")
    if post.made is not None and post.made != post.fingerprint and shown.only_ours:
        said.append("The words have changed since; tick the box for a new image.")
    return said


def _format_job(job: Job) -> str:
    outcome = f": {job.outcome}" if job.outcome else ""
    return f"job {job.id} ({job.reason}) is {job.state}{outcome}"


def _print_explanation(out: Console, data: dict[str, Any]) -> None:
    out.print(f"'{data['title']}'  {data['url']}", markup=False)
    for line in data["why"]:
        out.print(f"  {line}", markup=False)
