"""Which status a page should show: one row per branch, and that it comes to rest."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.delivery.outbox import PostState, plan_status
from daemon.jobs.retry_policy import TELL_AFTER
from daemon.notion.model import Status
from db.models import Job
from db.states import JobReason, JobState
from tests.daemon.sync.snapshots import NOW, job_of, post_of

_DUE = NOW - TELL_AFTER
_FRESH = _DUE + timedelta(seconds=1)


def _state(
    shown: str = "",
    job: Job | None = None,
    *,
    held: bool = False,
    removed: bool = False,
) -> PostState:
    post = post_of(interim_status=shown, removed=removed)
    return PostState(post=post, job=job, held=held)


@pytest.mark.parametrize(
    ("state", "status"),
    [
        # Nothing is under way.
        (_state(), None),
        (_state(job=job_of(JobState.DONE)), None),
        (_state("Queued", job_of(JobState.CANCELLED)), Status.NONE),
        (_state("Waiting for approval"), Status.NONE),
        (_state("?Queued"), Status.NONE),
        (_state("Queued", removed=True), None),
        # Another write follows.
        (_state("Queued", job_of(JobState.FAILED, pending_write="failed")), None),
        (_state(job=job_of(pending_write="untick")), None),
        # The image is not made at once.
        (_state(job=job_of(due_at=_DUE)), Status.QUEUED),
        (_state(job=job_of(due_at=_FRESH)), None),
        (_state(job=job_of(JobState.GENERATING, due_at=_DUE)), Status.QUEUED),
        (_state("Waiting for approval", job_of(due_at=_DUE)), Status.QUEUED),
        (_state("?Queued", job_of(due_at=_DUE)), Status.QUEUED),
        (_state("Queued", job_of(due_at=_DUE)), None),
        (_state("Waiting", job_of(due_at=_DUE)), None),
        # It is about to be put on the page, or it replaces a card.
        (_state(job=job_of(JobState.UPLOADING, due_at=_DUE)), None),
        (_state(job=job_of(reason=JobReason.REPLACE, due_at=_DUE)), None),
        # The post waits for approval.
        (_state(held=True), Status.APPROVAL),
        (_state("Queued", held=True), Status.APPROVAL),
        (_state("Waiting for approval", held=True), None),
        (_state(held=True, removed=True), None),
    ],
)
def test_the_status_of_a_page(state: PostState, status: Status | None) -> None:
    assert plan_status(state, NOW) == status


_JOBS = st.builds(
    job_of,
    st.sampled_from(list(JobState)),
    st.sampled_from(list(JobReason)),
    due_at=st.sampled_from([_DUE, _FRESH, NOW + timedelta(days=1)]),
    pending_write=st.sampled_from(["", "untick", "waiting", "failed"]),
)


@given(
    shown=st.sampled_from(["", *Status, "?Queued", "?Waiting for approval"]),
    job=st.none() | _JOBS,
    held=st.booleans(),
    removed=st.booleans(),
)
def test_what_is_written_is_not_written_again(
    shown: str, job: Job | None, *, held: bool, removed: bool
) -> None:
    state = _state(shown, job, held=held, removed=removed)
    status = plan_status(state, NOW)
    assert status in {None, Status.NONE, Status.QUEUED, Status.APPROVAL}
    if status is not None:
        written = replace(state.post, interim_status=status)
        assert plan_status(replace(state, post=written), NOW) is None
