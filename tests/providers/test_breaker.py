"""The circuit breaker, searched: no sequence of calls, answers and times breaks it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from providers import breaker, build_provider
from providers.admission import AdmissionKind
from providers.base import ProviderSettings, ProviderTraits
from providers.breaker import Breaker, BreakerState, CreditsVerdict
from providers.breaker_text import describe_breaker
from providers.outcomes import LONGEST, Outcome
from tests.search import examples

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
FLUX = build_provider(ProviderSettings(name="flux", kind="flux")).traits
#: As a service whose account cannot be asked.
UNASKED = replace(FLUX, asks_account=False)
HOURLY = replace(UNASKED, credits_reset=3600.0)

_SAID = st.sampled_from(list(Outcome))


class AnyHistory(RuleBasedStateMachine):
    """Calls come and go in any order; a plain record of them is the referee."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.found = Breaker(name="flux")
        self.out: dict[str, tuple[int, bool]] = {}
        self.number = 0

    @rule()
    def a_job_comes(self) -> None:
        self.number += 1
        owner = f"call {self.number}"
        kind = breaker.admission_at(self.found, self.now).kind
        answer = breaker.try_acquire(self.found, owner, self.now, FLUX)
        assert (answer is not None) == (
            kind in {AdmissionKind.READY, AdmissionKind.PROBE}
        )
        if answer is not None:
            self.found, probe = answer
            assert probe == (kind is AdmissionKind.PROBE)
            self.out[owner] = (self.found.generation, probe)

    @precondition(lambda self: self.out)
    @rule(data=st.data(), outcome=_SAID, seconds=st.none() | st.floats(-1e9, 1e12))
    def a_call_ends(
        self, data: st.DataObject, outcome: Outcome, seconds: float | None
    ) -> None:
        owner = data.draw(st.sampled_from(sorted(self.out)))
        generation, _ = self.out.pop(owner)
        before = self.found
        self.found = breaker.record_outcome(
            before,
            outcome,
            generation=generation,
            owner=owner,
            now=self.now,
            traits=FLUX,
            seconds=seconds,
            jitter=data.draw(st.floats(0, 1)),
        )
        # A late answer of an earlier period changes nothing but a probe's place.
        if generation != before.generation:
            assert self.found.state is before.state
            assert self.found.until == before.until
        elif outcome in {Outcome.IMAGE, Outcome.TEXT}:
            assert self.found.state is BreakerState.CLOSED
        assert self.found.generation >= before.generation

    @rule(
        data=st.data(),
        verdict=st.sampled_from(list(CreditsVerdict)),
        late=st.integers(0, 1),
    )
    def the_account_answers(
        self, data: st.DataObject, verdict: CreditsVerdict, late: int
    ) -> None:
        before = self.found
        self.found = breaker.record_account(
            before,
            verdict,
            self.now + timedelta(days=20),
            generation=before.generation - late,
            now=self.now,
            traits=FLUX,
            jitter=data.draw(st.floats(0, 1)),
        )
        reasons = {Outcome.CREDITS, Outcome.UNSETTLED}
        if late or before.reason not in reasons:
            assert self.found == before
        # Only a top-up closes it, and no answer opens one.
        if verdict is not CreditsVerdict.TOPPED_UP:
            assert self.found.state is before.state

    @rule(seconds=st.floats(0, 5e6))
    def time_passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(days=st.integers(1, 4000))
    def the_clock_was_wrong(self, days: int) -> None:
        if self.now - timedelta(days=days) > datetime(2000, 1, 1, tzinfo=UTC):
            self.now -= timedelta(days=days)

    @rule()
    def somebody_resets_it(self) -> None:
        self.found = breaker.close_breaker(self.found)
        assert breaker.try_acquire(self.found, "x", self.now, FLUX) is not None

    @rule(token=st.sampled_from(["one", "two"]))
    def the_daemon_starts(self, token: str) -> None:
        changed = self.found.settings not in {"", token}
        self.found = breaker.adopt_settings(self.found, token, self.now, FLUX)
        if changed:
            assert self.found.state is BreakerState.CLOSED
        self.out.clear()

    @invariant()
    def at_most_one_probe_is_out(self) -> None:
        held = [
            owner
            for owner, (generation, probe) in self.out.items()
            if probe and owner == self.found.probe_owner
        ]
        assert len(held) <= 1

    @invariant()
    def it_never_rests_for_longer_than_its_reason_allows(self) -> None:
        found = breaker.admission_at(self.found, self.now)
        if found.kind is AdmissionKind.PAUSED and found.until is not None:
            assert self.found.reason is not None
            most = LONGEST.get(self.found.reason, timedelta(minutes=30))
            assert found.until - self.now <= most

    @invariant()
    def it_can_say_what_it_is(self) -> None:
        words = describe_breaker(self.found, self.now, UTC)
        assert words
        assert (words == "available") == (self.found.state is BreakerState.CLOSED)


AnyHistory.TestCase.settings = settings(
    max_examples=examples(200), stateful_step_count=40
)
TestAnyHistory = AnyHistory.TestCase


def _after(
    outcome: Outcome,
    times: int = 1,
    *,
    traits: ProviderTraits = FLUX,
    **more: float,
) -> Breaker:
    found = Breaker(name="flux")
    for _ in range(times):
        found = breaker.record_outcome(
            found,
            outcome,
            generation=found.generation,
            owner="a",
            now=NOW,
            traits=traits,
            **more,  # type: ignore[arg-type]
        )
    return found


@pytest.mark.parametrize(
    ("outcome", "seconds", "rests"),
    [
        (Outcome.LOADING, None, 20.0),
        (Outcome.LOADING, 0.5, 2.0),
        (Outcome.LOADING, 47.0, 47.0),
        (Outcome.LOADING, 9e9, 600.0),
        (Outcome.RATE_LIMITED, None, 30.0),
        (Outcome.RATE_LIMITED, 12.0, 12.0),
        (Outcome.RATE_LIMITED, 1e6, 3600.0),
        (Outcome.NOT_FOUND, None, 86400.0),
        (Outcome.UNAUTHORIZED, None, None),
    ],
)
def test_how_long_it_rests(
    outcome: Outcome, seconds: float | None, rests: float | None
) -> None:
    found = _after(outcome) if seconds is None else _after(outcome, seconds=seconds)
    assert found.state is BreakerState.OPEN
    wanted = None if rests is None else NOW + timedelta(seconds=rests)
    assert found.until == wanted


@pytest.mark.parametrize(("traits", "times"), [(UNASKED, 1), (FLUX, 2)])
def test_out_of_credits_until_the_first_of_the_month_and_one_probe_a_day(
    traits: ProviderTraits, times: int
) -> None:
    found = _after(Outcome.CREDITS, times, traits=traits, jitter=0.5)
    assert found.until == datetime(2026, 12, 1, 0, 30, tzinfo=UTC)
    assert found.probe_at == NOW + timedelta(days=1)
    tomorrow = NOW + timedelta(days=1)
    assert breaker.admission_at(found, tomorrow).kind is AdmissionKind.PROBE


def test_one_probe_after_five_minutes_while_the_account_says_nothing() -> None:
    found = _after(Outcome.CREDITS)
    assert (found.until, found.probe_at) == (NOW + timedelta(minutes=5), None)
    soon = NOW + timedelta(minutes=5)
    assert breaker.admission_at(found, soon).kind is AdmissionKind.PROBE


def test_prepaid_credits_are_asked_for_in_doubling_pauses_up_to_a_day() -> None:
    found = Breaker(name="x")
    pauses: list[float] = []
    now = NOW
    for _ in range(7):
        found = breaker.record_outcome(
            found,
            Outcome.CREDITS,
            generation=found.generation,
            owner="a",
            now=now,
            traits=HOURLY,
        )
        assert found.until is not None
        pauses.append((found.until - now).total_seconds() / 3600)
        now = found.until
    assert pauses == [1, 2, 4, 8, 16, 24, 24]


def test_failures_open_it_at_the_third_and_an_image_forgets_them() -> None:
    assert _after(Outcome.TIMEOUT, 2).state is BreakerState.CLOSED
    third = _after(Outcome.UNAVAILABLE, 3)
    assert third.until == NOW + timedelta(seconds=60)
    once_more = breaker.record_outcome(
        _after(Outcome.TIMEOUT, 2),
        Outcome.IMAGE,
        generation=0,
        owner="a",
        now=NOW,
        traits=FLUX,
    )
    assert once_more.failures == 0


@pytest.mark.parametrize(
    "outcome", [Outcome.REFUSED, Outcome.BLANK, Outcome.BAD_REQUEST, Outcome.UNKNOWN]
)
def test_what_concerns_the_prompt_or_us_does_not_move_it(outcome: Outcome) -> None:
    assert _after(outcome, 5) == Breaker(name="flux")
