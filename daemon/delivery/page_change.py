"""Composes the page update that attaches images: status, note, alternative text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from daemon.config.model import PostsSection
from daemon.context import SourceContext
from daemon.delivery import alt_text
from daemon.jobs.inputs import Inputs
from daemon.notion.filters import Wanted, matches_filter
from daemon.notion.model import File, Page, PageUpdate
from db import posts
from db.models import ImageRecord, Job
from db.states import JobReason


async def compose_change(
    source: SourceContext,
    job: Job,
    page: Page,
    made: Sequence[ImageRecord],
    *,
    uploads: tuple[tuple[str, str], ...],
    keep: tuple[File, ...],
) -> PageUpdate:
    """Return the update that attaches the uploads of *made* to *page*.

    Args:
        uploads: Pairs of upload ID and file name, in the order of *made*.
        keep: The owner's files, which stay behind ours.
    """
    first = made[0]
    inputs = Inputs.from_dict(job.inputs)
    provider = source.providers.get(first.provider)
    return PageUpdate(
        uploads=uploads,
        keep=keep,
        status="Card" if first.is_card else "Done",
        note=_compose_note(made, inputs, source.options.posts),
        provider=provider.traits.label if provider else first.provider,
        alt=await _alt_text(source, job, page, first),
        clear_feedback=bool(page.feedback) and page.feedback == inputs.feedback,
        cover=uploads[0][0] if source.options.posts.cover else None,
        extra=_extra_values(source.options.posts, job, page, card=first.is_card),
    )


def _compose_note(
    made: Sequence[ImageRecord], inputs: Inputs, settings: PostsSection
) -> str:
    first = made[0]
    # A person has chosen the files, so there is nothing to explain.
    if inputs.chosen_files:
        return ""
    if first.is_card and first.card_why:
        will_be_replaced = first.replaceable and settings.replace_cards is not None
        outlook = (
            "An image follows when a service is back."
            if will_be_replaced
            else "Tick the box for another try."
        )
        return f"A card, because {first.card_why}. {outlook}"
    if len(made) < inputs.variants and not first.is_card:
        return f"{len(made)} of {inputs.variants} images: no service made the others."
    return ""


async def _alt_text(
    source: SourceContext, job: Job, page: Page, first: ImageRecord
) -> str | None:
    async with source.app.db.read_transaction() as tx:
        post = await posts.get(tx, job.source, job.page_id)
    ours = post.alt if post else None
    # A person has written the text, so it stays.
    if page.alt and page.alt != ours:
        return None
    inputs = Inputs.from_dict(job.inputs)
    if first.is_card:
        return alt_text.alt_text_for_card(inputs.words, source.options.card.tag)
    return alt_text.alt_text_for_prompt(inputs.prompt, inputs.words)


def _extra_values(
    settings: PostsSection, job: Job, page: Page, *, card: bool
) -> Mapping[str, Wanted]:
    # The values of a post that has moved on, such as one posted, stay unchanged.
    if job.reason is not JobReason.NEW and not (
        settings.only and matches_filter(page.columns, settings.only)
    ):
        return {}
    return (
        settings.on_card if card and settings.on_card is not None else settings.on_done
    )
