"""Who is asked next: one row per branch of the decision."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.admission import Admission, AdmissionKind
from providers.chain import (
    AtCapacity,
    BlockedReason,
    CallProvider,
    Candidate,
    Exhausted,
    WaitUntil,
    decide_next,
)

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
SOON, LATER = NOW + timedelta(seconds=30), NOW + timedelta(hours=5)
READY = Admission(kind=AdmissionKind.READY)
PROBE = Admission(kind=AdmissionKind.PROBE, reason="w")
LOADING = Admission(
    kind=AdmissionKind.PAUSED,
    until=SOON,
    available_at=SOON,
    is_waitable=True,
    reason="loads",
)
LOADS_LONG = Admission(
    kind=AdmissionKind.PAUSED,
    until=LATER,
    available_at=LATER,
    is_waitable=True,
    reason="loads",
)
BROKE = Admission(
    kind=AdmissionKind.PAUSED,
    until=LATER,
    available_at=LATER,
    reason="is out of credits",
)
SHUT = Admission(kind=AdmissionKind.PAUSED, reason="rejected the token")
PROBED = Admission(
    kind=AdmissionKind.PROBE_RUNNING, until=SOON, reason="is out of credits"
)
PROBED_LOADING = Admission(
    kind=AdmissionKind.PROBE_RUNNING, until=SOON, is_waitable=True, reason="loads"
)


def _link(admission: Admission, **more: object) -> Candidate:
    return Candidate(name="flux", admission=admission, **more)  # type: ignore[arg-type]


CARD = Candidate(name="freeapi", admission=READY, is_card=True)


@pytest.mark.parametrize(
    ("first", "decided"),
    [
        (_link(READY), CallProvider("flux", probe=False)),
        (_link(PROBE), CallProvider("flux", probe=True)),
        (_link(READY, is_busy=True), AtCapacity("flux")),
        (_link(LOADING), WaitUntil("flux", SOON)),
        (_link(LOADS_LONG), CallProvider("freeapi", probe=False)),
        (_link(BROKE), CallProvider("freeapi", probe=False)),
        (_link(SHUT), CallProvider("freeapi", probe=False)),
        (_link(PROBED), CallProvider("freeapi", probe=False)),
        (_link(PROBED_LOADING), AtCapacity("flux")),
        (
            _link(READY, excluded_reason="refused it"),
            CallProvider("freeapi", probe=False),
        ),
        (_link(READY, budget_until=LATER), CallProvider("freeapi", probe=False)),
        (_link(BROKE, is_busy=True), CallProvider("freeapi", probe=False)),
    ],
)
def test_the_first_that_serves_is_asked(first: Candidate, decided: object) -> None:
    found = decide_next(
        [first, CARD],
        now=NOW,
        first_waited_at=None,
        loading_wait=timedelta(seconds=120),
        card_allowed=True,
    )
    assert found == decided


def test_patience_is_counted_from_the_first_wait() -> None:
    waited = NOW - timedelta(seconds=100)
    found = decide_next(
        [_link(LOADING), CARD],
        now=NOW,
        first_waited_at=waited,
        loading_wait=timedelta(seconds=120),
        card_allowed=True,
    )
    assert found == CallProvider("freeapi", probe=False)


def test_without_the_card_it_says_why_and_until_when() -> None:
    found = decide_next(
        [_link(BROKE), Candidate(name="b", admission=SHUT), CARD],
        now=NOW,
        first_waited_at=None,
        loading_wait=timedelta(seconds=120),
        card_allowed=False,
    )
    assert isinstance(found, Exhausted)
    assert found.until == LATER
    assert found.reasons == (
        BlockedReason("flux", "is out of credits", LATER),
        BlockedReason("b", "rejected the token"),
    )


_STANDINGS = st.sampled_from(
    [READY, PROBE, LOADING, LOADS_LONG, BROKE, SHUT, PROBED, PROBED_LOADING]
)


@given(
    st.lists(
        st.builds(
            Candidate,
            name=st.text("abc", min_size=1, max_size=3),
            admission=_STANDINGS,
            is_busy=st.booleans(),
            excluded_reason=st.none() | st.just("out"),
            budget_until=st.none() | st.just(LATER),
        ),
        max_size=5,
    )
)
def test_with_a_card_allowed_somebody_always_serves(links: list[Candidate]) -> None:
    found = decide_next(
        [*links, CARD],
        now=NOW,
        first_waited_at=None,
        loading_wait=timedelta(seconds=120),
        card_allowed=True,
    )
    assert not isinstance(found, Exhausted)
    if isinstance(found, CallProvider) and found.name != "freeapi":
        asked = next(one for one in links if one.name == found.name)
        assert any(
            one.excluded_reason is None and one.budget_until is None and not one.is_busy
            for one in links
            if one.name == asked.name
        )
