"""A sweep takes no more memory for more posts, and stops nobody."""

from __future__ import annotations

import pytest

from tests.bench.sweep import above_idle, sweep


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_sweep_of_thousands_of_posts_takes_no_more_than_one_of_hundreds() -> None:
    many, few = sweep(3000), sweep(300)
    assert above_idle(many) - above_idle(few) < 10
    # What the thread works in one go: unlike time, the same on a busy machine.
    assert many["busy"] < 0.25
