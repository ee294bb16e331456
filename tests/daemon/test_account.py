"""The account at Hugging Face is asked: what it includes, and why it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.cli.providers import describe_provider
from daemon.generation import provider_selection
from daemon.jobs.allowance import is_request_due
from daemon.pretend.server import FakeServer
from tests.daemon.house import House, MovingClock, house

_INFERENCE, _BILLING = "inference.serverless.write", "user.billing.read"


def _town(clock: MovingClock) -> FakeServer:
    town = FakeServer(now=clock.now)
    town.workspace.requests_per_minute = None
    town.hub.sleep = clock.sleep
    return town


async def _credits(home: House) -> str:
    """Return what the commands and the web page say about the account."""
    async with home.source.app.db.read_transaction() as tx:
        state = await provider_selection.load_chain_state(tx, home.source)
    return str(describe_provider(home.source, state, "flux", ["flux"]).credits)


async def _breaker(home: House) -> str:
    async with home.source.app.db.read_transaction() as tx:
        state = await provider_selection.load_chain_state(tx, home.source)
    return str(describe_provider(home.source, state, "flux", ["flux"]).description)


async def _spent(home: House) -> tuple[float, float]:
    calls = await home.calls()
    return sum(call.cost for call in calls), sum(call.included_cost for call in calls)


@pytest.mark.parametrize("toml", ["free_only = true", "[budget]\nmonth = 0.0"])
@pytest.mark.parametrize("rights", [None, (_INFERENCE,)])
async def test_an_account_without_credits_is_charged_nothing(
    tmp_path: Path, toml: str, rights: tuple[str, ...] | None
) -> None:
    async with house(tmp_path, toml=f"{toml}\n") as home:
        home.hub.account.included = 0.0
        home.hub.account.rights = rights
        page = home.add()
        await home.begin()
        await home.live()
        for _ in range(3):
            await home.pass_time(minutes=24 * 60, steps=4)
        assert home.read(page)["Image status"] == "Card"
        assert home.hub.served == []
        assert await _spent(home) == (0, 0)


async def test_pro_sees_its_true_figures_and_its_images_are_included(
    home: House,
) -> None:
    home.hub.account.used_elsewhere = 0.04
    await home.begin()
    home.add()
    await home.live()
    first = "account.read flux: $0.04 of $2.00 included credits used, renews 1 Dec"
    assert first in home.said
    cost, covered = await _spent(home)
    assert cost == 0
    assert covered > 0
    home.hub.account.used_elsewhere = 0.50
    home.clock.move(hours=6)
    await home.work()
    assert await _credits(home) == "$0.50 of $2.00 included credits used, renews 1 Dec"


async def test_what_others_have_used_is_not_included_any_more(tmp_path: Path) -> None:
    async with house(tmp_path, toml="free_only = true\n") as home:
        home.hub.account.used_elsewhere = 2.0
        page = home.add()
        await home.begin()
        await home.live()
        assert home.read(page)["Image status"] == "Card"
        assert home.hub.served == []


async def test_without_credits_an_image_is_charged_within_the_budget(
    home: House,
) -> None:
    home.hub.account.included = 0.0
    page = home.add()
    await home.begin()
    await home.live()
    assert home.read(page)["Image status"] == "Done"
    cost, covered = await _spent(home)
    assert cost > 0
    assert covered == 0
    charged = "no credits included: each image is charged, about $0.0015"
    assert await _credits(home) == charged


async def test_used_up_until_the_stated_reset_and_no_call_meanwhile(
    home: House,
) -> None:
    home.hub.spend_all()
    page = home.add()
    await home.live()
    assert home.read(page)["Image status"] == "Card"
    assert "out of credits, paused until 1 Dec" in await _breaker(home)
    opened = [line for line in home.warned if line.startswith("breaker.opened")]
    assert len(opened) == 1
    home.forget()
    home.add("Another")
    await home.pass_time(minutes=20 * 60, steps=20)
    assert home.hub.served == []


async def test_a_top_up_closes_the_breaker_without_a_paid_probe(home: House) -> None:
    home.hub.spend_all()
    page = home.add()
    await home.live()
    home.forget()
    home.hub.add_credits(10)
    home.clock.move(hours=1)
    # No service is to be asked yet: pages and jobs wait elsewhere.
    checks = dict(home.dispatcher.accounts.due_checks())
    await checks["account of flux"]()
    assert await _breaker(home) == "available"
    assert home.hub.served == []
    assert "breaker.closed flux: available again" in home.said
    await home.work()
    assert [request.status for request in home.hub.served] == [200]
    await home.poll()
    await home.work()
    assert home.read(page)["Image status"] == "Done"


async def test_a_refusal_of_calls_not_settled_yet_lasts_for_minutes(
    home: House,
) -> None:
    home.hub.account.settled_images = 0
    home.hub.credits = 0
    home.add()
    await home.live()
    assert (await _breaker(home)).startswith("still settling recent charges")
    home.hub.credits = None
    home.forget()
    home.add("Another")
    await home.poll()
    home.clock.move(minutes=5)
    await home.poll()
    await home.work()
    assert home.hub.served[0].status == 200
    assert await _breaker(home) == "available"


async def test_one_probe_after_five_minutes_if_the_account_cannot_be_asked(
    home: House,
) -> None:
    home.hub.account.rights = (_INFERENCE,)
    home.hub.credits = 0
    home.add()
    await home.live()
    assert len(home.hub.served) == 1
    hint = 'lacks the right "Billing: read"; tick that box at huggingface.co'
    assert hint in await _credits(home)
    for number in range(6):
        home.add(f"Post {number}")
    await home.pass_time(minutes=120, steps=24)
    assert [request.status for request in home.hub.served] == [402, 402]
    assert "out of credits, paused until 1 Dec" in await _breaker(home)


async def test_the_account_is_asked_every_six_hours_and_never_by_a_call(
    home: House,
) -> None:
    account = home.hub.account
    for number in range(3):
        home.add(f"Post {number}")
    await home.live()
    assert (account.usage_requests, account.whoami_requests) == (1, 1)
    await home.pass_time(minutes=24 * 60, steps=96)
    assert (account.usage_requests, account.whoami_requests) == (5, 3)
    # A Hub that does not answer is asked again soon, and nothing fails.
    home.hub.hub_is_up = False
    await home.pass_time(minutes=6 * 60 + 60, steps=28)
    assert account.usage_requests > 6
    assert await _credits(home) == "$0.01 of $2.00 included credits used, renews 1 Dec"


async def test_a_restart_knows_what_the_account_said(tmp_path: Path) -> None:
    clock = MovingClock()
    async with _town(clock) as town:
        town.hub.account.used_elsewhere = 0.04
        async with house(tmp_path, town=town, clock=clock) as home:
            await home.begin()
            await home.work()
        async with house(tmp_path, town=town, clock=clock) as home:
            assert (
                await _credits(home)
                == "$0.04 of $2.00 included credits used, renews 1 Dec"
            )


async def test_a_token_that_may_not_call_is_said_with_its_box(home: House) -> None:
    home.hub.account.rights = (_BILLING,)
    await home.begin()
    await home.work()
    assert 'lacks the right "Make calls to Inference Providers"' in await _credits(home)


async def test_the_first_image_of_a_process_waits_for_the_account(home: House) -> None:
    home.add()
    await home.poll()
    home.clock.move(seconds=130)
    await home.poll()
    await home.dispatcher.tick()
    assert not home.dispatcher.generating
    await home.work()
    cost, covered = await _spent(home)
    assert cost == 0
    assert covered > 0


async def test_our_own_calls_use_up_what_is_included(tmp_path: Path) -> None:
    async with house(tmp_path, toml="[providers.flux]\nprice = 0.5\n") as home:
        home.hub.account.settled_images = 0
        await home.begin()
        for number in range(5):
            home.add(f"Post {number}")
        await home.live()
        assert (
            await _credits(home) == "$2.00 of $2.00 included credits used, renews 1 Dec"
        )
        assert await _spent(home) == (0.5, 2.0)


@given(elapsed=st.floats(0, 1e8), interval=st.sampled_from([3600.0, 21600.0]))
def test_an_account_that_never_answered_is_due_at_any_time(
    elapsed: float, interval: float
) -> None:
    """A sum of floats once put the first request off by fifteen minutes."""
    assert is_request_due(None, elapsed, interval)
    assert not is_request_due(elapsed, elapsed, interval)
    assert is_request_due(elapsed, elapsed + interval + 1, interval)
