"""The demo's page: only its own buttons press, and it shows what there is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from daemon.clock import utc_now
from daemon.errors import SetupError
from daemon.pretend.server import FakeServer


@pytest_asyncio.fixture(name="town")
async def _town() -> AsyncIterator[FakeServer]:
    async with FakeServer(now=utc_now) as town:
        yield town


async def _post(
    town: FakeServer, act: str, body: object = None, **headers: str
) -> tuple[int, Any]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{town.url}/board/{act}", json=body or {}, headers=named) as got,
    ):
        return got.status, await got.json()


async def _state(town: FakeServer) -> dict[str, Any]:
    url = f"{town.url}/board/state?since=-1"
    async with aiohttp.ClientSession() as session, session.get(url) as got:
        return dict(await got.json())


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
)
async def test_another_pages_script_presses_no_button(
    town: FakeServer, headers: dict[str, str]
) -> None:
    town.hub.credits = 0
    status, _ = await _post(town, "refill", **headers)
    assert (status, town.hub.credits) == (403, 0)
    status, _ = await _post(town, "refill", Origin=town.url)
    assert status == 200
    assert town.hub.credits > 0


async def test_what_a_person_does_there_is_done_in_the_pretend_notion(
    town: FakeServer,
) -> None:
    await _post(town, "add", {"title": "Bread", "post": "We bake."})
    (post,) = (await _state(town))["posts"]
    assert (post["title"], post["post"]) == ("Bread", "We bake.")
    await _post(town, "tick", {"id": post["id"], "value": True})
    change = {"id": post["id"], "column": "Post", "value": "We bake <b>&"}
    await _post(town, "edit", change)
    (post,) = (await _state(town))["posts"]
    assert (post["ticked"], post["post"]) == (True, "We bake <b>&")
    await _post(town, "trash", {"id": post["id"]})
    assert (await _state(town))["posts"] == []


@pytest.mark.parametrize(
    ("act", "body"),
    [
        ("edit", {"id": "nobody", "column": "Post", "value": ""}),
        ("edit", {"id": "x", "column": "Image", "value": ""}),
        ("edit", {}),
        ("tick", {"value": True}),
        ("trash", {"id": 7}),
        ("trash", [1, 2]),
    ],
)
async def test_rubbish_is_not_understood(
    town: FakeServer, act: str, body: object
) -> None:
    status, _ = await _post(town, act, body)
    assert status == 400


async def test_the_page_asks_nobody_else_for_anything(town: FakeServer) -> None:
    for path in ("/", "/board.css", "/board.js"):
        url = town.url + path
        async with aiohttp.ClientSession() as session, session.get(url) as got:
            text = await got.text()
            policy = got.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "http://" not in text.replace("http://www.w3.org", "")
        assert "https://" not in text
        assert "innerHTML" not in text


async def test_a_port_in_use_says_which_option_helps(town: FakeServer) -> None:
    with pytest.raises(SetupError, match="--port"):
        await FakeServer(now=utc_now, port=town.port).start()
