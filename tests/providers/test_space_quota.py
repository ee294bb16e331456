"""The quota of `space`: asked before a call, and told by a refusal."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from providers import breaker, zero_gpu
from providers.base import ProviderTraits
from providers.breaker import Breaker, BreakerState
from providers.flux import Flux
from providers.outcomes import Outcome, OutOfCreditsError, QuotaUsedUpError
from providers.space import Space
from tests.providers import said
from tests.providers.desk import NOW, SpaceDesk

RESET = datetime(2026, 11, 24, 18, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("quota", "words"),
    [
        ({"current": 210, "runs": {"remaining": 0}}, "no ZeroGPU runs"),
        ({"current": 59}, "59 s of ZeroGPU time left today, 60 s needed"),
        ({"current": 0, "runs": {"remaining": 3}}, "0 s of ZeroGPU time"),
        ({"current": -3.5}, "0 s of ZeroGPU time"),
    ],
)
@pytest.mark.parametrize(
    "reset",
    [
        "2026-11-24T18:30:00Z",
        "2026-11-24T18:30:00.000Z",
        "2026-11-24T18:30:00",
        int(RESET.timestamp()),
        RESET.timestamp() * 1000,
        str(int(RESET.timestamp())),
    ],
)
async def test_too_small_a_quota_is_out_of_credits_without_a_call(
    space_desk: SpaceDesk, quota: dict[str, object], words: str, reset: object
) -> None:
    space_desk.fake.quota = {"base": 300, **quota, "resetsAt": reset}
    with pytest.raises(OutOfCreditsError, match=words) as refused:
        await space_desk.run()
    assert refused.value.until == RESET
    assert refused.value.seconds_at(NOW) == 8.5 * 3600
    # The Space was not even woken.
    assert (space_desk.fake.orders, space_desk.fake.described) == ([], 0)


async def test_runs_have_a_reset_of_their_own(space_desk: SpaceDesk) -> None:
    runs = {"remaining": 0, "resetsAt": "2026-11-24T18:30:00Z"}
    space_desk.fake.quota = {
        "current": 9,
        "resetsAt": "2026-11-24T11:00:00Z",
        "runs": runs,
    }
    with pytest.raises(OutOfCreditsError) as refused:
        await space_desk.run()
    assert refused.value.until == RESET


@pytest.mark.parametrize(
    "quota",
    [
        None,
        {},
        {"current": None, "runs": None},
        {"current": "much", "runs": [1]},
        {"current": True, "runs": {"remaining": "8"}},
        {"current": 60, "runs": 1},
        {"current": float("inf"), "runs": {"remaining": None}},
    ],
)
async def test_a_quota_that_says_nothing_or_enough_stops_nothing(
    space_desk: SpaceDesk, quota: dict[str, object] | None
) -> None:
    space_desk.fake.quota = quota
    assert (await space_desk.run()).data


@pytest.mark.parametrize(
    ("reset", "seconds"),
    [(None, None), ("soon", None), ([], None), (1e300, None), ("2020-01-01", None)],
)
async def test_a_reset_that_is_not_known_is_not_made_up(
    space_desk: SpaceDesk, reset: object, seconds: None
) -> None:
    space_desk.fake.quota = {"current": 0, "resetsAt": reset}
    with pytest.raises(OutOfCreditsError) as refused:
        await space_desk.run()
    assert refused.value.seconds_at(NOW) is seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (said.SPACE_QUOTA, 5405),
        (said.SPACE_RUNS, None),
        (said.SPACE_HTML, 588),
        (said.SPACE_OLD, 588),
        (said.SPACE_NO_TOKEN, None),
        (
            "You have exceeded your Pro ZeroGPU quota. Try again in 1 day, 0:00:00",
            86400,
        ),
        ("You have exceeded your GPU quota. Try again in 99:00:00.", 86400),
        ("User is running out of daily ZeroGPU quotas", None),
    ],
)
async def test_a_refusal_names_its_end_in_many_ways(
    space_desk: SpaceDesk, text: str, seconds: float | None
) -> None:
    space_desk.fake.refuses.append({"error": text, "title": "ZeroGPU quota exceeded"})
    with pytest.raises(OutOfCreditsError) as refused:
        await space_desk.run()
    assert refused.value.seconds_at(NOW) == seconds
    assert refused.value.moves_breaker
    assert "<" not in str(refused.value)
    # A string as data, and as the answer to the call itself.
    space_desk.fake.refuses.append(text)
    with pytest.raises(OutOfCreditsError):
        await space_desk.run()
    space_desk.fake.fail(429, {"detail": text})
    with pytest.raises(OutOfCreditsError) as at_once:
        await space_desk.run()
    assert at_once.value.seconds_at(NOW) == seconds


async def test_the_accounts_own_reset_counts_more_than_the_text(
    space_desk: SpaceDesk,
) -> None:
    space_desk.fake.quota = {"current": 70, "resetsAt": "2026-11-24T18:30:00Z"}
    text = said.SPACE_QUOTA.replace("60s requested", "75s requested")
    space_desk.fake.refuses.append({"error": text})
    with pytest.raises(OutOfCreditsError) as refused:
        await space_desk.run()
    assert (refused.value.until, space_desk.fake.quota_asked) == (RESET, 2)
    # What the Space asks for is known now: the next image is not tried.
    with pytest.raises(OutOfCreditsError, match="75 s needed"):
        await space_desk.run()
    assert len(space_desk.fake.orders) == 1


@pytest.mark.parametrize("text", [said.SPACE_HTML, said.SPACE_NO_TOKEN])
async def test_a_space_that_does_not_see_the_token_is_said_once(
    space_desk: SpaceDesk, text: str
) -> None:
    told = []
    for _ in range(2):
        space_desk.fake.refuses.append({"error": text})
        with pytest.raises(OutOfCreditsError) as refused:
            await space_desk.run()
        told.append("did not see the token" in str(refused.value))
    assert told == [True, False]


def test_a_quota_text_is_told_from_others() -> None:
    assert zero_gpu.quota_error("the prompt exceeded your hopes") is None
    assert zero_gpu.quota_error(said.SPACE_BUSY) is None


#: Flux asks its account instead; this is another service with a monthly allowance.
_MONTHLY = replace(Flux.defaults, asks_account=False)


@pytest.mark.parametrize(
    ("traits", "seconds", "rests"),
    [
        (Space.defaults, 5405, timedelta(seconds=5405)),
        # Not known: asked for again after an hour, which is free.
        (Space.defaults, None, timedelta(hours=1)),
        (Space.defaults, 0, timedelta(hours=1)),
        # It cannot be further away than a day, or than a month elsewhere.
        (Space.defaults, 9e9, timedelta(days=1)),
        (_MONTHLY, 5405, timedelta(seconds=5405)),
        (_MONTHLY, 9e9, timedelta(days=32, hours=1)),
    ],
)
def test_used_up_credits_rest_until_the_reset_that_was_named(
    traits: ProviderTraits, seconds: float | None, rests: timedelta
) -> None:
    opened = breaker.record_outcome(
        Breaker(name="any"),
        Outcome.CREDITS,
        generation=0,
        owner="a",
        now=NOW,
        traits=traits,
        seconds=seconds,
    )
    assert (opened.state, opened.until) == (BreakerState.OPEN, NOW + rests)
    # A restart changes nothing about it.
    adopted = breaker.adopt_settings(opened, "", NOW, traits)
    assert adopted.until == opened.until


def test_retry_after_is_not_the_reset_of_credits() -> None:
    assert OutOfCreditsError("none left", seconds=5).seconds_at(NOW) is None
    assert QuotaUsedUpError("none left", seconds=5).seconds_at(NOW) == 5
    named = OutOfCreditsError("none left", seconds=5, until=RESET)
    assert named.seconds_at(NOW) == 8.5 * 3600
    assert named.seconds_at(RESET) is None
