"""Pages, posts and jobs as the planner is given them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from daemon.config.model import PostsSection
from daemon.jobs.prompt import Inputs
from daemon.notion.model import File, Page
from daemon.sync.plan_values import (
    PageSnapshot,
    SavePost,
    StoredState,
    merge_post,
)
from daemon.sync.planner import plan_actions
from db.models import ImageRecord, Job, Post
from db.states import JobReason, JobState

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)


OLD = NOW - timedelta(days=9)


RULES = PostsSection(wait_after_edit=timedelta(minutes=2), on_edit="keep")


EDITS = PostsSection(wait_after_edit=timedelta(minutes=2), on_edit="regenerate")


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


def files_of(*names: str) -> tuple[File, ...]:
    return tuple(File(name=name, raw={}) for name in names)


def snapshot(
    fingerprint: str = "one",
    prompt: str = "Bread",
    **page: Any,  # noqa: ANN401 - fields
) -> PageSnapshot:
    return PageSnapshot(
        page=replace(PAGE, **page),
        inputs=replace(INPUTS, prompt=prompt),
        fingerprint=fingerprint,
    )


def post_of(sight: PageSnapshot = SEEN, **more: Any) -> Post:  # noqa: ANN401 - fields
    base = merge_post(sight, None, RULES, OLD)
    return replace(base, **more)


def job_of(
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
        "first_waited_at": None,
        "waiting_for_provider": None,
        "acked_at": None,
        "pending_write": "",
        "pending_note": "",
        "waiting_notified_at": None,
        "reopened_at": None,
        "again": None,
        "outcome": "",
    }
    return Job(
        **{**values, **more}, state=state, reason=reason, fingerprint=fingerprint
    )


def image_of(name: str = "ours.png", page: str = PAGE.id, **more: Any) -> ImageRecord:  # noqa: ANN401 - fields
    fields: dict[str, Any] = dict.fromkeys(ImageRecord.__dataclass_fields__)
    fields |= {"name": name, "page_id": page, "fingerprint": "one", "is_card": False}
    return ImageRecord(**{**fields, **more})


def planned_job(
    sight: PageSnapshot,
    rules: PostsSection = RULES,
    **memory: Any,  # noqa: ANN401 - fields
) -> object:
    """Return what is wanted beside remembering."""
    memory.setdefault("post", post_of(sight))
    actions = plan_actions(sight, StoredState(**memory), rules, NOW)
    rest = [one for one in actions if not isinstance(one, SavePost)]
    assert len(rest) <= 1
    return rest[0] if rest else None
