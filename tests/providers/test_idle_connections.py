"""Connections that end, proxies, and what has failed in words."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import aiohttp
import pytest
from aiohttp import web
from aiohttp.client_reqrep import ConnectionKey

from providers import build_provider
from providers.base import HttpCall, ProviderSettings, Response, Step
from providers.http import HttpClient, describe_connection_error
from providers.network import proxy_for
from providers.outcomes import ConnectionLostError, UnavailableError
from tests.providers.fakes import FAKES

GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\n{}"
TRAITS = build_provider(ProviderSettings(name="openai", kind="openai")).traits


def _unread(reply: Response) -> Step:
    raise AssertionError(reply)


def post(url: str) -> HttpCall:
    return HttpCall(
        method="POST", url=f"{url}/a", read=_unread, json={}, is_image_request=True
    )


@dataclass
class RawServer:
    """Answers the first request of a connection, then does as the test says.

    Attributes:
        endings: For each connection, what is sent to its second request before the
            connection is closed.
        requests: How often a request was read, by connection.
        delay: Seconds before the second request's connection is closed.
    """

    endings: list[bytes] = field(default_factory=list)
    requests: list[int] = field(default_factory=list)
    delay: float = 0.0
    url: str = ""

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        number = len(self.requests)
        self.requests.append(0)
        while await self._read(reader):
            self.requests[number] += 1
            if self.requests[number] == 2 and self.endings:
                await asyncio.sleep(self.delay)
                writer.write(self.endings.pop(0))
                break
            writer.write(GOOD)
        writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> bool:
        try:
            await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return False
        await reader.readexactly(2)  # {}
        return True


@asynccontextmanager
async def raw_server(**more: object) -> AsyncIterator[RawServer]:
    raw = RawServer(**more)  # type: ignore[arg-type]
    server = await asyncio.start_server(raw.serve, "127.0.0.1", 0)
    async with server:
        raw.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield raw


async def test_a_kept_alive_connection_that_ends_is_replaced_once() -> None:
    http = HttpClient()
    async with raw_server(endings=[b""]) as raw:
        try:
            await http.send(post(raw.url), TRAITS)
            response = await http.send(post(raw.url), TRAITS)
        finally:
            await http.close()
    assert response.status == 200
    # The second connection is a new one.
    assert raw.requests == [2, 1]


async def test_a_request_is_not_repeated_after_a_part_of_a_response() -> None:
    http = HttpClient()
    begun = b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"
    async with raw_server(endings=[begun]) as raw:
        try:
            await http.send(post(raw.url), TRAITS)
            with pytest.raises(ConnectionLostError):
                await http.send(post(raw.url), TRAITS)
        finally:
            await http.close()
    assert raw.requests == [2]


async def test_a_request_is_not_repeated_when_the_server_worked_for_a_while() -> None:
    times = iter([0.0, 0.0, 10.0, 15.0])
    http = HttpClient(monotonic=lambda: next(times))
    async with raw_server(endings=[b""]) as raw:
        try:
            # The clock is read at the beginning, and after an end of the connection.
            await http.send(post(raw.url), TRAITS)
            with pytest.raises(ConnectionLostError) as caught:
                await http.send(post(raw.url), TRAITS)
        finally:
            await http.close()
    assert str(caught.value) == "closed the connection without a response"
    assert raw.requests == [2]


async def test_a_first_request_that_meets_the_end_is_not_repeated() -> None:
    async def drop(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.read(20))
        writer.close()

    seen: list[bytes] = []
    http = HttpClient()
    server = await asyncio.start_server(drop, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(ConnectionLostError):
            await http.send(post(url), TRAITS)
    await http.close()
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("url", "environ", "proxy"),
    [
        ("https://api.test/a", {"HTTPS_PROXY": "http://p:3128"}, "http://p:3128"),
        ("https://api.test/a", {"https_proxy": "http://p:3128"}, "http://p:3128"),
        ("http://nas:8080/a", {"HTTPS_PROXY": "http://p:3128"}, None),
        ("http://nas:8080/a", {"http_proxy": "http://p:3128"}, "http://p:3128"),
        (
            "https://api.test/a",
            {"HTTPS_PROXY": "http://p:3128", "NO_PROXY": "api.test"},
            None,
        ),
        ("http://127.0.0.1:80/a", {"http_proxy": "http://p:3128"}, None),
        ("http://localhost/a", {"ALL_PROXY": "http://p:3128"}, None),
        ("https://api.test/a", {}, None),
    ],
)
def test_a_proxy_is_that_of_the_environment(
    url: str,
    environ: dict[str, str],
    proxy: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert proxy_for(url) == proxy


async def test_a_request_goes_through_the_proxy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[str] = []

    async def forward(request: web.BaseRequest) -> web.StreamResponse:
        seen.append(request.method)
        return web.Response(text="{}")

    runner = web.ServerRunner(web.Server(forward))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
    http = HttpClient()
    try:
        traits = replace(TRAITS, base_url="http://nas.invalid:8080")
        response = await http.send(post("http://nas.invalid:8080"), traits)
    finally:
        await http.close()
        await runner.cleanup()
    assert response.status == 200
    assert seen == ["POST"]


async def _failure(url: str) -> str:
    http = HttpClient()
    try:
        with pytest.raises(UnavailableError) as caught:
            await http.send(post(url), TRAITS)
    finally:
        await http.close()
    return str(caught.value)


async def test_name_refusal_and_certificate_are_told_apart() -> None:
    assert await _failure("http://nas.invalid:8080") == (
        "cannot be reached: unknown host name"
    )
    assert await _failure("http://127.0.0.1:9") == (
        "cannot be reached: connection refused"
    )
    async with FAKES["openai"]().serving() as fake:
        assert await _failure(fake.url.replace("http:", "https:")) == (
            "cannot be reached: the port does not speak https"
        )


def test_a_certificate_is_named_as_the_cause() -> None:
    inner = ssl.SSLCertVerificationError(1, "verify failed")
    inner.verify_message = "certificate has expired"
    key = ConnectionKey(
        host="nas",
        port=443,
        is_ssl=True,
        ssl=True,
        proxy=None,
        proxy_auth=None,
        proxy_headers_hash=None,
    )
    error = aiohttp.ClientConnectorCertificateError(key, inner)
    assert describe_connection_error(error) == (
        "cannot be reached: its certificate is not valid (certificate has expired)"
    )
