"""Who is asked next: one row per branch of the decision."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.breaker import Kind, Standing
from providers.chain import Ask, Busy, Link, Spent, Wait, decide

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
SOON, LATER = NOW + timedelta(seconds=30), NOW + timedelta(hours=5)
READY = Standing(kind=Kind.READY)
PROBE = Standing(kind=Kind.PROBE, why="w")
LOADING = Standing(kind=Kind.RESTING, until=SOON, back=SOON, waitable=True, why="loads")
LOADS_LONG = Standing(
    kind=Kind.RESTING, until=LATER, back=LATER, waitable=True, why="loads"
)
BROKE = Standing(kind=Kind.RESTING, until=LATER, back=LATER, why="credits used up")
SHUT = Standing(kind=Kind.RESTING, why="token refused")
PROBED = Standing(kind=Kind.PROBING, until=SOON, why="credits used up")
PROBED_LOADING = Standing(kind=Kind.PROBING, until=SOON, waitable=True, why="loads")


def _link(standing: Standing, **more: object) -> Link:
    return Link(name="flux", standing=standing, **more)  # type: ignore[arg-type]


CARD = Link(name="freeapi", standing=READY, is_card=True)


@pytest.mark.parametrize(
    ("first", "decided"),
    [
        (_link(READY), Ask("flux", probe=False)),
        (_link(PROBE), Ask("flux", probe=True)),
        (_link(READY, busy=True), Busy("flux")),
        (_link(LOADING), Wait("flux", SOON)),
        (_link(LOADS_LONG), Ask("freeapi", probe=False)),
        (_link(BROKE), Ask("freeapi", probe=False)),
        (_link(SHUT), Ask("freeapi", probe=False)),
        (_link(PROBED), Ask("freeapi", probe=False)),
        (_link(PROBED_LOADING), Busy("flux")),
        (_link(READY, out="refused it"), Ask("freeapi", probe=False)),
        (_link(READY, budget_until=LATER), Ask("freeapi", probe=False)),
        (_link(BROKE, busy=True), Ask("freeapi", probe=False)),
    ],
)
def test_the_first_that_serves_is_asked(first: Link, decided: object) -> None:
    found = decide(
        [first, CARD],
        now=NOW,
        waited_since=None,
        loading_wait=timedelta(seconds=120),
        card_allowed=True,
    )
    assert found == decided


def test_patience_is_counted_from_the_first_wait() -> None:
    waited = NOW - timedelta(seconds=100)
    found = decide(
        [_link(LOADING), CARD],
        now=NOW,
        waited_since=waited,
        loading_wait=timedelta(seconds=120),
        card_allowed=True,
    )
    assert found == Ask("freeapi", probe=False)


def test_without_the_card_it_says_why_and_until_when() -> None:
    found = decide(
        [_link(BROKE), Link(name="b", standing=SHUT), CARD],
        now=NOW,
        waited_since=None,
        loading_wait=timedelta(seconds=120),
        card_allowed=False,
    )
    assert isinstance(found, Spent)
    assert found.until == LATER
    assert found.reasons == (
        ("flux", "credits used up, resting until 15:00 UTC"),
        ("b", "token refused"),
    )


_STANDINGS = st.sampled_from(
    [READY, PROBE, LOADING, LOADS_LONG, BROKE, SHUT, PROBED, PROBED_LOADING]
)


@given(
    st.lists(
        st.builds(
            Link,
            name=st.text("abc", min_size=1, max_size=3),
            standing=_STANDINGS,
            busy=st.booleans(),
            out=st.none() | st.just("out"),
            budget_until=st.none() | st.just(LATER),
        ),
        max_size=5,
    )
)
def test_with_a_card_allowed_somebody_always_serves(links: list[Link]) -> None:
    found = decide(
        [*links, CARD],
        now=NOW,
        waited_since=None,
        loading_wait=timedelta(seconds=120),
        card_allowed=True,
    )
    assert not isinstance(found, Spent)
    if isinstance(found, Ask) and found.name != "freeapi":
        asked = next(one for one in links if one.name == found.name)
        assert any(
            one.out is None and one.budget_until is None and not one.busy
            for one in links
            if one.name == asked.name
        )
