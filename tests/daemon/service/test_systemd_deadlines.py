"""Promises and who has broken one, on a clock that the test moves."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.service.systemd import WatchdogDeadlines


@dataclass(slots=True)
class _Clock:
    passed: float = 0.0

    def monotonic(self) -> float:
        return self.passed


_NAMES = st.sampled_from(["poll", "work", "upload"])
_SECONDS = st.integers(0, 5000)
_ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("promise"), _NAMES, _SECONDS),
        st.tuples(st.just("told to wait"), _NAMES, _SECONDS),
        st.tuples(st.just("done"), _NAMES, _SECONDS),
        st.tuples(st.just("time"), _NAMES, _SECONDS),
    )
)


@given(acts=_ACTS)
def test_stuck_are_exactly_those_whose_promise_has_passed(
    acts: list[tuple[str, str, int]],
) -> None:
    clock = _Clock()
    pulse = WatchdogDeadlines(clock.monotonic)
    # By name: what was promised at what time, and until when it was told to wait.
    promised: dict[str, tuple[float, float]] = {}
    waits: dict[str, float] = {}
    for act, name, seconds in acts:
        before = set(pulse.missed_deadlines())
        if act == "promise":
            pulse.set_deadline(name, seconds)
            promised[name] = (clock.passed, seconds)
        elif act == "told to wait":
            pulse.extend_deadline(name, seconds)
            waits[name] = max(waits.get(name, 0.0), clock.passed + seconds)
            # It never shortens.
            assert set(pulse.missed_deadlines()) <= before
        elif act == "done":
            with pulse.deadline_during(name, seconds):
                assert name not in pulse.missed_deadlines()
            promised.pop(name, None)
        else:
            clock.passed += seconds
            assert set(pulse.missed_deadlines()) >= before
        assert pulse.missed_deadlines() == sorted(
            name
            for name, (at, allowed) in promised.items()
            if clock.passed > max(at, waits.get(name, 0.0)) + allowed
        )


def test_a_wait_that_was_ordered_before_the_promise_counts_too() -> None:
    clock = _Clock()
    pulse = WatchdogDeadlines(clock.monotonic)
    pulse.extend_deadline("poll", 3600)
    pulse.set_deadline("poll", 900)
    clock.passed = 3600 + 900
    assert pulse.missed_deadlines() == []
    clock.passed += 1
    assert pulse.missed_deadlines() == ["poll"]


def test_what_is_under_way_may_break_its_promise_and_then_promises_nothing() -> None:
    clock = _Clock()
    pulse = WatchdogDeadlines(clock.monotonic)
    with pulse.deadline_during("work", 300):
        clock.passed = 301
        assert pulse.missed_deadlines() == ["work"]
    assert pulse.missed_deadlines() == []
    with pytest.raises(ValueError, match="broke"), pulse.deadline_during("work", 300):
        raise ValueError("broke")
    clock.passed = 10_000
    assert pulse.missed_deadlines() == []
