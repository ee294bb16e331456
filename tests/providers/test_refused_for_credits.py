"""A refusal for lack of credits: what the account says then decides the pause."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from providers import breaker, build_provider
from providers.account import AccountUsage, judge_credits
from providers.base import ProviderSettings
from providers.breaker import Breaker, BreakerState, CreditsVerdict
from providers.outcomes import Outcome

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
DECEMBER = datetime(2026, 12, 1, tzinfo=UTC)
FLUX = build_provider(ProviderSettings(name="flux", kind="flux")).traits
PRICE = 0.0015


def _usage(included: float, used: float, limit: float | None = None) -> AccountUsage:
    return AccountUsage(included=included, used=used, limit=limit, resets_at=DECEMBER)


_LEFT, _UP = _usage(2.0, 0.04), _usage(2.0, 2.0)
_KEEP, _UNSETTLED = CreditsVerdict.KEEP, CreditsVerdict.UNSETTLED
_USED_UP, _TOPPED_UP = CreditsVerdict.USED_UP, CreditsVerdict.TOPPED_UP


@pytest.mark.parametrize(
    ("usage", "moment", "verdict"),
    [
        # Nobody can say.
        (None, "refused", _KEEP),
        (None, "later", _KEEP),
        # Settled use is below what is included, or below the owner's limit.
        (_LEFT, "refused", _UNSETTLED),
        (_usage(0.0, 0.5, 5.0), "refused", _UNSETTLED),
        (_usage(2.0, 2.45, 5.0), "refused", _UNSETTLED),
        # Nothing is left; less than the placeholder of a request is nothing.
        (_UP, "refused", _USED_UP),
        (_usage(0.0, 0.0), "refused", _USED_UP),
        (_usage(2.0, 1.995), "refused", _USED_UP),
        (_usage(2.0, 5.0, 5.0), "refused", _USED_UP),
        # A later look.
        (_UP, "later", _KEEP),
        (_usage(0.0, 0.0), "later", _KEEP),
        (_usage(2.0, 2.0, 12.0), "later", _TOPPED_UP),
        (_LEFT, "later", _TOPPED_UP),
    ],
)
def test_what_the_accounts_answer_means(
    usage: AccountUsage | None, moment: str, verdict: CreditsVerdict
) -> None:
    just_refused = moment == "refused"
    assert judge_credits(usage, PRICE, just_refused=just_refused) is verdict


def _refused(times: int = 1) -> Breaker:
    found = Breaker(name="flux")
    for _ in range(times):
        found = breaker.record_outcome(
            found,
            Outcome.CREDITS,
            generation=found.generation,
            owner="a",
            now=NOW,
            traits=FLUX,
        )
    return found


def _asked(found: Breaker, verdict: CreditsVerdict) -> Breaker:
    return breaker.record_account(
        found,
        verdict,
        DECEMBER,
        generation=found.generation,
        now=NOW,
        traits=FLUX,
        jitter=0.5,
    )


def test_an_unsettled_refusal_pauses_for_minutes_that_double_up_to_an_hour() -> None:
    found, minutes = Breaker(name="flux"), []
    for _ in range(6):
        found = breaker.record_outcome(
            found,
            Outcome.CREDITS,
            generation=found.generation,
            owner="a",
            now=NOW,
            traits=FLUX,
        )
        found = _asked(found, _UNSETTLED)
        assert found.reason is Outcome.UNSETTLED
        assert found.until is not None
        minutes.append((found.until - NOW).total_seconds() / 60)
    assert minutes == [5, 10, 20, 40, 60, 60]


def test_used_up_pauses_until_the_reset() -> None:
    found = _asked(_refused(), _USED_UP)
    assert found.until == DECEMBER + timedelta(minutes=30)
    assert found.reason is Outcome.CREDITS
    # A top-up that the answer does not show is found by a job a day.
    assert found.probe_at == NOW + timedelta(days=1)


def test_topped_up_closes_at_once() -> None:
    found = _asked(_asked(_refused(), _USED_UP), _TOPPED_UP)
    assert found.state is BreakerState.CLOSED
    assert found.generation > 1


def test_a_later_look_leaves_the_minutes_of_an_unsettled_refusal_alone() -> None:
    found = _asked(_refused(), _UNSETTLED)
    assert _asked(found, _TOPPED_UP) == found


def test_an_answer_that_comes_too_late_changes_nothing() -> None:
    found = _refused()
    probing, _ = breaker.try_acquire(found, "a", NOW + timedelta(minutes=6), FLUX) or (
        found,
        False,
    )
    assert probing.state is BreakerState.HALF_OPEN
    assert _asked(probing, _TOPPED_UP) == probing
    closed = breaker.close_breaker(found)
    assert _asked(closed, _USED_UP) == closed
