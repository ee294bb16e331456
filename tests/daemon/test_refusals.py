"""What a refusal is worth to the owner: one loud line, a pause, and a way back."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from db import source_state
from providers.card import font_files
from tests.daemon.house import House
from tests.daemon.services import house_with
from tests.providers.fakes import FAKES

DAY = timedelta(days=1)


async def _pause_of(home: House, name: str) -> tuple[str, str | None, object]:
    async with home.source.app.db.read_transaction() as tx:
        stored = (await source_state.load_breakers(tx))[name]
    return stored.state, stored.reason, stored.until


def _lines(home: House, event: str) -> list[str]:
    return [line for line in home.said if event in line]


async def test_a_refusal_nobody_knows_is_one_loud_line(tmp_path: Path) -> None:
    async with (
        FAKES["openai"]().serving() as fake,
        house_with(tmp_path, "openai", fake) as home,
    ):
        for _ in range(3):
            fake.fail(400, {"error": {"message": "Model is holidaying. \x1b[31m"}})
        pages = [home.add(title=str(number)) for number in range(3)]
        await home.live()
        # Each post has its card; the owner is told once what to report.
        assert {home.read(page)["Image status"] for page in pages} == {"Card"}
        (line,) = _lines(home, "provider.unknown_refusal")
        assert "OpenAI rejected a request" in line
        assert "(HTTP 400): 'Model is holidaying. [31m'" in line
        assert "Please report this line" in line
        assert "[providers.openai]" in line
        assert line in home.warned
        assert fake.token not in "\n".join(home.said)


async def test_a_refusal_that_is_known_is_not_reported(tmp_path: Path) -> None:
    async with (
        FAKES["openai"]().serving() as fake,
        house_with(tmp_path, "openai", fake) as home,
    ):
        fake.fail(400, {"error": "Insufficient credits"})
        home.add()
        await home.live()
        assert _lines(home, "provider.unknown_refusal") == []
        assert (await _pause_of(home, "openai"))[1] == "credits"


async def test_a_region_block_is_said_once_and_rests_a_day(tmp_path: Path) -> None:
    async with (
        FAKES["openai"]().serving() as fake,
        house_with(tmp_path, "openai", fake) as home,
    ):
        body = {"error": {"code": "unsupported_country_region_territory"}}
        for _ in range(2):
            fake.fail(403, body)
        page = home.add()
        await home.live()
        now = home.clock.now()
        state, reason, until = await _pause_of(home, "openai")
        assert (state, reason) == ("open", "region_blocked")
        assert isinstance(until, type(now))
        assert DAY - timedelta(minutes=5) < until - now <= DAY
        assert home.read(page)["Image status"] == "Card"
        # The next day one job asks; nothing has changed, and nothing is loud again.
        await home.pass_time(minutes=26 * 60, steps=4)
        home.space.tick_box(page)
        await home.live()
        assert fake.answers == []
        opened = [line for line in home.warned if "breaker.opened" in line]
        assert len(opened) == 1
        assert "not available in your region" in opened[0]


async def test_a_token_that_is_refused_for_a_while_is_tried_again_the_next_day(
    tmp_path: Path,
) -> None:
    async with (
        FAKES["openai"]().serving() as fake,
        house_with(tmp_path, "openai", fake) as home,
    ):
        for _ in range(2):
            fake.fail(401, {"error": {"message": "Incorrect API key provided"}})
        first = home.add(title="first")
        await home.live()
        assert home.read(first)["Image status"] == "Card"
        home.add(title="second")
        await home.live()
        # Not asked again today.
        assert len(fake.answers) == 1
        assert (await _pause_of(home, "openai"))[:2] == ("open", "unauthorized")
        home.clock.move(hours=25)
        home.add(title="third")
        await home.live()
        assert fake.answers == []
        # Still refused: no second loud line.
        assert len([line for line in home.warned if "breaker.opened" in line]) == 1
        home.clock.move(hours=25)
        fourth = home.add(title="fourth")
        await home.live()
        assert home.read(fourth)["Image status"] == "Done"
        assert (await _pause_of(home, "openai"))[0] == "closed"


async def test_what_was_lost_or_unreadable_is_paid_for_and_counts(
    tmp_path: Path,
) -> None:
    async with (
        FAKES["openai"]().serving() as fake,
        house_with(tmp_path, "openai", fake) as home,
    ):
        for body in ({}, None, {"data": [{"b64_json": None}]}):
            fake.fail(200, body)
        page = home.add()
        await home.live()
        await home.pass_time(minutes=60)
        calls = [call for call in await home.calls() if call.provider == "openai"]
        assert {call.outcome for call in calls} == {"invalid_image"}
        assert all(call.cost == call.price > 0 for call in calls)
        assert len(calls) <= 3
        assert home.read(page)["Image status"] == "Card"


async def test_a_letter_that_no_font_has_is_named_on_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(font_files, "_installed_files", lambda: ())
    async with (
        FAKES["openai"]().serving() as fake,
        house_with(tmp_path, "openai", fake) as home,
    ):
        fake.fail(400, {"error": {"message": "Model is holidaying."}})
        page = home.add(post="Fresh ᚠᚢᚦ bread.")
        await home.live()
        note = home.read(page)["Image note"]
        assert "no font has the letter ᚠ (U+16A0, RUNIC LETTER FEHU" in note
        assert "fonts-noto-core" in note
        # Only the service's refusal is one to report.
        (line,) = _lines(home, "provider.unknown_refusal")
        assert "OpenAI" in line
