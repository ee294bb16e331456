"""The calls of the prompt writer: money, failures, and lives that end in the middle."""

from __future__ import annotations

import asyncio
import contextlib
from itertools import product
from pathlib import Path
from unittest import mock

import pytest
from aiohttp import web

from daemon.jobs import actions
from daemon.jobs.breaker_store import load_breakers
from daemon.jobs.writing import describe_author, prompt_of
from db import attempts, spending
from db.models import Attempt
from providers.breaker import BreakerState
from providers.outcomes import Outcome
from tests.daemon.chat import (
    WRITTEN,
    Answer,
    ChatServer,
    hung,
    next_life,
    refused,
    said,
    writing_house,
    written,
)
from tests.daemon.house import House
from tests.daemon.power import PowerCut
from tests.search import thinned

_CLOUDFLARE = {"CLOUDFLARE_API_TOKEN": "cf-token", "CLOUDFLARE_ACCOUNT_ID": "me"}
#: Of 1,000 tokens in and 200 out, by Cloudflare's price.
_COST = (1000 * 0.017 + 200 * 0.112) / 1e6
_CUT = '{"prompt": "A loaf of'


async def _writer_calls(home: House) -> list[Attempt]:
    return [call for call in await home.calls() if not call.is_for_image]


def _sent(home: House) -> list[str]:
    return [str(served.prompt) for served in home.hub.served]


async def test_a_call_is_on_record_before_it_leaves_and_settled_by_its_tokens(
    tmp_path: Path,
) -> None:
    chat, seen = ChatServer(), list[Attempt]()
    async with writing_house(
        tmp_path, chat, writer='kind = "cloudflare"', environ=_CLOUDFLARE
    ) as home:

        async def answer() -> web.Response:
            async with home.source.app.db.read_transaction() as tx:
                seen.extend(await attempts.list_open(tx))
            return await written()()

        chat.answers = [answer]
        await home.begin()
        home.add()
        await home.live()
        (reserved,), (call,) = seen, await _writer_calls(home)
        assert (reserved.id, reserved.outcome) == (call.id, None)
        # Both tries were reserved, within what is included every day.
        assert reserved.included_cost > 2 * _COST
        assert call.included_cost == pytest.approx(_COST)
        assert (call.outcome, call.cost) == (Outcome.TEXT, 0)
        assert call.model == "@cf/ibm-granite/granite-4.0-h-micro"
        async with home.source.app.db.read_transaction() as tx:
            assert (await spending.totals_since(tx, call.started_at)).images == 1


@pytest.mark.parametrize(
    ("answers", "outcome", "cost"),
    [
        ([said("Sorry, I cannot."), said("Sorry.")], Outcome.INVALID_TEXT, 0.0002),
        ([said(_CUT, "length"), said(_CUT, "length")], Outcome.INVALID_TEXT, 0.0002),
        ([said("Sorry, I cannot."), refused(402)], Outcome.CREDITS, 0.0002),
        ([refused(402)], Outcome.CREDITS, 0),
        ([refused(401)], Outcome.UNAUTHORIZED, 0),
        ([refused(429)], Outcome.RATE_LIMITED, 0),
        ([refused(500)], Outcome.UNAVAILABLE, 0),
        ([hung], Outcome.TIMEOUT, 0.0002),
    ],
)
async def test_without_a_good_answer_our_rule_writes_the_prompt(
    tmp_path: Path, answers: list[Answer], outcome: Outcome, cost: float
) -> None:
    chat = ChatServer()
    chat.answers = list(answers)
    writer = 'kind = "openai"\nmodel = "small"\nprice = 0.0002\ntimeout = "300ms"'
    async with writing_house(tmp_path, chat, writer=writer) as home:
        await home.begin()
        page = home.add()
        await home.live()
        (job,), (call,) = await home.jobs(), await _writer_calls(home)
        assert home.read(page)["Image status"] == "Done"
        assert _sent(home) == [job.inputs["prompt"]] == [prompt_of(job)]
        assert call.outcome == outcome
        assert call.cost == pytest.approx(cost)
        assert describe_author(job).startswith(
            "postbrush, from the post (Your own server:"
        )
        assert len([line for line in home.warned if "wrote no prompt" in line]) == 1
        # A failure of the writer says nothing about the image service.
        async with home.source.app.db.read_transaction() as tx:
            breakers = await load_breakers(tx, ["flux"])
        assert breakers["flux"].state is BreakerState.CLOSED


async def test_a_cause_is_said_once_and_a_paused_writer_is_not_asked(
    tmp_path: Path,
) -> None:
    chat = ChatServer()
    chat.answers = [refused(500)] * 3
    async with writing_house(tmp_path, chat) as home:
        await home.begin()
        for number in range(4):
            home.add(f"Post {number}", f"Bread number {number}.", Regenerate=True)
            await home.poll()
            await home.work()
        assert len(chat.asked) == 3
        assert len([line for line in home.warned if "wrote no prompt" in line]) == 1
        assert len([line for line in home.warned if "breaker.opened" in line]) == 1
        assert len(_sent(home)) == 4
        assert "paused until" in describe_author((await home.jobs())[-1])
        # It is asked again after its pause, and says that it is back.
        home.add("Post 5", "The bread number 5.")
        await home.live()
        assert _sent(home)[-1] == WRITTEN["prompt"]
        assert any("writes prompts again" in line for line in home.said)


@pytest.mark.parametrize(
    ("toml", "reason"),
    [
        ("free_only = true", "free_only, and what is included is used up"),
        ("[budget]\nmonth = 0", "the month's budget of $0"),
    ],
)
async def test_nobody_is_charged_unasked(
    tmp_path: Path, toml: str, reason: str
) -> None:
    chat = ChatServer()
    included = f"{toml}\n[providers.flux]\nincluded = 1.0"
    async with writing_house(tmp_path, chat, toml=included) as home:
        await home.begin()
        page = home.add()
        await home.live()
        assert chat.asked == []
        assert home.read(page)["Image status"] == "Done"
        assert reason in describe_author((await home.jobs())[0])


async def test_a_writer_spends_the_credits_of_its_account(tmp_path: Path) -> None:
    chat = ChatServer()
    async with writing_house(
        tmp_path,
        chat,
        writer='kind = "huggingface"\nmodel = "some/model:there"\nprice = 0.0002',
        toml="free_only = true\n[providers.flux]\nprice = 0.001\nincluded = 0.0021",
    ) as home:
        await home.begin()
        home.add()
        await home.live()
        (call,) = await _writer_calls(home)
        assert (call.provider, call.included_cost) == ("writer:flux", 0.0002)
        # Two images would fit into what is included, but not with a prompt.
        home.add("Cake", "Cake for everyone.")
        await home.live()
        assert home.hub.painted == 1


async def test_a_prompt_is_none_of_the_images_that_a_post_may_have(
    tmp_path: Path,
) -> None:
    chat = ChatServer()
    toml = "[budget]\nper_post_day = 2"
    async with writing_house(tmp_path, chat, toml=toml) as home:
        await home.begin()
        page = home.add()
        await home.live()
        home.space.tick_box(page)
        await home.live()
        assert home.hub.painted == 2
        assert len(chat.asked) == 2


async def test_a_retry_asks_again_for_what_was_not_written(tmp_path: Path) -> None:
    chat = ChatServer()
    chat.answers = [refused(500)]
    async with writing_house(tmp_path, chat) as home:
        await home.begin()
        home.hub.inject_fault(status=400, body={"error": "NSFW content detected"})
        page = home.add()
        await home.live()
        (job,) = await home.jobs()
        assert job.state == "failed"
        home.clock.move(seconds=5)
        async with home.source.app.db.write_transaction() as tx:
            await actions.retry_job(tx, job, home.clock.now())
        await home.live()
        assert len(chat.asked) == 2
        assert _sent(home)[-1] == WRITTEN["prompt"]
        assert home.read(page)["Image status"] == "Done"


async def test_what_was_written_before_a_stop_is_used_after_it(tmp_path: Path) -> None:
    chat = ChatServer()
    async with writing_house(tmp_path, chat) as home:

        async def answer() -> web.Response:
            home.source.app.signals.stopping.set()
            return await written()()

        chat.answers = [answer]
        await home.begin()
        page = home.add(Regenerate=True)
        await home.poll()
        await home.work()
        assert _sent(home) == []
        async with next_life(tmp_path, home) as later:
            await later.begin()
            await later.live()
            assert later.read(page)["Image status"] == "Done"
            assert _sent(later) == [WRITTEN["prompt"]]
            assert len(chat.asked) == 1


# A server drops the session of the dead in its own time, which this clock has not.
@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    ("commits", "kept"), thinned(product(range(2, 10), (True, False)), every=3)
)
async def test_a_power_cut_asks_at_most_once_and_counts_the_call(
    tmp_path: Path, commits: int, *, kept: bool
) -> None:
    chat = ChatServer()
    async with writing_house(tmp_path, chat) as home:
        await home.begin()
        page = home.add(Regenerate=True)
        await _live_until(home, PowerCut(commits, kept=kept))
        async with next_life(tmp_path, home) as later:
            await later.begin()
            await later.pass_time(minutes=30)
            (job,), (call,) = await later.jobs(), await _writer_calls(later)
            assert later.read(page)["Image status"] == "Done"
            assert len(chat.asked) <= 1
            # A lost answer counts in full, and our rule writes the prompt.
            assert call.cost == pytest.approx(0.0002)
            is_written = call.outcome == Outcome.TEXT
            assert is_written or call.outcome == Outcome.UNKNOWN
            used = WRITTEN["prompt"] if is_written else job.inputs["prompt"]
            assert later.read(page)["Prompt used"] == used


async def _live_until(home: House, cut: PowerCut) -> None:
    db = home.source.app.db
    with mock.patch.object(db, "write_transaction", cut.over(db)):
        life = asyncio.ensure_future(home.live())
        gone = asyncio.ensure_future(cut.gone.wait())
        await asyncio.wait([life, gone], return_when=asyncio.FIRST_COMPLETED)
        cut.gone.set()
        life.cancel()
        home.dispatcher.abort()
        with contextlib.suppress(asyncio.CancelledError):
            await life
        await asyncio.gather(*home.dispatcher._all_tasks(), return_exceptions=True)
