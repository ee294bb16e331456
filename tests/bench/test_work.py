"""What the bench measures of one image is still there under its name."""

from __future__ import annotations

from tests.bench.work_steps import Steps


def test_every_step_that_is_watched_exists() -> None:
    with Steps(watching=True) as steps:
        assert steps.seconds == {}
