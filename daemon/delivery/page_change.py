"""Composes the page update that attaches images: status, note, alternative text."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection, Mapping, Sequence

from daemon.config.model import PostsSection
from daemon.context import SourceContext
from daemon.delivery.image_words import ImageWords
from daemon.formatting import format_price
from daemon.jobs import breaker_store
from daemon.jobs.prompt import (
    Inputs,
    fit_prompt,
    strip_social_markup,
    truncate_text,
)
from daemon.jobs.retry_policy import EDIT_ADVICE, TICK_ADVICE
from daemon.jobs.writing import writing_for_image
from daemon.notion.filters import matches_filter
from daemon.notion.model import File, Page, PageUpdate, Role, Wanted
from db import attempts, posts
from db.models import Attempt, ImageRecord, Job
from db.states import JobReason
from providers.base import ImageRequest
from providers.breaker import BreakerState
from providers.card_provider import CardProvider
from providers.outcomes import BadRequestError, Outcome
from providers.provider import Provider

#: IPTC Photo Metadata User Guide: a plain sentence, without "image of" and hashtags.
_ALT_LIMIT = 250
#: Characters of the prompt's parts that describe the subject.
_SUBJECT_LIMIT = 125
_NEGATIVE = re.compile(r"\b(?:avoid|negative prompt|do not include)\b.*", re.IGNORECASE)
_LEAD = re.compile(
    r"^(?:please\s+)?(?:create|generate|make|paint|draw)?\s*(?:an?|the)?\s*"
    r"(?:[\w-]+\s+){0,2}(?:image|photo|photograph|picture|illustration)\s+(?:of|showing)\s+",
    re.IGNORECASE,
)
_REPLACEMENT = (
    "postbrush will replace the card with an image when a service is available again."
)
_LAST_NUMBERS = re.compile(r"(?:\s+\S*\d\S*)+$")
_QUALITY = re.compile(
    r"^(?:\d+k|hdr|highly detailed|ultra[- ]?\w*|sharp focus|masterpiece|best quality|"
    r"photorealistic|cinematic(?: lighting)?|award[- ]winning|"
    r"no (?:text|letters|logos?)|"
    r"\d+\s?mm(?: lens)?|f/\d.*|(?:style|mood|lighting|camera)\s*:.*)$",
    re.IGNORECASE,
)


async def compose_change(
    source: SourceContext,
    job: Job,
    page: Page,
    made: Sequence[ImageRecord],
    *,
    uploads: tuple[tuple[str, str], ...],
    keep: tuple[File, ...],
    words: ImageWords,
) -> PageUpdate:
    """Return the update that attaches the uploads of *made* to *page*.

    Args:
        uploads: Pairs of upload ID and file name, in the order of *made*.
        keep: The owner's files, which stay behind ours.
        words: What is on the images.
    """
    first = made[0]
    inputs = Inputs.from_dict(job.inputs)
    provider = source.providers.get(first.provider)
    return PageUpdate(
        uploads=uploads,
        keep=keep,
        status="Card" if first.is_card else "Done",
        note=_compose_note(
            made,
            inputs,
            source.options.posts,
            models_ended=first.is_card and await _have_models_ended(source),
            cut=_note_about_cut(first, inputs, provider),
            problem=words.problem,
        ),
        provider=provider.traits.label if provider else first.provider,
        details=await _image_details(source, job, made),
        alt=await _alt_text(source, job, page, first, words.headline),
        used_prompt=first.prompt,
        clear_feedback=_was_followed(page.feedback, inputs, first),
        # The pick was one of the images before.
        clear_pick=page.pick is not None and not inputs.chosen_files,
        cover=uploads[0][0] if source.options.posts.cover else None,
        extra=_extra_values(source.options.posts, job, page, card=first.is_card),
    )


def _was_followed(feedback: str, inputs: Inputs, first: ImageRecord) -> bool:
    """Return whether an image was made by the feedback that the page shows."""
    # A card ignores it, and a person may have put an earlier image back.
    if first.is_card or inputs.chosen_files:
        return False
    return bool(feedback) and feedback == inputs.feedback


def _compose_note(
    made: Sequence[ImageRecord],
    inputs: Inputs,
    settings: PostsSection,
    *,
    models_ended: bool,
    cut: str,
    problem: str,
) -> str:
    first = made[0]
    if problem:
        return f"The headline could not be put on the image: {problem}."
    # A person has chosen the files, so there is nothing to explain.
    if inputs.chosen_files:
        return ""
    if first.is_card and first.card_why:
        outlook = TICK_ADVICE if first.replaceable else EDIT_ADVICE
        # No service becomes available again, and a tick would not help.
        if models_ended:
            outlook = "To get an image, choose another model in the postbrush settings."
        elif first.replaceable and settings.replace_cards is not None:
            outlook = _REPLACEMENT
        return f"Placeholder card: {first.card_why.rstrip('.')}. {outlook}"
    if len(made) < inputs.variants and not first.is_card:
        made_count = f"{len(made)} of {inputs.variants} images were generated"
        return f"{made_count}. No service could generate the others."
    return cut


def _note_about_cut(
    first: ImageRecord, inputs: Inputs, provider: Provider | None
) -> str:
    """Return what a service's limit cut off the prompt of an image, or ""."""
    limit = provider.traits.max_prompt if provider else None
    sent, was_cut = fit_prompt(inputs.prompt, inputs.post_part, limit)
    if provider is None or not was_cut or sent != first.prompt:
        return ""
    is_owners = inputs.origin == "prompt"
    what = "Your image prompt" if is_owners else "The post's text in the prompt"
    return (
        f"{what} was shortened: {provider.traits.label} accepts prompts of up to "
        f"{limit:,} characters."
    )


async def _have_models_ended(source: SourceContext) -> bool:
    """Return whether every service of the chain has ended the configured model."""
    async with source.app.db.read_transaction() as tx:
        breakers = await breaker_store.load_breakers(tx, source.chain)
    services = [
        name for name in source.chain if not source.providers[name].traits.is_card
    ]
    return bool(services) and all(
        breakers[name].state is not BreakerState.CLOSED
        and breakers[name].reason is Outcome.NOT_FOUND
        for name in services
    )


async def _image_details(
    source: SourceContext, job: Job, made: Sequence[ImageRecord]
) -> str | None:
    """Return what made the images; None if the source has no property for it."""
    if Role.DETAILS not in source.known_schema.roles:
        return None
    async with source.app.db.read_transaction() as tx:
        calls = {call.id: call for call in await attempts.of_job(tx, job.id)}
    return describe_images(
        [(image, calls.get(image.attempt_id)) for image in made if not image.is_card],
        {name for name in source.providers if not source.takes_seed(name)},
    )


def describe_images(
    made: Sequence[tuple[ImageRecord, Attempt | None]], seedless: Collection[str]
) -> str:
    """Return model, price and seed of each image with the call that made it."""
    lines = []
    for image, call in made:
        model = (image.model or image.provider).rpartition("/")[2]
        # The price of an earlier job's image belongs to that job.
        price = [format_price(call.cost, call.included_cost)] if call else []
        seed = [] if image.provider in seedless else [f"seed {image.seed}"]
        lines.append(", ".join([model, *price, *seed]))
    if len(lines) == 1:
        return lines[0]
    return "\n".join(f"{number}. {line}" for number, line in enumerate(lines, 1))


async def _alt_text(
    source: SourceContext, job: Job, page: Page, first: ImageRecord, headline: str
) -> str | None:
    async with source.app.db.read_transaction() as tx:
        post = await posts.get(tx, job.source, job.page_id)
    ours = post.our_alt_text if post else None
    # A person has written the text, so it stays.
    if page.alt and page.alt != ours:
        return None
    inputs = Inputs.from_dict(job.inputs)
    if first.is_card:
        words = await asyncio.to_thread(_words_of_card, source, inputs, first)
        return alt_text_for_card(words, source.options.card.tag)
    # The picture is the writer's, and not what our own rule has found in the post.
    if (writing := writing_for_image(job, first)) is not None:
        alt = writing.alt or alt_text_for_prompt(writing.text, inputs.words)
        return with_headline(alt, headline)
    # Feedback, style and template are instructions; the post's part is what is shown.
    start, end = inputs.post_part or (0, len(inputs.prompt))
    alt = alt_text_for_prompt(inputs.prompt[start:end], inputs.words)
    return with_headline(alt, headline)


def with_headline(alt: str, headline: str) -> str:
    """Return the alternative text of an image with a headline on it."""
    if not headline:
        return alt
    quoted = f" “{headline}”"
    picture, _ = truncate_text(alt, max(0, _ALT_LIMIT - len(quoted)))
    return f"{picture}{quoted}".strip()


def _words_of_card(source: SourceContext, inputs: Inputs, image: ImageRecord) -> str:
    """Return the words that a card shows; it is laid out again, but not drawn."""
    provider = source.providers.get(image.provider)
    request = ImageRequest(
        prompt="",
        words=inputs.words,
        width=image.width,
        height=image.height,
        seed=image.seed or 0,
    )
    try:
        return provider.describe(request) if isinstance(provider, CardProvider) else ""
    # The settings of the card have changed since it was rendered.
    except BadRequestError:
        return ""


def _extra_values(
    settings: PostsSection, job: Job, page: Page, *, card: bool
) -> Mapping[str, Wanted]:
    # The values of a post that has moved on, such as one posted, stay unchanged.
    if job.reason is not JobReason.NEW and not (
        settings.only and matches_filter(page.properties, settings.only)
    ):
        return {}
    return (
        settings.on_card if card and settings.on_card is not None else settings.on_done
    )


def alt_text_for_card(words: str, tag: str) -> str:
    """Return the alternative text of a card: the words it shows, and its tag."""
    if not words:
        words, tag = tag, ""
    one_line = re.sub(r"\s+", " ", words).strip()
    tail = f" — {tag}" if tag else ""
    room = _ALT_LIMIT - len(tail) - len("Text on a plain background: “…”")
    quoted, was_cut = _cut_text(one_line, room)
    return f"Text on a plain background: “{quoted}{'…' if was_cut else ''}”{tail}"


def alt_text_for_prompt(prompt: str, words: str) -> str:
    """Return the alternative text of an image, made of its prompt.

    A prompt without a usable subject gives way to the first sentence of *words*.
    """
    subject = _LEAD.sub("", _NEGATIVE.sub("", prompt).strip())
    kept: list[str] = []
    for part in re.split(r",(?!\d)|[;\n]|\.\s", subject):
        clean = part.strip(" .")
        if not clean or _QUALITY.match(clean):
            continue
        if kept and len(", ".join([*kept, clean])) > _SUBJECT_LIMIT:
            break
        kept.append(clean)
    if kept:
        text, _ = _cut_text(", ".join(kept), _ALT_LIMIT - len(". (AI-generated)"))
        return f"{text[:1].upper()}{text[1:].rstrip('.!?')}. (AI-generated)"
    sentence = re.split(r"(?<=[.!?])\s", strip_social_markup(words) or "the post")[0]
    text, _ = _cut_text(
        sentence, _ALT_LIMIT - len("Illustration for: . (AI-generated)")
    )
    return f"Illustration for: {text.rstrip('.')}. (AI-generated)"


def _cut_text(text: str, limit: int) -> tuple[str, bool]:
    """Return *text* cut before a number that would lose its end, and whether it was."""
    short, was_cut = truncate_text(text, limit)
    return (_LAST_NUMBERS.sub("", short) if was_cut else short), was_cut
