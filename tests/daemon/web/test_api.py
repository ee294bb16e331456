"""`POST /api/poll` looks at Notion at once, for who knows the password."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from daemon.sync.poller import is_active_poll_due
from tests.daemon.house import house
from tests.daemon.web.visitor import PASSWORD, Visitor, inhabited, open_page, visiting

_BASIC = base64.b64encode(f"anybody:{PASSWORD}".encode()).decode()


@asynccontextmanager
async def _called(folder: Path) -> AsyncIterator[tuple[Visitor, list[str]]]:
    """Open a page, and note when it is to look at Notion."""
    polls: list[str] = []
    async with (
        house(folder) as home,
        open_page(home, password=PASSWORD) as site,
        visiting(f"http://127.0.0.1:{site.port}") as visitor,
    ):
        site.poll_now = lambda: polls.append("now")
        yield visitor, polls


@pytest.mark.parametrize("given", [f"Bearer {PASSWORD}", f"basic {_BASIC}"])
async def test_a_program_with_the_password_starts_a_poll(
    given: str, tmp_path: Path
) -> None:
    async with _called(tmp_path) as (visitor, polls):
        answer = await visitor.send("/api/poll", b"{}", Authorization=given)
        assert (answer.status, answer.text) == (202, '{"ok": true}')
        assert polls == ["now"]


@pytest.mark.parametrize("given", ["", "Bearer wrong", "Basic %%%", "Digest x"])
async def test_who_lacks_the_password_starts_nothing(
    given: str, tmp_path: Path
) -> None:
    async with _called(tmp_path) as (visitor, polls):
        # Not even the browser of the owner, whom another site sends here.
        await visitor.press("/login", password=PASSWORD)
        answer = await visitor.send("/api/poll", b"", Authorization=given)
        assert answer.status == 401
        assert (await visitor.see("/api/poll")).status == 405
        assert polls == []


async def test_without_a_password_nobody_may(tmp_path: Path) -> None:
    async with (
        house(tmp_path) as home,
        open_page(home) as site,
        visiting(f"http://127.0.0.1:{site.port}") as visitor,
    ):
        answer = await visitor.send("/api/poll", b"", Authorization="Bearer ")
        assert answer.status == 403
        assert "WEB_PASSWORD" in answer.text


async def test_who_asks_too_often_waits(tmp_path: Path) -> None:
    async with _called(tmp_path) as (visitor, polls):
        given = {"Authorization": f"Bearer {PASSWORD}"}
        answers = [await visitor.send("/api/poll", b"", **given) for _ in range(21)]
        assert [one.status for one in answers] == [202] * 20 + [429]
        assert answers[-1].headers["Retry-After"] == "2"
        assert len(polls) == 20


async def test_a_button_of_the_page_makes_polls_frequent(tmp_path: Path) -> None:
    async with inhabited(tmp_path) as (home, visitor):
        assert not is_active_poll_due(home.source)
        await visitor.press("/resume")
        assert is_active_poll_due(home.source)
