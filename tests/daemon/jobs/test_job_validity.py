"""Whether a job is still wanted, asked while planning, before paying and attaching."""

from __future__ import annotations

from dataclasses import replace

import pytest

from daemon.config.model import PostsSection
from daemon.jobs.job_validity import PAGE_GONE, Stage, cancel_reason
from daemon.notion.model import Page, PropertyValue
from db.states import JobReason
from tests.daemon.sync.snapshots import PAGE, files_of, image_of, job_of

_FILTERED = "the filter posts.only or posts.skip now excludes the post"
_FOREIGN = "the page shows an image that postbrush did not make"
_NO_CARD = "the page no longer shows the card"
_HAS_ONE = "the page already has an image"
_READY = {"Status": PropertyValue(type="status", text="Ready")}
_KNOWN = {
    "ours.png": image_of(),
    "card.png": image_of("card.png", is_card=True),
    "copy.png": image_of("copy.png", page="c" * 32),
}
_OURS, _CARD, _COPY, _THEIRS = (
    replace(PAGE, properties=_READY, image=files_of(name))
    for name in ("ours.png", "card.png", "copy.png", "theirs.png")
)
_EMPTY = replace(PAGE, properties=_READY)


@pytest.mark.parametrize(
    ("reason", "page", "planning", "paying", "attaching"),
    [
        (JobReason.NEW, _EMPTY, None, None, None),
        (JobReason.NEW, replace(_EMPTY, gone=True), *[PAGE_GONE] * 3),
        (JobReason.REGENERATE, replace(_OURS, gone=True), *[PAGE_GONE] * 3),
        (JobReason.REGENERATE, replace(_THEIRS, properties={}), None, None, None),
        (JobReason.NEW, replace(_EMPTY, properties={}), *[_FILTERED] * 3),
        (JobReason.EDITED, replace(_THEIRS, properties={}), *[_FILTERED] * 3),
        (JobReason.EDITED, _THEIRS, _HAS_ONE, _FOREIGN, _FOREIGN),
        (JobReason.EDITED, _OURS, None, None, None),
        # An image that is paid for is attached beside one of ours.
        (JobReason.NEW, _OURS, None, _HAS_ONE, None),
        (JobReason.NEW, _COPY, None, None, None),
        (JobReason.REPLACE, _CARD, None, None, None),
        (JobReason.REPLACE, _EMPTY, None, _NO_CARD, _NO_CARD),
        (JobReason.REPLACE, _OURS, None, _NO_CARD, _NO_CARD),
    ],
)
def test_every_stage_asks_the_same_question(
    reason: JobReason,
    page: Page,
    planning: str | None,
    paying: str | None,
    attaching: str | None,
) -> None:
    settings = PostsSection(only={"Status": "Ready"})
    answers = {
        stage: cancel_reason(job_of(reason=reason), page, _KNOWN, settings, stage)
        for stage in Stage
    }
    assert answers == {
        Stage.PLANNING: planning,
        Stage.PAYING: paying,
        Stage.ATTACHING: attaching,
    }


def test_a_skipped_post_is_not_wanted_unless_it_is_ticked() -> None:
    settings = PostsSection(skip={"Status": "Ready"})
    for reason, why in ((JobReason.NEW, _FILTERED), (JobReason.REGENERATE, None)):
        job = job_of(reason=reason)
        assert cancel_reason(job, _EMPTY, {}, settings, Stage.PAYING) == why
