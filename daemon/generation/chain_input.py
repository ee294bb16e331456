"""The chain input: what selecting a provider for a job's next image depends on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from daemon.config.parsing import FormatError, ImageFormat, parse_format
from daemon.context import SourceContext
from daemon.jobs.budget import day_start
from daemon.jobs.job_validity import classify_images
from daemon.jobs.prompt import Inputs
from daemon.jobs.writing import writing_of
from db import attempts, images, jobs, posts, spending
from db.engine import Tx
from db.models import Attempt, ImageRecord, Job, Post
from db.states import JobReason
from providers.charges import WASTED
from providers.outcomes import OUTCOMES, Outcome

#: Wasted calls for one image after which a provider is excluded.
_WASTE_LIMIT = 3
#: The provider will never accept this job's request.
_DECLINED = frozenset({Outcome.REFUSED, Outcome.BLANK, Outcome.BAD_REQUEST})
#: Retried in the same round: the provider named a time, we ended the call, or a free
#: service sent an earlier image again.
_RETRIED_IN_ROUND = frozenset(
    {Outcome.LOADING, Outcome.RATE_LIMITED, Outcome.UNKNOWN, Outcome.IDENTICAL}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSpec:
    """The image to generate and the page it belongs to.

    Attributes:
        job_id: None for `generate` and `test`.
        prompt: The image prompt, before it is cut to the provider's limit.
        post_part: The part of it that is cut; see `Inputs`.
        words: The text of the post, which a card shows.
        size: 0 by 0 pixels if the format does not exist.
        seed: Of the first image, the others count from it; None: random.
    """

    page_id: str = ""
    job_id: int | None = None
    prompt: str
    post_part: Sequence[int] = ()
    words: str
    size: ImageFormat
    fingerprint: str = ""
    seed: int | None = None

    @property
    def has_size(self) -> bool:
        """False if the format does not exist."""
        return self.size.width > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainInput:
    """An image that needs a provider, and the calls made for it so far.

    Attributes:
        number: Number of the next image within the job.
        tried: All calls for images of the job since a person last requested it.
        chain: Provider names in order.
        card_allowed: The page shows no image except a card of ours.
        keeps_image: The page shows an image that is not a card of ours.
        shows_image: The page shows any image, cards included.
        page_today: Calls for this page today that were charged or included.
        made: Existing images of the job for its current inputs.
        complete: All images of the job exist.
    """

    image: ImageSpec
    number: int = 1
    round: int = 0
    chain: Sequence[str]
    tried: Sequence[Attempt] = ()
    first_waited_at: datetime | None = None
    card_allowed: bool = True
    keeps_image: bool = False
    shows_image: bool = False
    page_today: int = 0
    made: Sequence[ImageRecord] = ()
    complete: bool = False

    @property
    def open_call(self) -> Attempt | None:
        """The call without a result, after a crash or shutdown during the call."""
        return next((call for call in self.tried if call.outcome is None), None)

    @property
    def round_attempts(self) -> list[Attempt]:
        """The attempts for this image in this round."""
        return [
            attempt
            for attempt in self.tried
            if attempt.round == self.round and attempt.number == self.number
        ]

    def excluded_reason(self, name: str) -> str | None:
        """Return why a provider is excluded for this image in this round, or None."""
        if (why := self.permanently_excluded_reason(name)) is not None:
            return why
        for outcome in _outcomes_of(self.round_attempts, name):
            if outcome is not Outcome.IMAGE and outcome not in _RETRIED_IN_ROUND:
                return OUTCOMES[outcome]
        return None

    def permanently_excluded_reason(self, name: str) -> str | None:
        """Return why a provider is excluded for this image in all rounds, or None."""
        outcomes = Counter(_outcomes_of(self.tried, name))
        # A declined request excludes the provider for every image of the job.
        for outcome in _DECLINED:
            if outcomes[outcome]:
                return OUTCOMES[outcome]
        calls = [call for call in self.tried if call.number == self.number]
        wasted = sum(outcome in WASTED for outcome in _outcomes_of(calls, name))
        return None if wasted < _WASTE_LIMIT else f"failed {wasted} times on this post"


def _outcomes_of(calls: Sequence[Attempt], provider: str) -> Iterator[Outcome]:
    for call in calls:
        if call.provider == provider and call.outcome is not None:
            yield Outcome(call.outcome)


async def load_chain_inputs(
    tx: Tx, source: SourceContext, waiting: Sequence[Job]
) -> dict[int, ChainInput]:
    """Return the chain input of each job of *source*, by job ID."""
    pages = [job.page_id for job in waiting]
    attempts_by_job = await attempts.of_jobs(tx, [job.id for job in waiting])
    post_by_page = await posts.get_many(tx, source.name, pages)
    shown_images = await images.by_names(
        tx, [name for post in post_by_page.values() for name in post.shown_files]
    )
    today = day_start(source.app.now(), source.app.clock.zone)
    calls_today = await spending.count_paid_calls(tx, pages, today)
    usable = await _load_usable_images(tx, source.name, waiting)
    return {
        job.id: _build_chain_input(
            job,
            chain=source.chain,
            calls=attempts_by_job.get(job.id, ()),
            made=usable[job.id],
            post=post_by_page.get(job.page_id),
            shown_images=shown_images,
            page_today=calls_today.get(job.page_id, 0),
        )
        for job in waiting
    }


def _build_chain_input(
    job: Job,
    *,
    chain: Sequence[str],
    calls: Sequence[Attempt],
    made: Sequence[ImageRecord],
    post: Post | None,
    shown_images: Mapping[str, ImageRecord],
    page_today: int,
) -> ChainInput:
    shows = post.shown_files if post else ()
    cards_only = classify_images(job.page_id, shows, shown_images).cards_only
    return ChainInput(
        image=build_image_spec(job),
        number=len(made) + 1,
        round=job.rounds,
        chain=chain,
        tried=[
            call
            for call in calls
            if call.is_for_image
            and (job.reopened_at is None or call.started_at >= job.reopened_at)
        ],
        first_waited_at=job.first_waited_at,
        card_allowed=cards_only and not made and job.reason is not JobReason.REPLACE,
        keeps_image=not cards_only,
        shows_image=bool(shows),
        page_today=page_today,
        made=made,
        complete=is_complete(job, made),
    )


def build_image_spec(job: Job) -> ImageSpec:
    """Return the spec of the images of *job*."""
    spec = read_image_spec(job.inputs, job.page_id, job.id, job.fingerprint)
    writing = writing_of(job)
    if writing is None or not writing.prompt:
        return spec
    return replace(spec, prompt=writing.prompt, post_part=writing.post_part)


def read_image_spec(
    values: Mapping[str, Any],
    page_id: str,
    job_id: int | None = None,
    fingerprint: str = "",
) -> ImageSpec:
    """Return the spec of an image from stored inputs (`Inputs.to_dict`)."""
    inputs = Inputs.from_dict(values)
    return ImageSpec(
        page_id=page_id,
        job_id=job_id,
        prompt=inputs.prompt,
        post_part=inputs.post_part,
        words=inputs.words,
        size=_read_size(inputs.format),
        fingerprint=fingerprint,
        seed=inputs.seed,
    )


def _read_size(name: str) -> ImageFormat:
    try:
        return parse_format(name)
    except FormatError:
        return ImageFormat(width=0, height=0, name=name)


def is_complete(job: Job, made: Sequence[ImageRecord]) -> bool:
    """Return whether all images of *job* are among *made*."""
    # A merged newer request changes the fingerprint; older images no longer count.
    usable = [image for image in made if image.fingerprint == job.fingerprint]
    # A card is always the only image of its job.
    has_card = any(image.is_card for image in usable)
    return has_card or len(usable) >= Inputs.from_dict(job.inputs).variants


async def _load_usable_images(
    tx: Tx, source: str, waiting: Sequence[Job]
) -> dict[int, list[ImageRecord]]:
    """Return the images on disk that each job has or may use, by job ID."""
    pages = {job.page_id: job.fingerprint for job in waiting}
    by_page: dict[str, list[ImageRecord]] = {}
    for image in await images.of_inputs(tx, source, pages):
        by_page.setdefault(image.page_id, []).append(image)
    maker_ids = {
        image.job_id
        for page_images in by_page.values()
        for image in page_images
        if image.job_id is not None
    }
    others = sorted(maker_ids - {job.id for job in waiting})
    makers = {job.id: job for job in await jobs.get_many(tx, others)}
    return {
        job.id: _select_usable_images(job, by_page.get(job.page_id, ()), makers)
        for job in waiting
    }


def _select_usable_images(
    job: Job, page_images: Sequence[ImageRecord], makers: Mapping[int, Job]
) -> list[ImageRecord]:
    """Return the images that *job* has or may use, ordered by number."""
    # A merged newer request changes the fingerprint; older images no longer count.
    usable = [
        image
        for image in page_images
        if image.fingerprint == job.fingerprint and image.pruned_at is None
    ]
    own = [image for image in usable if image.job_id == job.id]
    if own:
        return sorted(own, key=lambda image: image.number)
    others = [image for image in usable if _is_usable_by(job, image, makers)]
    newest = max((image.job_id or 0 for image in others), default=0)
    of_newest = [image for image in others if image.job_id == newest]
    of_newest.sort(key=lambda image: image.number)
    return of_newest[: Inputs.from_dict(job.inputs).variants]


def _is_usable_by(job: Job, image: ImageRecord, makers: Mapping[int, Job]) -> bool:
    maker = makers.get(image.job_id or 0)
    # A card costs nothing, and a service may be available by now.
    if maker is None or image.is_card:
        return False
    match job.reason:
        # A tick asks for a new image, unless it repeats a request without a result.
        case JobReason.REGENERATE:
            return image.shown_at is None and _have_same_request(maker, job)
        # An image the page showed before its card was replaced on request.
        case JobReason.REPLACE:
            return image.shown_at is None
        case _:
            return True


def _have_same_request(one: Job, other: Job) -> bool:
    """Return whether two jobs ask for the same image, whoever wrote their prompts."""
    inputs = [Inputs.from_dict(job.inputs) for job in (one, other)]
    is_same = len({(asked.request, asked.seed) for asked in inputs}) == 1
    return is_same and one.fingerprint == other.fingerprint
