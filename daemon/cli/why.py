"""`why PAGE`: why a page has the image it has, or none."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from daemon.cli import desk, find
from daemon.cli.history import waits
from daemon.flow.context import Flow
from daemon.flow.wants import Shown, look
from db import images, jobs, posts
from db.engine import Tx
from db.records import ImageRecord, Job, Post
from db.states import State


def why(page: str, source: str | None, *, json: bool) -> None:
    """Explain a page."""
    desk.finish(_why(page, source, json=json))


async def _why(words: str, source: str | None, *, json: bool) -> None:
    found = desk.settings(source)
    async with desk.looking(found) as flows, flows.first.db.reading() as tx:
        post = await find.page(tx, words, source)
        data = await _explain(tx, flows.first, post)
    desk.show(data, json=json, human=lambda out: _print(out, data))


async def _explain(tx: Tx, flow: Flow, post: Post) -> dict[str, Any]:
    known = await images.by_names(tx, list(post.shows))
    history = await jobs.of_page(tx, post.source, post.page_id)
    held = post.page_id in await posts.held_ids(tx, post.source)
    shown = look(post.page_id, post.shows, known)
    lines = [
        *_now(flow, post, history[0] if history else None, held=held),
        *_image(post, shown, known),
    ]
    if history and (delayed := await jobs.newest_delay(tx, history[0])):
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


def _now(flow: Flow, post: Post, newest: Job | None, *, held: bool) -> list[str]:
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
    elif post.skipped:
        said.append("posts.skip matches it: only its tick box makes an image.")
    elif not post.chosen:
        said.append("posts.only does not match it: only its tick box makes an image.")
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
