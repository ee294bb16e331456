"""What a page wants: one row per branch, and a search over all of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.decision_settings import Rules
from daemon.jobs.inputs import Inputs
from daemon.notion.model import File, Page
from daemon.sync.planner import (
    AcknowledgeRepeat,
    CancelJob,
    CreateJob,
    MergeIntoQueued,
    PageSnapshot,
    SavePost,
    ScheduleNext,
    StoredState,
    merge_post,
    plan_actions,
)
from db.models import ImageRecord, Job, Post
from db.states import JobReason, JobState

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
OLD = NOW - timedelta(days=9)
RULES = Rules(settle=timedelta(minutes=2), on_edit="keep", only={}, skip={})
EDITS = replace(RULES, on_edit="regenerate")
INPUTS = Inputs(
    prompt="Bread",
    origin="post",
    words="Bread",
    title="A post",
    format="square",
    variants=1,
    feedback="",
)
PAGE = Page(
    id="a" * 32,
    source="b" * 32,
    url="https://app.notion.com/p/a",
    title="A post",
    created_at=OLD,
    edited_at=OLD,
)
SEEN = PageSnapshot(page=PAGE, inputs=INPUTS, fingerprint="one")


def _shows(*names: str) -> tuple[File, ...]:
    return tuple(File(name=name, raw={}) for name in names)


def _sight(
    fingerprint: str = "one",
    prompt: str = "Bread",
    **page: Any,  # noqa: ANN401 - fields
) -> PageSnapshot:
    return PageSnapshot(
        page=replace(PAGE, **page),
        inputs=replace(INPUTS, prompt=prompt),
        fingerprint=fingerprint,
    )


def _post(sight: PageSnapshot = SEEN, **more: Any) -> Post:  # noqa: ANN401 - fields
    base = merge_post(sight, None, RULES, OLD)
    return replace(base, **more)


def _job(
    state: JobState = JobState.QUEUED,
    reason: JobReason = JobReason.NEW,
    fingerprint: str = "one",
    **more: Any,  # noqa: ANN401 - fields
) -> Job:
    values: dict[str, Any] = {
        "id": 1,
        "source": "default",
        "page_id": PAGE.id,
        "title": "A post",
        "created_at": OLD,
        "due_at": OLD,
        "moved_at": OLD,
        "inputs": INPUTS.to_dict(),
        "rounds": 0,
        "tries": 0,
        "waited_since": None,
        "waits_for": None,
        "acked_at": None,
        "owed": "",
        "owed_note": "",
        "told_waiting": False,
        "reopened_at": None,
        "again": None,
        "outcome": "",
    }
    return Job(
        **{**values, **more}, state=state, reason=reason, fingerprint=fingerprint
    )


def _image(name: str = "ours.png", page: str = PAGE.id, **more: Any) -> ImageRecord:  # noqa: ANN401 - fields
    fields: dict[str, Any] = dict.fromkeys(ImageRecord.__dataclass_fields__)
    fields |= {"name": name, "page_id": page, "fingerprint": "one", "is_card": False}
    return ImageRecord(**{**fields, **more})


def _wish(sight: PageSnapshot, rules: Rules = RULES, **memory: Any) -> object:  # noqa: ANN401 - fields
    """Return what is wanted beside remembering."""
    memory.setdefault("post", _post(sight))
    actions = plan_actions(sight, StoredState(**memory), rules, NOW)
    rest = [one for one in actions if not isinstance(one, SavePost)]
    assert len(rest) <= 1
    return rest[0] if rest else None


def test_a_post_without_an_image_wants_one_at_once_when_it_is_old() -> None:
    assert _wish(SEEN, post=None) == CreateJob(JobReason.NEW, NOW, "no image yet")


def test_a_post_just_written_waits_until_it_is_still() -> None:
    fresh = _sight(edited_at=NOW)
    found = _wish(fresh, post=None)
    assert isinstance(found, CreateJob)
    assert NOW < found.due_at <= NOW + timedelta(minutes=3)


@pytest.mark.parametrize(
    ("sight", "memory"),
    [
        (_sight(gone=True), {}),
        (_sight(prompt=""), {}),
        (_sight(prompt="", regenerate=True), {}),
        (SEEN, {"held": True}),
        (SEEN, {"post": _post(answered="one")}),
        (SEEN, {"post": _post(made="one")}),
        (_sight(image=_shows("theirs.png")), {}),
        (
            _sight(image=_shows("ours.png"), fingerprint="two"),
            {"known": {"ours.png": _image()}, "post": _post(made="one")},
        ),
    ],
)
def test_nothing_is_wanted(sight: PageSnapshot, memory: dict[str, Any]) -> None:
    assert _wish(sight, **memory) is None


def test_skipped_posts_get_one_only_when_they_are_ticked() -> None:
    rules = replace(RULES, only={"Status": ("Ready",)})
    assert _wish(SEEN, rules) is None
    ticked = _wish(_sight(regenerate=True), rules)
    assert ticked == CreateJob(JobReason.REGENERATE, NOW, "ticked")


def test_edited_words_make_another_only_when_edits_are_followed() -> None:
    sight = _sight("two", image=_shows("ours.png"))
    memory = {"post": _post(made="one"), "known": {"ours.png": _image()}}
    assert _wish(sight, RULES, **memory) is None
    found = _wish(sight, EDITS, **memory)
    assert isinstance(found, CreateJob)
    assert found.reason is JobReason.EDITED
    # Never over a file of the owner's own.
    mixed = _sight("two", image=_shows("ours.png", "theirs.png"))
    assert _wish(mixed, EDITS, **memory) is None


def test_a_duplicate_wants_its_own_once_it_says_something_else() -> None:
    copied = {"ours.png": _image(page="c" * 32)}
    same = _sight(image=_shows("ours.png"))
    assert _wish(same, known=copied) is None
    other = _sight("two", image=_shows("ours.png"))
    found = _wish(other, known=copied)
    assert isinstance(found, CreateJob)
    assert found.why == "a duplicated page"


_TICKED = _sight(regenerate=True)
_CHANGED = _sight("two", regenerate=True)


@pytest.mark.parametrize(
    ("sight", "job", "wanted"),
    [
        (_TICKED, None, CreateJob(JobReason.REGENERATE, NOW, "ticked")),
        (_TICKED, _job(owed="untick", reason=JobReason.REGENERATE), None),
        (_TICKED, _job(reason=JobReason.REGENERATE), AcknowledgeRepeat()),
        (
            _TICKED,
            _job(),
            MergeIntoQueued(JobReason.REGENERATE, NOW, ticked=True, why="ticked"),
        ),
        (
            _CHANGED,
            _job(reason=JobReason.REGENERATE),
            MergeIntoQueued(JobReason.REGENERATE, NOW, ticked=True, why="ticked"),
        ),
        (_TICKED, _job(JobState.GENERATING), AcknowledgeRepeat()),
        (_TICKED, _job(JobState.UPLOADING), AcknowledgeRepeat()),
        (
            _TICKED,
            _job(JobState.GENERATING, JobReason.REPLACE),
            ScheduleNext(
                JobReason.REGENERATE, ticked=True, why="ticked during the work"
            ),
        ),
        (
            _CHANGED,
            _job(JobState.GENERATING),
            ScheduleNext(
                JobReason.REGENERATE, ticked=True, why="ticked during the work"
            ),
        ),
        (_sight(gone=True), _job(), CancelJob("the page is gone")),
        (
            _sight(prompt=""),
            _job(),
            CancelJob("the page has no words any more"),
        ),
        (_sight(prompt=""), _job(reason=JobReason.REGENERATE), None),
        (
            _sight(image=_shows("theirs.png")),
            _job(),
            CancelJob("the page has an image now"),
        ),
        (_sight(image=_shows("theirs.png")), _job(reason=JobReason.REGENERATE), None),
        (SEEN, _job(), None),
        (
            _sight("two"),
            _job(),
            MergeIntoQueued(
                JobReason.NEW, NOW + RULES.settle, ticked=False, why="edited"
            ),
        ),
        (
            _sight("two"),
            _job(reason=JobReason.REGENERATE),
            MergeIntoQueued(JobReason.REGENERATE, OLD, ticked=False, why="edited"),
        ),
        (_sight("two"), _job(JobState.GENERATING), None),
    ],
)
def test_a_page_with_a_job(
    sight: PageSnapshot, job: Job | None, wanted: object
) -> None:
    assert _wish(sight, job=job) == wanted


def test_words_that_change_during_the_work_are_noted_once_when_followed() -> None:
    sight = _sight("two")
    found = _wish(sight, EDITS, job=_job(JobState.GENERATING))
    assert found == ScheduleNext(
        JobReason.EDITED, ticked=False, why="edited during the work"
    )
    noted = _job(JobState.GENERATING, again={"fingerprint": "two"})
    assert _wish(sight, EDITS, job=noted) is None


_NAMES = st.lists(st.sampled_from(["ours.png", "card.png", "theirs.png"]), max_size=2)


@given(
    fingerprint=st.sampled_from(["one", "two"]),
    prompt=st.sampled_from(["", "Bread"]),
    names=_NAMES,
    flags=st.tuples(st.booleans(), st.booleans(), st.booleans()),
    job=st.none()
    | st.builds(
        _job,
        st.sampled_from([JobState.QUEUED, JobState.GENERATING, JobState.UPLOADING]),
        st.sampled_from(list(JobReason)),
        st.sampled_from(["one", "two"]),
        owed=st.sampled_from(["", "untick"]),
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
    rules: Rules,
) -> None:
    ticked, gone, held = flags
    sight = _sight(
        fingerprint, prompt, regenerate=ticked, gone=gone, image=_shows(*names)
    )
    known = {
        "ours.png": _image(),
        "card.png": _image("card.png", is_card=True),
    }
    post = _post(sight, made=made, answered=answered)
    found = _wish(sight, rules, post=post, job=job, known=known, held=held)
    # One open job a page.
    assert not (job and isinstance(found, CreateJob))
    assert job or not isinstance(
        found, MergeIntoQueued | ScheduleNext | AcknowledgeRepeat | CancelJob
    )
    # A person's own file is never replaced without a tick.
    if "theirs.png" in names and not ticked and job is None:
        assert found is None
    # Nothing for a page that is gone or says nothing.
    if gone or not prompt:
        assert found is None or isinstance(found, CancelJob)
    # A tick is always obeyed, at once or by the job under way.
    if ticked and prompt and not gone and job is None:
        assert found == CreateJob(JobReason.REGENERATE, NOW, "ticked")
    # What it is, it stays: the same look twice changes nothing more.
    again = plan_actions(
        sight, StoredState(post=post, job=job, known=known, held=held), rules, NOW
    )
    assert [one for one in again if isinstance(one, SavePost)] == []
