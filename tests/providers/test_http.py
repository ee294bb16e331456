"""Everything a service sends is untrusted: tried over real sockets."""

from __future__ import annotations

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from hypothesis import given
from hypothesis import strategies as st

from providers.base import HttpCall, ProviderSettings, ProviderTraits, Response, Step
from providers.flux import Flux
from providers.outcomes import (
    ConnectionLostError,
    InvalidImageError,
    UnavailableError,
)
from providers.runner import ProviderRunner
from providers.url_checks import forbidden_reason, is_public

TOKEN = "hf_" + "s" * 30
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Server:
    """A service that answers as it was told, and remembers what it was asked."""

    handler: Handler
    asked: list[web.Request] = field(default_factory=list)
    url: str = ""


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[Server]:
    server = Server(handler)

    async def answer(request: web.Request) -> web.StreamResponse:
        server.asked.append(request)
        return await handler(request)

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        await runner.cleanup()


def _traits(base: str) -> ProviderTraits:
    return Flux(ProviderSettings(name="flux", kind="flux", base_url=base)).traits


def _unread(reply: Response) -> Step:
    raise AssertionError(reply)


def _post(url: str) -> HttpCall:
    return HttpCall(
        method="POST",
        url=url,
        read=_unread,
        json={},
        headers={"Authorization": f"Bearer {TOKEN}"},
        is_image_request=True,
    )


def _fetch(url: str) -> HttpCall:
    return HttpCall(method="GET", url=url, read=_unread, is_download=True)


_NO_IMAGE = (UnavailableError, InvalidImageError, ConnectionLostError)


async def _tried(call: HttpCall, traits: ProviderTraits, **more: Any) -> str:  # noqa: ANN401 - Studio's
    runner = ProviderRunner(**more)
    try:
        with pytest.raises(_NO_IMAGE) as caught:
            await runner.send_once(call, traits)
    finally:
        await runner.close()
    assert TOKEN not in str(caught.value)
    return str(caught.value)


def _redirect(target: str, status: int = 307) -> Handler:
    async def handler(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers={"Location": target})

    return handler


async def test_a_token_never_follows_a_redirect_to_another_host() -> None:
    async def taken(_request: web.Request) -> web.StreamResponse:
        return web.Response(text="thanks")

    async with serving(taken) as thief:
        for status in (301, 302, 303, 307, 308):
            async with serving(_redirect(f"{thief.url}/x", status)) as service:
                said = await _tried(_post(f"{service.url}/a"), _traits(service.url))
                assert "another host" in said
        assert thief.asked == []


async def test_a_request_that_is_paid_for_is_not_repeated_by_a_redirect() -> None:
    async with serving(_redirect("/again")) as service:
        said = await _tried(_post(f"{service.url}/a"), _traits(service.url))
        assert "redirects a request for an image" in said
        assert len(service.asked) == 1


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/latest/meta-data",
        "https://127.0.0.1/x.png",
        "https://[::1]/x.png",
        "https://[::ffff:10.0.0.1]/x.png",
        "https://192.168.1.1/x.png",
        "https://example.org/x.png",
        "ftp://fal.media/x.png",
        "file:///etc/passwd",
        "https://fal.media.example.org/x.png",
        "https://evilfal.media/x.png",
        "https://[x/a.png",
        "https://user@127.0.0.1:443/",
        "//10.0.0.1/x",
    ],
)
async def test_a_file_is_only_fetched_from_where_the_service_keeps_files(
    target: str,
) -> None:
    traits = _traits("")
    assert forbidden_reason(target, traits) is not None
    assert "is" in await _tried(_fetch(target), traits)
    async with serving(_redirect(target)) as service:
        said = await _tried(_fetch(f"{service.url}/a"), _traits(service.url))
        assert said


class _Lying(AbstractResolver):
    """A name server that leads into the owner's own network."""

    def __init__(self, address: str) -> None:
        self.address = address

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=self.address,
                port=port,
                family=family,
                proto=0,
                flags=0,
            )
        ]

    async def close(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "169.254.169.254"])
async def test_a_name_that_leads_home_is_refused_where_it_is_connected(
    address: str,
) -> None:
    said = await _tried(
        _fetch("https://v3.fal.media/x.png"), _traits(""), resolver=_Lying(address)
    )
    assert "private address" in said


async def test_redirects_without_end_or_target_come_to_one() -> None:
    async with serving(_redirect("/a")) as service:
        said = await _tried(_fetch(f"{service.url}/a"), _traits(service.url))
        assert "redirected too often" in said
        assert len(service.asked) <= 5
    for target in ("", "https://[x/a.png"):
        async with serving(_redirect(target)) as service:
            said = await _tried(_fetch(f"{service.url}/a"), _traits(service.url))
            assert "without address" in said


async def test_an_answer_without_end_is_cut_off() -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(bytes(1 << 20))

    async with serving(endless) as service:
        said = await _tried(_post(f"{service.url}/a"), _traits(service.url))
        assert "more data than an image" in said


async def test_a_small_answer_that_unpacks_to_a_large_one_is_cut_off() -> None:
    bomb = gzip.compress(bytes(64 << 20))

    async def packed(_request: web.Request) -> web.StreamResponse:
        headers = {"Content-Encoding": "gzip"}
        return web.Response(body=bomb, headers=headers)

    async with serving(packed) as service:
        assert await _tried(_post(f"{service.url}/a"), _traits(service.url))
        assert service.asked[0].headers["Accept-Encoding"] == "identity"
        assert service.asked[0].headers["User-Agent"].startswith("postbrush/")


async def test_a_connection_that_breaks_is_one_line_without_the_token() -> None:
    async def breaks(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b"short")
        assert request.transport is not None
        request.transport.close()
        return response

    async with serving(breaks) as service:
        said = await _tried(_post(f"{service.url}/a"), _traits(service.url))
    assert said == "sent an incomplete response"
    said = await _tried(_post(f"{service.url}/a"), _traits(service.url))
    assert said == "cannot be reached: connection refused"


async def test_the_deadline_covers_a_service_that_trickles() -> None:
    async def trickles(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"{")
        await asyncio.Event().wait()
        return response

    async with serving(trickles) as service:
        runner = ProviderRunner()
        call = _post(f"{service.url}/a")
        try:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    await runner.send_once(call, _traits(service.url))
        finally:
            await runner.close()


@given(st.ip_addresses())
def test_what_is_public_is_global(address: Any) -> None:  # noqa: ANN401 - an address
    if is_public(str(address)):
        assert address.is_global
        assert not address.is_multicast


@given(st.text(max_size=60))
def test_no_address_is_an_exception(text: str) -> None:
    assert forbidden_reason(text, _traits("")) is not None
