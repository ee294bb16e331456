"""Notifications as their owner meets them: tried, checked, told by the daemon."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator

import pytest

from tests.daemon.cli.desk import QUICK, Desk
from tests.daemon.service.post import KEY, Post, post


@pytest.fixture
async def box() -> AsyncIterator[Post]:
    async with post() as made:
        yield made


async def test_a_test_message_is_sent_to_each_address_and_says_what_came_of_it(
    desk: Desk, box: Post
) -> None:
    nobody = await desk.cli("test", "--notify")
    assert nobody.code == 2
    assert "Notifications are off" in nobody.err
    desk.configure(f'[notify]\nurls = ["{box.url}"]\nping = "{box.ping}"\n')
    fine = await desk.cli("test", "--notify")
    assert fine.code == 0, fine
    assert await box.arrived(1) == ["postbrush: a test"]
    assert box.pings == [f"/ping/{KEY}"]
    broken = await desk.cli(
        "test",
        "--notify",
        "--json",
        NOTIFY_URLS=f"json://127.0.0.1:9/{KEY},nonsense://{KEY}",
    )
    assert broken.code == 1
    assert [(row["where"], row["wrong"][:14]) for row in broken.json] == [
        ("notify.urls no. 1 (json)", ""),
        ("NOTIFY_URLS no. 1 (json)", "the service re"),
        ("NOTIFY_URLS no. 2 (nonsense)", "Apprise does n"),
        ("ping 127.0.0.1", ""),
    ]
    for said in (fine, broken):
        assert KEY not in said.out + said.err
        assert not said.err


async def test_check_and_config_show_where_an_address_is_and_not_what_it_is(
    desk: Desk, box: Post
) -> None:
    environ = {"NOTIFY_URLS": f"{box.url}\nnonsense://{KEY}"}
    checked = await desk.cli("check", "--json", **environ)
    rows = [row for row in checked.json if row["what"] == "notifications"]
    assert [(row["found"], bool(row["todo"])) for row in rows] == [
        ("NOTIFY_URLS no. 1 (json)", False),
        ("NOTIFY_URLS no. 2 (nonsense)", True),
    ]
    assert (checked.code, box.got) == (1, [])
    shown = await desk.cli("config", "--json", **environ)
    assert {"key": "NOTIFY_URLS", "value": "set", "origin": "NOTIFY_URLS"} in shown.json
    assert KEY not in checked.out + checked.err + shown.out + shown.err


async def test_the_daemon_tells_of_credits_and_of_a_reset_and_stops_in_time(
    desk: Desk, box: Post
) -> None:
    chain = 'chain = ["flux", "freeapi"]'
    desk.configure(f'{chain}\n{QUICK}[notify]\nurls = ["{box.url}"]\n')
    desk.town.hub.credits = 0
    async with desk.daemon() as daemon:
        desk.add()
        assert await box.arrived(1) == [
            "postbrush: Hugging Face FLUX is out of credits"
        ]
        await desk.cli("providers", "reset", "flux")
        assert (await box.arrived(2))[
            1
        ] == "postbrush: Hugging Face FLUX is available again"
        assert await daemon.end(signal.SIGTERM) == 0
    assert KEY not in "".join(daemon.raw)
