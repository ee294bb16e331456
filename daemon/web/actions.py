"""POST handlers of the buttons: each acts as a command does and wakes the daemon."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import TypeAlias

from aiohttp import web

from daemon.errors import PostbrushError
from daemon.formatting import format_count
from daemon.generation.prompt_writing import adopt_prompt
from daemon.jobs import actions, job_log
from daemon.sync.poller import note_activity
from daemon.web.history import has_prompt_property
from daemon.web.login import safe_redirect_path
from daemon.web.session import WebContext, web_context_of
from db import images, jobs, posts, source_state
from db.engine import Tx
from db.errors import StaleJobError
from db.models import ImageRecord, Job, Pause, Post
from providers.card.card_text import one_line

_PAUSES: Mapping[str, timedelta | None] = {
    "1h": timedelta(hours=1),
    "1d": timedelta(days=1),
    "7d": timedelta(days=7),
    "": None,
}
#: Carries out one button and returns the message for the visitor.
FormAction: TypeAlias = Callable[[web.Request, WebContext, Tx], Awaitable[str]]


def routes(_app: web.Application) -> list[web.RouteDef]:
    """Return the route of each button."""
    number = "{number:[0-9]{1,18}}"
    by_path: Mapping[str, FormAction] = {
        "/approve": _approve_posts,
        "/pause": _pause_sources,
        "/resume": _resume_sources,
        "/providers/{name}/reset": _reset_breaker,
        f"/jobs/{number}/retry": _retry_job,
        f"/jobs/{number}/cancel": _cancel_job,
        f"/jobs/{number}/adopt-prompt": _adopt_prompt,
        f"/images/{number}/another": _regenerate_image,
        f"/images/{number}/use": _reattach_image,
        f"/images/{number}/headline": _reletter_image,
    }
    return [web.post(path, _form_handler(action)) for path, action in by_path.items()]


def _form_handler(
    action: FormAction,
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle_form(request: web.Request) -> web.StreamResponse:
        site, form = web_context_of(request), await request.post()
        target = safe_redirect_path(form.get("to"))
        try:
            async with site.source.app.db.write_transaction() as tx:
                message = await action(request, site, tx)
        # The state changed in the meantime, or the action is not possible.
        except (PostbrushError, StaleJobError) as error:
            message = str(error)
            return site.redirect_to(
                request, target, message[:1].upper() + message[1:], wrong=True
            )
        for source in site.sources.led:
            note_activity(source)
        site.source.app.signals.kick.set()
        return site.redirect_to(request, target, message)

    return handle_form


async def _approve_posts(request: web.Request, site: WebContext, tx: Tx) -> str:
    form = await request.post()
    text = str(form.get("newest", ""))
    newest = int(text) if text.isdecimal() and len(text) < 10 else None  # noqa: PLR2004 - more are not held
    queued = await actions.approve_held(tx, newest, site.source.app.now())
    for job in queued:
        job_log.log_job_queued(site.sources.source_of(job.source), job)
    return f"{format_count(len(queued), 'post')} will get an image."


async def _pause_sources(request: web.Request, site: WebContext, tx: Tx) -> str:
    length = _PAUSES.get(str((await request.post()).get("for", "")))
    now = site.source.app.now()
    until = now + length if length is not None else None
    for source in site.sources.names:
        await source_state.set_pause(tx, Pause(source=source, since=now, until=until))
    return "Paused. New requests are queued, and no images are generated."


async def _resume_sources(_request: web.Request, site: WebContext, tx: Tx) -> str:
    were_paused = [
        await source_state.clear_pause(tx, source) for source in site.sources.names
    ]
    return "Resumed." if any(were_paused) else "postbrush was not paused."


async def _reset_breaker(request: web.Request, site: WebContext, tx: Tx) -> str:
    name = request.match_info["name"]
    if name not in site.source.services:
        raise web.HTTPNotFound(text="There is no such service.")
    was_open = await actions.reset_breaker(tx, name, site.source.app.now())
    label = site.source.services[name].traits.label
    return f"{label} {'will be tried again now' if was_open else 'was not paused'}."


async def _retry_job(request: web.Request, site: WebContext, tx: Tx) -> str:
    job = await actions.retry_job(
        tx, await _find_job(request, tx), site.source.app.now()
    )
    job_log.log_job_queued(site.sources.source_of(job.source), job)
    return f"Job {job.id} will be retried."


async def _cancel_job(request: web.Request, site: WebContext, tx: Tx) -> str:
    job = await actions.cancel_job(
        tx, await _find_job(request, tx), site.source.app.now()
    )
    return f"Job {job.id} was cancelled."


async def _adopt_prompt(request: web.Request, site: WebContext, tx: Tx) -> str:
    job = await _find_job(request, tx)
    if not has_prompt_property(site.sources.source_of(job.source)):
        raise PostbrushError(
            "the Notion database does not have a text property for image prompts"
        )
    await adopt_prompt(tx, job)
    return f"The prompt will be saved as the image prompt of “{job.title}”."


async def _regenerate_image(request: web.Request, site: WebContext, tx: Tx) -> str:
    _, post = await _find_image(request, tx)
    job = await actions.request_regeneration(tx, post, site.source.app.now())
    job_log.log_job_queued(site.sources.source_of(job.source), job)
    return f"“{post.title}” will get a new image."


async def _reattach_image(request: web.Request, site: WebContext, tx: Tx) -> str:
    image, post = await _find_image(request, tx)
    if site.source.app.store.is_lost(image.name):
        raise PostbrushError(f"the file {image.name} is missing")
    await actions.reattach_image(tx, post, image, site.source.app.now())
    return f"This image will be put back on “{post.title}”."


async def _reletter_image(request: web.Request, site: WebContext, tx: Tx) -> str:
    image, post = await _find_image(request, tx)
    if image.name not in map(images.plain_name, post.shown_files):
        raise PostbrushError(f"“{post.title}” shows another image now")
    words = one_line(str((await request.post()).get("headline", "")))
    await actions.reletter_images(tx, post, words, site.source.app.now())
    if not words:
        return f"“{post.title}” will get the image without a headline."
    return f"“{post.title}” will get the image with this headline, at no charge."


async def _find_job(request: web.Request, tx: Tx) -> Job:
    job = await jobs.get(tx, int(request.match_info["number"]))
    if job is None:
        raise web.HTTPNotFound(text="There is no such job.")
    return job


async def _find_image(request: web.Request, tx: Tx) -> tuple[ImageRecord, Post]:
    image = await images.by_id(tx, int(request.match_info["number"]))
    if image is None:
        raise web.HTTPNotFound(text="There is no such image.")
    post = await posts.get(tx, image.source, image.page_id)
    if post is None:
        raise PostbrushError("this image does not belong to a post")
    return image, post
