"""Where the page listens: on both families, on a port that is in use."""

from __future__ import annotations

import socket
from pathlib import Path

import aiohttp
import pytest

from daemon import config
from daemon.web.serve import run_web_server
from tests.daemon.house import house
from tests.daemon.web.visitor import inhabited

_HAS_IPV6 = socket.has_dualstack_ipv6()


async def test_a_port_in_use_stops_nothing(tmp_path: Path) -> None:
    async with inhabited(tmp_path) as (home, visitor):
        port = int(visitor.url.rpartition(":")[2])
        environ = {"POSTBRUSH_WEB__LISTEN": f"127.0.0.1:{port}"}
        settings = config.load_settings(None, environ, tmp_path)
        async with run_web_server(home.sources, settings) as site:
            assert site is None
        assert any(f"cannot listen on 127.0.0.1:{port}" in line for line in home.said)


@pytest.mark.skipif(not _HAS_IPV6, reason="needs IPv6, which this kernel has not")
@pytest.mark.parametrize(
    ("listen", "answers"),
    [
        ("[::]", {"127.0.0.1", "[::1]"}),
        ("[::1]", {"[::1]"}),
        ("0.0.0.0", {"127.0.0.1"}),  # noqa: S104 - what is tested
    ],
)
async def test_all_addresses_are_those_of_both_families(
    tmp_path: Path, listen: str, answers: set[str]
) -> None:
    environ = {"POSTBRUSH_WEB__LISTEN": f"{listen}:0", "WEB_PASSWORD": "long enough"}
    settings = config.load_settings(None, environ, tmp_path)
    async with (
        house(tmp_path) as home,
        run_web_server(home.sources, settings) as site,
        aiohttp.ClientSession() as session,
    ):
        assert site is not None
        answered = set()
        for host in ("127.0.0.1", "[::1]"):
            try:
                async with session.get(f"http://{host}:{site.port}/healthz") as answer:
                    assert answer.status == 200
                answered.add(host)
            except aiohttp.ClientConnectorError:
                continue
        assert answered == answers
