"""The alarm that systemd calls when a unit has failed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.daemon.cli.desk import QUICK, Desk, Said
from tests.daemon.service.post import KEY, post

_UNIT = "postbrush.service"


def _lines(said: Said) -> list[dict[str, Any]]:
    return [json.loads(line) for line in said.out.splitlines()]


@pytest.mark.parametrize(
    "spoil",
    [
        {},
        {"POSTBRUSH_NONSENSE": "1"},
        {"NOTION_TOKEN_FILE": "/nowhere/token", "NOTION_TOKEN": ""},
    ],
)
async def test_it_is_logged_whatever_the_configuration_is(
    desk: Desk, spoil: dict[str, str]
) -> None:
    result = await desk.cli("alarm", _UNIT, **spoil)
    assert (result.code, result.err) == (0, "")
    (line,) = _lines(result)
    assert (line["event"], line["level"]) == ("service.failed", "error")
    assert line["unit"] == _UNIT
    assert f"sudo systemctl start {_UNIT}" in line["message"]


async def test_whoever_is_notified_is_told_once(desk: Desk) -> None:
    async with post() as box:
        desk.configure(f'{QUICK}[notify]\nurls = ["{box.url}"]\n')
        result = await desk.cli("alarm", _UNIT)
        assert result.code == 0
        assert [line["event"] for line in _lines(result)] == ["service.failed"]
        assert [message["title"] for message in box.got] == [
            "postbrush: the service is down"
        ]
        assert f"{_UNIT} has failed" in box.got[0]["message"]
        # Nobody takes it: that is said, too.
        box.status = 500
        result = await desk.cli("alarm", _UNIT)
        assert [line["event"] for line in _lines(result)] == [
            *("service.failed", "notify.failed"),
        ]
        assert KEY not in result.out + result.err
