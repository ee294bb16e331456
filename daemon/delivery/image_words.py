"""The images of a job, and the words on them: which ones, and in which files."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from daemon.context import SourceContext
from daemon.imaging import files
from daemon.jobs.prompt import Inputs, strip_social_markup, truncate_text
from daemon.jobs.writing import writing_for_image
from daemon.notion.model import Page
from db import images
from db.models import ImageRecord, Job
from providers.card.card_text import one_line
from providers.card.sentences import split_sentences

if TYPE_CHECKING:
    from daemon.imaging.overlay import Words

#: Characters of a headline that is made of the post.
_LIMIT = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageWords:
    """What is put on the images of a job.

    Attributes:
        overlay: None if the images are shown as they are.
        key: Tells the files with these words from others.
        problem: Why the words cannot be set, for people; empty if they can.
        seen: The property of the page that was read; None if it is not used.
    """

    overlay: Words | None = None
    key: str = ""
    problem: str = ""
    seen: str | None = None

    @property
    def headline(self) -> str:
        """The headline on the images; empty if there is none."""
        return self.overlay.headline if self.overlay else ""

    def file_name(self, image: ImageRecord) -> str:
        """Return the name of the file that the page shows."""
        if self.overlay is None:
            return image.name
        return images.lettered_name(image.name, self.key)


async def load_images(source: SourceContext, job: Job) -> list[ImageRecord]:
    """Return the images that *job* puts on its page, in their order there."""
    async with source.app.db.read_transaction() as tx:
        made = await images.of_job(tx, job.id)
    chosen = Inputs.from_dict(job.inputs).chosen_files
    # A person has chosen the files and their order.
    if chosen:
        return await asyncio.to_thread(_select_chosen, source, chosen, made)
    return [image for image in made if image.fingerprint == job.fingerprint]


def _select_chosen(
    source: SourceContext, chosen: Sequence[str], made: Sequence[ImageRecord]
) -> list[ImageRecord]:
    by_name = {image.name: image for image in made}
    first, *variants = chosen
    # The other images are shown even if the file of a variant is lost.
    available = [name for name in variants if not source.app.store.is_lost(name)]
    return [by_name[name] for name in (first, *available) if name in by_name]


def choose_words(
    source: SourceContext, job: Job, page: Page, made: Sequence[ImageRecord]
) -> ImageWords:
    """Return what is put on the images *made* of a job."""
    settings, look = source.options.images, source.card_look
    seen = page.headline if settings.headline != "off" else None
    # A card has its words already.
    if not made or made[0].is_card:
        return ImageWords(seen=seen)
    headline = choose_headline(settings.headline, job, made[0], page.headline)
    with_brand = settings.brand and bool(look.tag or look.logo)
    if not headline and not with_brand:
        return ImageWords(seen=seen)
    from daemon.imaging import lettered_files  # noqa: PLC0415 - saves 4 MB until then

    overlay = lettered_files.Words(
        headline=headline,
        style=settings.headline_style,
        look=look,
        with_brand=with_brand,
    )
    return ImageWords(overlay=overlay, key=lettered_files.key_of(overlay), seen=seen)


def choose_headline(
    setting: Literal["off", "column", "auto"],
    job: Job,
    image: ImageRecord,
    of_page: str | None,
) -> str:
    """Return the words to put on an image of the job, on one line; "" for none.

    Args:
        setting: `images.headline`.
        of_page: The property of the page, None if there is none.
    """
    inputs = Inputs.from_dict(job.inputs)
    # A person has asked for these words, or for none.
    if inputs.chosen_headline is not None:
        return one_line(inputs.chosen_headline)
    if setting == "off":
        return ""
    if of_page and (own := one_line(of_page)):
        return own
    if setting == "column":
        return ""
    writing = writing_for_image(job, image)
    written = writing.headline if writing is not None else ""
    return one_line(written) or _first_sentence(inputs.words)


def _first_sentence(post: str) -> str:
    """Return the first sentence of a post, cut at a word after 60 characters."""
    sentences = split_sentences(strip_social_markup(post))
    first = sentences[0] if sentences else ""
    text, was_cut = truncate_text(first, _LIMIT)
    return f"{text.rstrip(' ,;:-')}…" if was_cut else text


async def put_words_on(
    source: SourceContext, words: ImageWords, made: Sequence[ImageRecord]
) -> ImageWords:
    """Write the files with the words, unless they exist.

    Returns:
        *words*, or none of them with the reason if they cannot be set.

    Raises:
        FileNotFoundError: An image is gone.
        StoreUnavailableError: An image is on the shared store only, which is away.
    """
    if words.overlay is None:
        return words
    from daemon.imaging.lettering import UnsettableError  # noqa: PLC0415 - as above

    try:
        for image in made:
            await _put_words_on_image(source, words, words.overlay, image)
    except UnsettableError as error:
        source.log.warning(
            "headline.omitted",
            summary=f"“{words.headline}” is not on the image: {error}",
            page=made[0].page_id,
        )
        return replace(words, overlay=None, problem=str(error))
    return words


async def _put_words_on_image(
    source: SourceContext, words: ImageWords, overlay: Words, image: ImageRecord
) -> None:
    from daemon.imaging import lettered_files  # noqa: PLC0415 - as above

    app, settings = source.app, source.options.images
    target = file_path(source, words, image)
    plain = await asyncio.to_thread(app.store.ensure_local, image.name, image.sha256)
    async with app.decoding:
        await asyncio.to_thread(
            lettered_files.write_lettered,
            target,
            plain,
            overlay,
            mark_ai=settings.mark_ai,
            prompt=image.prompt if settings.embed_prompt else None,
        )


def file_path(source: SourceContext, words: ImageWords, image: ImageRecord) -> Path:
    """Return the path of an image's file with *words* on it."""
    folder = files.lettered_folder(source.app.image_folder)
    return folder / words.file_name(image)
