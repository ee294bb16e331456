"""What a page wants: one row per branch, and a search over all of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.config.model import PostsSection
from daemon.notion.model import PropertyValue
from daemon.sync.plan_values import (
    AcknowledgeRepeat,
    CancelJob,
    CreateJob,
    MergeIntoQueued,
    PageSnapshot,
    ReleasePost,
    SavePost,
    ScheduleNext,
    StoredState,
)
from daemon.sync.planner import plan_actions
from db.models import Job
from db.states import JobReason, JobState
from tests.daemon.sync.snapshots import (
    EDITS,
    NOW,
    OLD,
    RULES,
    SEEN,
    files_of,
    image_of,
    job_of,
    planned_job,
    post_of,
    snapshot,
)


def test_a_post_without_an_image_wants_one_at_once_when_it_is_old() -> None:
    assert planned_job(SEEN, post=None) == CreateJob(JobReason.NEW, NOW, "no image yet")


def test_a_post_just_written_waits_until_it_is_still() -> None:
    fresh = snapshot(edited_at=NOW)
    planned = planned_job(fresh, post=None)
    assert isinstance(planned, CreateJob)
    assert NOW < planned.due_at <= NOW + timedelta(minutes=3)


@pytest.mark.parametrize(
    ("sight", "memory"),
    [
        (snapshot(gone=True), {}),
        (snapshot(prompt=""), {}),
        (snapshot(prompt="", regenerate=True), {}),
        (SEEN, {"held": True}),
        (SEEN, {"post": post_of(rejected_fingerprint="one")}),
        (SEEN, {"post": post_of(image_fingerprint="one")}),
        (snapshot(image=files_of("theirs.png")), {}),
        (
            snapshot(image=files_of("ours.png"), fingerprint="two"),
            {
                "known": {"ours.png": image_of()},
                "post": post_of(image_fingerprint="one"),
            },
        ),
    ],
)
def test_nothing_is_wanted(sight: PageSnapshot, memory: dict[str, Any]) -> None:
    assert planned_job(sight, **memory) is None


@pytest.mark.parametrize(
    ("sight", "memory"),
    [
        (snapshot(gone=True), {}),
        (snapshot(prompt=""), {}),
        (snapshot(image=files_of("theirs.png")), {}),
        (SEEN, {"post": post_of(rejected_fingerprint="one")}),
        (SEEN, {"post": post_of(image_fingerprint="one")}),
    ],
)
def test_what_needs_no_image_now_does_not_wait_for_approval(
    sight: PageSnapshot, memory: dict[str, Any]
) -> None:
    assert planned_job(sight, held=True, **memory) == ReleasePost()


@pytest.mark.parametrize("setting", ["only", "skip"])
def test_what_the_filters_exclude_does_not_wait_for_approval(setting: str) -> None:
    wanted = {"Name": ("Ready",)} if setting == "only" else {"Name": ("A post",)}
    name = {"Name": PropertyValue("title", "A post")}
    sight = snapshot(properties=name)
    rules = RULES.model_copy(update={setting: wanted})
    assert planned_job(sight, RULES, held=True) is None
    assert planned_job(sight, rules, held=True) == ReleasePost()


def test_a_tick_approves_a_post_that_waits_for_approval() -> None:
    approved = CreateJob(JobReason.REGENERATE, NOW, "approved by a tick")
    assert planned_job(snapshot(regenerate=True), held=True) == approved
    # Edited in the meantime: the newest text counts.
    assert planned_job(snapshot("two", regenerate=True), held=True) == approved


def test_skipped_posts_get_one_only_when_they_are_ticked() -> None:
    rules = RULES.model_copy(update={"only": {"Status": ("Ready",)}})
    assert planned_job(SEEN, rules) is None
    ticked = planned_job(snapshot(regenerate=True), rules)
    assert ticked == CreateJob(JobReason.REGENERATE, NOW, "ticked")


def test_edited_words_make_another_only_when_edits_are_followed() -> None:
    sight = snapshot("two", image=files_of("ours.png"))
    memory = {
        "post": post_of(image_fingerprint="one"),
        "known": {"ours.png": image_of()},
    }
    assert planned_job(sight, RULES, **memory) is None
    planned = planned_job(sight, EDITS, **memory)
    assert isinstance(planned, CreateJob)
    assert planned.reason is JobReason.EDITED
    # Never over a file of the owner's own.
    mixed = snapshot("two", image=files_of("ours.png", "theirs.png"))
    assert planned_job(mixed, EDITS, **memory) is None


def test_a_duplicate_wants_its_own_once_it_says_something_else() -> None:
    copied = {"ours.png": image_of(page="c" * 32)}
    same = snapshot(image=files_of("ours.png"))
    assert planned_job(same, known=copied) is None
    other = snapshot("two", image=files_of("ours.png"))
    planned = planned_job(other, known=copied)
    assert isinstance(planned, CreateJob)
    assert planned.why == "duplicated page"


_TICKED = snapshot(regenerate=True)
_CHANGED = snapshot("two", regenerate=True)


@pytest.mark.parametrize(
    ("sight", "job", "wanted"),
    [
        (_TICKED, None, CreateJob(JobReason.REGENERATE, NOW, "ticked")),
        (_TICKED, job_of(pending_write="untick", reason=JobReason.REGENERATE), None),
        (_TICKED, job_of(reason=JobReason.REGENERATE), AcknowledgeRepeat()),
        (
            _TICKED,
            job_of(),
            MergeIntoQueued(JobReason.REGENERATE, NOW, ticked=True, why="ticked"),
        ),
        (
            _CHANGED,
            job_of(reason=JobReason.REGENERATE),
            MergeIntoQueued(JobReason.REGENERATE, NOW, ticked=True, why="ticked"),
        ),
        (_TICKED, job_of(JobState.GENERATING), AcknowledgeRepeat()),
        (_TICKED, job_of(JobState.UPLOADING), AcknowledgeRepeat()),
        (
            _TICKED,
            job_of(JobState.GENERATING, JobReason.REPLACE),
            ScheduleNext(JobReason.REGENERATE, ticked=True, why="ticked while running"),
        ),
        (
            _CHANGED,
            job_of(JobState.GENERATING),
            ScheduleNext(JobReason.REGENERATE, ticked=True, why="ticked while running"),
        ),
        (snapshot(gone=True), job_of(), CancelJob("the page was deleted or moved")),
        (
            snapshot(prompt=""),
            job_of(),
            CancelJob("the post has no text now"),
        ),
        (snapshot(prompt=""), job_of(reason=JobReason.REGENERATE), None),
        (
            snapshot(image=files_of("theirs.png")),
            job_of(),
            CancelJob("the page already has an image"),
        ),
        (
            snapshot(image=files_of("theirs.png")),
            job_of(reason=JobReason.REGENERATE),
            None,
        ),
        (SEEN, job_of(), None),
        (
            snapshot("two"),
            job_of(),
            MergeIntoQueued(
                JobReason.NEW, NOW + RULES.wait_after_edit, ticked=False, why="edited"
            ),
        ),
        (
            snapshot("two"),
            job_of(reason=JobReason.REGENERATE),
            MergeIntoQueued(JobReason.REGENERATE, OLD, ticked=False, why="edited"),
        ),
        (snapshot("two"), job_of(JobState.GENERATING), None),
    ],
)
def test_a_page_with_a_job(
    sight: PageSnapshot, job: Job | None, wanted: object
) -> None:
    assert planned_job(sight, job=job) == wanted


def test_words_that_change_during_the_work_are_noted_once_when_followed() -> None:
    sight = snapshot("two")
    planned = planned_job(sight, EDITS, job=job_of(JobState.GENERATING))
    assert planned == ScheduleNext(
        JobReason.EDITED, ticked=False, why="edited while running"
    )
    noted = job_of(JobState.GENERATING, again={"fingerprint": "two"})
    assert planned_job(sight, EDITS, job=noted) is None


_NAMES = st.lists(st.sampled_from(["ours.png", "card.png", "theirs.png"]), max_size=2)


@given(
    fingerprint=st.sampled_from(["one", "two"]),
    prompt=st.sampled_from(["", "Bread"]),
    names=_NAMES,
    flags=st.tuples(st.booleans(), st.booleans(), st.booleans()),
    job=st.none()
    | st.builds(
        job_of,
        st.sampled_from([JobState.QUEUED, JobState.GENERATING, JobState.UPLOADING]),
        st.sampled_from(list(JobReason)),
        st.sampled_from(["one", "two"]),
        pending_write=st.sampled_from(["", "untick"]),
    ),
    made=st.none() | st.sampled_from(["one", "two"]),
    answered=st.none() | st.just("one"),
    rules=st.sampled_from([RULES, EDITS]),
)
def test_whatever_the_page_and_the_memory(  # noqa: PLR0917 - Hypothesis names them
    fingerprint: str,
    prompt: str,
    names: list[str],
    flags: tuple[bool, bool, bool],
    job: Job | None,
    made: str | None,
    answered: str | None,
    rules: PostsSection,
) -> None:
    ticked, gone, held = flags
    sight = snapshot(
        fingerprint, prompt, regenerate=ticked, gone=gone, image=files_of(*names)
    )
    known = {
        "ours.png": image_of(),
        "card.png": image_of("card.png", is_card=True),
    }
    post = post_of(sight, image_fingerprint=made, rejected_fingerprint=answered)
    planned = planned_job(sight, rules, post=post, job=job, known=known, held=held)
    # One open job a page.
    assert not (job and isinstance(planned, CreateJob))
    assert job or not isinstance(
        planned, MergeIntoQueued | ScheduleNext | AcknowledgeRepeat | CancelJob
    )
    # A person's own file is never replaced without a tick.
    if "theirs.png" in names and not ticked and job is None:
        assert planned == (ReleasePost() if held else None)
    # Nothing for a page that is gone or says nothing.
    if gone or not prompt:
        assert planned is None or isinstance(planned, CancelJob | ReleasePost)
    # A tick is always obeyed, at once or by the job under way.
    if ticked and prompt and not gone and job is None:
        assert isinstance(planned, CreateJob)
        assert (planned.reason, planned.due_at) == (JobReason.REGENERATE, NOW)
    # Only what waits for approval stops waiting, and nothing is made unapproved.
    assert held or planned != ReleasePost()
    if held and not ticked and job is None:
        assert planned in {None, ReleasePost()}
    # What it is, it stays: the same look twice changes nothing more.
    again = plan_actions(
        sight, StoredState(post=post, job=job, known=known, held=held), rules, NOW
    )
    assert [one for one in again if isinstance(one, SavePost)] == []
