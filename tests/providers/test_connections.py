"""A connection that is lost, and an answer without a date, over real sockets."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from aiohttp import web

from providers.base import HttpCall, ProviderSettings, Response, Step
from providers.flux import Flux
from providers.outcomes import ConnectionLostError, UnavailableError
from providers.responses import seconds_to_wait
from providers.runner import ProviderRunner
from tests.providers.test_http import Handler, serving


def _unread(reply: Response) -> Step:
    raise AssertionError(reply)


def _order(url: str) -> HttpCall:
    return HttpCall(
        method="POST", url=f"{url}/a", read=_unread, json={}, is_image_request=True
    )


async def _send(call: HttpCall, base: str) -> Response:
    flux = Flux(ProviderSettings(name="flux", kind="flux", base_url=base))
    runner = ProviderRunner()
    try:
        return await runner.send_once(call, flux.traits)
    finally:
        await runner.close()


async def _closes(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.close()
    return web.Response()


def _cuts_short(status: int) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=status, headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b"some")
        assert request.transport is not None
        request.transport.close()
        return response

    return handler


@pytest.mark.parametrize(
    ("handler", "error"),
    [
        (_closes, ConnectionLostError),
        (_cuts_short(200), ConnectionLostError),
        # A refusal is none the less one.
        (_cuts_short(402), UnavailableError),
        (_cuts_short(500), UnavailableError),
    ],
)
async def test_a_connection_lost_while_the_service_worked_may_be_charged(
    handler: Handler, error: type[Exception]
) -> None:
    async with serving(handler) as service:
        with pytest.raises(error):
            await _send(_order(service.url), service.url)
        # Asking how a job stands is repeated, and costs nothing.
        poll = replace(_order(service.url), is_image_request=False, is_poll=True)
        with pytest.raises(UnavailableError):
            await _send(poll, service.url)


async def test_a_service_that_is_not_there_costs_nothing() -> None:
    async with serving(_closes) as service:
        gone = service.url
    with pytest.raises(UnavailableError):
        await _send(_order(gone), gone)


async def test_a_date_to_wait_for_is_read_from_an_answer_without_a_clock() -> None:
    until = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    reply = f"HTTP/1.1 429 Slow\r\nRetry-After: {until}\r\nContent-Length: 0\r\n\r\n"

    async def answer(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(reply.encode())
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        response = await _send(_order(url), url)
    seconds = seconds_to_wait(response)
    assert seconds is not None
    assert 60 < seconds <= 101
