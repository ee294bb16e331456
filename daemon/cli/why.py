"""`why PAGE`: why a page has the image it has, or none."""

from __future__ import annotations

import asyncio
from typing import Any

from rich.console import Console

from daemon.cli import desk, find
from daemon.cli.history import waits
from daemon.flow.context import Flow
from daemon.flow.wants import Shown, look
from daemon.notion.errors import AwayError, NotionError
from daemon.notion.filter_check import unmet_in_words, wanted_in_words
from daemon.notion.model import Page, Urgency
from db import delays, images, jobs, posts
from db.engine import Tx
from db.records import ImageRecord, Job, Post
from db.states import State

#: Seconds that Notion may take to say what a post has now.
_PATIENCE = 10.0


def why(page: str, source: str | None, *, json: bool) -> None:
    """Explain a page."""
    desk.finish(_why(page, source, json=json))


async def _why(words: str, source: str | None, *, json: bool) -> None:
    found = desk.settings(source)
    async with desk.looking(found) as flows, flows.first.db.reading() as tx:
        post = await find.page(tx, words, source)
        data = await _explain(tx, flows.of(post.source) or flows.first, post)
    desk.show(data, json=json, human=lambda out: _print(out, data))


async def _filter_reason(tx: Tx, flow: Flow, post: Post) -> str:
    """Say which filter keeps a post from getting an image."""
    rules, page = flow.plan.rules, None
    try:
        async with asyncio.timeout(_PATIENCE):
            page = await _read_page(tx, flow, post)
    # What the filter wants can be said without what the post has.
    except (NotionError, TimeoutError) as error:
        unread = f"; Notion did not say what this post has: {error or 'no answer'}"
    else:
        unread = ""
    # In the order of `wants`: skip is looked at first.
    if post.skipped:
        reason = f"posts.skip ({wanted_in_words(rules.skip)}{unread})"
    elif page is not None:
        unmet = unmet_in_words(page.columns, rules.only)
        reason = f"posts.only ({unmet or 'it matched when it was read just now'})"
    else:
        reason = f"posts.only (needs {wanted_in_words(rules.only)}{unread})"
    return f"Skipped by {reason}. Tick Regenerate to get an image anyway."


async def _read_page(tx: Tx, flow: Flow, post: Post) -> Page:
    known = await posts.load_sync(tx, post.source)
    if known is None:
        raise AwayError("the source has not been read yet")
    schema = await flow.door.schema(known.data_source, known.columns)
    return await flow.door.page(schema, post.page_id, Urgency.POLL)


async def _explain(tx: Tx, flow: Flow, post: Post) -> dict[str, Any]:
    known = await images.by_names(tx, list(post.shows))
    history = await jobs.of_page(tx, post.source, post.page_id)
    held = bool(await posts.held_among(tx, post.source, [post.page_id]))
    shown = look(post.page_id, post.shows, known)
    lines = [
        *await _now(tx, flow, post, history[0] if history else None, held=held),
        *_image(post, shown, known),
    ]
    if history and (delayed := await delays.newest_delay(tx, history[0])):
        lines.insert(1, f"It is tried again with growing pauses: {delayed}")
    lines += [_one(job) for job in history[:5]]
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


async def _now(
    tx: Tx, flow: Flow, post: Post, newest: Job | None, *, held: bool
) -> list[str]:
    said: list[str] = []
    # In the order of `wants`: the first reason that applies is the reason.
    if post.gone:
        said.append("It is in the trash or no longer in the source.")
    elif not post.inputs.get("prompt"):
        said.append("It has no words, so there is nothing to make an image of.")
    elif newest is not None and newest.is_open:
        until = f"; {waits(newest, flow)}" if newest.state is State.QUEUED else ""
        said.append(f"Job {newest.id} is {newest.state}: {newest.reason}{until}.")
    elif held:
        said.append("It is held: `postbrush approve` makes what is held.")
    elif post.skipped or not post.chosen:
        said.append(await _filter_reason(tx, flow, post))
    elif post.answered == post.fingerprint:
        said.append("Its last job was the answer to these words: edit, tick or retry.")
    return said


def _image(post: Post, shown: Shown, known: dict[str, ImageRecord]) -> list[str]:
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


def _one(job: Job) -> str:
    outcome = f": {job.outcome}" if job.outcome else ""
    return f"job {job.id} ({job.reason}) is {job.state}{outcome}"


def _print(out: Console, data: dict[str, Any]) -> None:
    out.print(f"'{data['title']}'  {data['url']}", markup=False)
    for line in data["why"]:
        out.print(f"  {line}", markup=False)
