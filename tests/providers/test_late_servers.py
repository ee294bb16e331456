"""Servers of the owner: what is late is waited for, and who shares the work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest
from aiohttp import web

from providers import build_provider
from providers.base import GeneratedImage, ProviderSettings
from providers.cancellation import CancellationToken, ShuttingDown
from providers.outcomes import TimedOutError, UnauthorizedError
from providers.provider import Provider
from providers.runner import ProviderRunner
from tests.providers.desk import NOW, ORDER
from tests.providers.fakes import settings_for
from tests.providers.fakes.cloudflare import FakeCloudflare, problem
from tests.providers.fakes.images_api import FakeImagesApi


@dataclass
class SlowServer(FakeImagesApi):
    """Works on its first request until `gate` is set, whoever waits for it.

    Attributes:
        most: The most requests at the same time.
    """

    gate: asyncio.Event = field(default_factory=asyncio.Event)
    running: int = 0
    most: int = 0

    async def generations(self, request: web.Request) -> web.Response:
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            response = await super().generations(request)
            if len(self.orders) == 1:
                await self.gate.wait()
            return response
        finally:
            self.running -= 1


@dataclass
class Late:
    """A server that is late with its first response."""

    server: SlowServer
    provider: Provider
    runner: ProviderRunner
    cancellation: CancellationToken = field(
        default_factory=lambda: CancellationToken(asyncio.Event(), asyncio.Event())
    )

    async def run(self) -> GeneratedImage:
        async def save_remote_id(remote: str) -> None:
            raise AssertionError(remote)

        return await self.runner.run(
            self.provider,
            ORDER,
            now=NOW,
            save_remote_id=save_remote_id,
            cancellation=self.cancellation,
        )


@asynccontextmanager
async def late_server(seconds: float = 0.3) -> AsyncIterator[Late]:
    # Not rendered, since the deadline is in real time.
    picture = b"\x89PNG\r\n\x1a\n picture"
    async with SlowServer(picture=picture).serving() as server:
        settings = replace(settings_for("localai", server), model="m", timeout=seconds)
        late = Late(server, build_provider(settings), ProviderRunner())
        try:
            with pytest.raises(TimedOutError):
                await late.run()
            yield late
        finally:
            server.gate.set()
            await late.runner.close()


async def test_the_next_request_waits_until_the_server_has_responded() -> None:
    async with late_server() as late:
        second = asyncio.ensure_future(late.run())
        await asyncio.sleep(0.05)
        assert len(late.server.orders) == 1
        late.server.gate.set()
        assert (await second).data
        assert (len(late.server.orders), late.server.most) == (2, 1)


async def test_a_server_that_never_responds_is_given_up_after_its_timeout() -> None:
    async with late_server(1.0) as late:
        assert (await late.run()).data
        assert len(late.server.orders) == 2


async def test_a_stop_is_not_delayed_by_a_late_server() -> None:
    async with late_server(0.5) as late:
        second = asyncio.ensure_future(late.run())
        await asyncio.sleep(0.05)
        late.cancellation.stopping.set()
        with pytest.raises(ShuttingDown):
            await second
        assert len(late.server.orders) == 1


@pytest.mark.parametrize(
    ("left", "right", "is_shared"),
    [
        (("a1111", "http://nas:7860"), ("a1111", "http://NAS:7861"), True),
        (("a1111", "http://nas:7860"), ("a1111", "http://attic:7860"), False),
        (("a1111", "http://nas:7860"), ("localai", "http://nas:7860"), False),
        (("openai", "http://nas:7860"), ("openai", "http://nas:7860"), False),
    ],
)
def test_entries_of_one_kind_on_one_host_share_it(
    left: tuple[str, str], right: tuple[str, str], *, is_shared: bool
) -> None:
    one, two = (
        build_provider(ProviderSettings(name=name, kind=kind, base_url=base_url))
        for name, (kind, base_url) in (("one", left), ("two", right))
    )
    assert (one.traits.server == two.traits.server) is is_shared


class FakeAccountCloudflare(FakeCloudflare):
    """A token that an account owns, which is not known as one of a user."""

    def routes(self) -> list[web.RouteDef]:
        async def unknown(_request: web.Request) -> web.Response:
            return problem(401, 1000, "Invalid API Token")

        return [
            web.get("/user/tokens/verify", unknown),
            web.get("/accounts/acc/tokens/verify", self.plain(self.verify)),
        ]


async def _accepts(provider: Provider) -> list[bool]:
    accepted: list[bool] = []
    runner = ProviderRunner()
    for call in provider.token_check_calls():
        try:
            provider.raise_for_error(await runner.send_once(call, provider.traits))
        except UnauthorizedError:
            accepted.append(False)
        else:
            accepted.append(True)
    await runner.close()
    return accepted


async def test_a_token_that_an_account_owns_is_verified_there() -> None:
    async with FakeAccountCloudflare().serving() as fake:
        provider = build_provider(settings_for("cloudflare", fake))
        assert await _accepts(provider) == [False, True]
