"""Whether a job is still wanted, judged by its page.  Pure, one comment per branch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from daemon.config.model import PostsSection
from daemon.notion.filters import matches_filter
from daemon.notion.model import Page
from db.models import ImageRecord, Job
from db.states import JobReason

#: The page is in the trash, archived or out of the source.
PAGE_GONE = "the page was deleted or moved"


class Stage(Enum):
    """When a job is judged."""

    PLANNING = auto()
    PAYING = auto()
    ATTACHING = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageColumnState:
    """Which of the files in the Image property of a page are ours.

    Attributes:
        copies: Fingerprints of images made for other pages.
        cards_only: Every file is a card made for this page, or there is no file.
        only_ours: There is a file, and every file was made for this page.
        foreign: Some file was not made by postbrush.
    """

    copies: frozenset[str]
    cards_only: bool
    only_ours: bool
    foreign: bool


def classify_images(
    page_id: str, names: Sequence[str], known: Mapping[str, ImageRecord]
) -> ImageColumnState:
    """Classify the file names in the Image property of a page.

    Args:
        known: Images of ours by file name.
    """
    ours = [known[name] for name in names if name in known]
    of_page = [image for image in ours if image.page_id == page_id]
    return ImageColumnState(
        copies=frozenset(
            image.fingerprint for image in ours if image.page_id != page_id
        ),
        cards_only=len(of_page) == len(names)
        and all(image.is_card for image in of_page),
        only_ours=bool(of_page) and len(of_page) == len(names),
        foreign=len(ours) < len(names),
    )


def cancel_reason(
    job: Job,
    page: Page,
    known: Mapping[str, ImageRecord],
    settings: PostsSection,
    stage: Stage,
) -> str | None:
    """Return why a job is no longer wanted; None: it is wanted.

    Args:
        known: Images of ours that the page shows, by file name.
    """
    # The page is in the trash, archived or out of the source.
    if page.gone:
        return PAGE_GONE
    # A person requested it, so no other rule applies.
    if job.reason is JobReason.REGENERATE:
        return None
    # The post no longer matches the posts that get images automatically.
    if is_filtered_out(page, settings):
        return "the filter posts.only or posts.skip now excludes the post"
    shown = classify_images(page.id, [file.name for file in page.image], known)
    # A person added a file, which stays.
    if shown.foreign and stage is Stage.PLANNING:
        return "the page already has an image"
    if shown.foreign:
        return "the page shows an image that postbrush did not make"
    # The page is read again before it is paid for, which decides the rest.
    if stage is Stage.PLANNING:
        return None
    # The card was removed or replaced.
    if job.reason is JobReason.REPLACE and not (page.image and shown.cards_only):
        return "the page no longer shows the card"
    # The page got an image in another way.  An image that is paid for is attached.
    is_unpaid_new = job.reason is JobReason.NEW and stage is Stage.PAYING
    if is_unpaid_new and page.image and not shown.copies:
        return "the page already has an image"
    return None


def is_filtered_out(page: Page, settings: PostsSection) -> bool:
    """Return whether the filters exclude a post from automatic images."""
    is_skipped = bool(settings.skip) and matches_filter(page.properties, settings.skip)
    return is_skipped or not matches_filter(page.properties, settings.only)


def depends_on_filter(settings: PostsSection, job: Job) -> bool:
    """Return whether *job* is only valid while its post matches the filters."""
    return job.reason is not JobReason.REGENERATE and bool(
        settings.only or settings.skip
    )
