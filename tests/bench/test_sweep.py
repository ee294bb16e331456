"""A sweep takes no more memory for more posts, and stops nobody."""

from __future__ import annotations

from tests.bench import sweep


def test_a_sweep_of_thousands_of_posts_takes_no_more_than_one_of_hundreds() -> None:
    size = sweep.Size(many=3000, few=300, beside=300, polls=4, pause=0.5)
    memory, stop, poll = sweep.measured(size)
    assert memory.holds
    # Other tests run beside this one, so times are only those of another kind: a large
    # read on the event loop, a poll that waits for the sweep's requests.
    assert stop.figure < 250
    assert poll.figure < 150
