"""One provider, its fake service, and a clock that only waiting moves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from providers import build_provider
from providers.base import GeneratedImage, ImageRequest
from providers.cancellation import CancellationToken
from providers.provider import Provider
from providers.runner import ProviderRunner
from tests.providers.fakes import FAKES, Fake, settings_for
from tests.providers.fakes.space import FakeSpace

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
ORDER = ImageRequest(
    prompt="Bread at dawn", words="Bread", width=1080, height=1350, seed=7
)
ALL = sorted(FAKES)
WITH_JOBS = [kind for kind in ALL if FAKES[kind].has_jobs]


@dataclass
class Desk:
    """One provider, its fake, and a clock that only waiting moves."""

    kind: str
    fake: Fake
    provider: Provider
    seconds: float = 0.0
    remote_ids: list[str] = field(default_factory=list)
    cancellation: CancellationToken = field(
        default_factory=lambda: CancellationToken(asyncio.Event(), asyncio.Event())
    )

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        await asyncio.sleep(0)

    async def save_remote_id(self, remote: str) -> None:
        self.remote_ids.append(remote)

    @asynccontextmanager
    async def open_runner(self) -> AsyncIterator[ProviderRunner]:
        runner = ProviderRunner(sleep=self.sleep, monotonic=lambda: self.seconds)
        try:
            yield runner
        finally:
            await runner.close()

    async def run(self, order: ImageRequest = ORDER) -> GeneratedImage:
        async with self.open_runner() as runner:
            return await runner.run(
                self.provider,
                order,
                now=NOW,
                save_remote_id=self.save_remote_id,
                cancellation=self.cancellation,
            )

    async def resume(self, left: float) -> GeneratedImage:
        async with self.open_runner() as runner:
            return await runner.resume(
                self.provider,
                self.remote_ids[-1],
                seconds_left=left,
                cancellation=self.cancellation,
            )


class SpaceDesk(Desk):
    """A desk at a Space."""

    fake: FakeSpace

    def ask_for(self, **settings: object) -> None:
        """Configure another Space."""
        given = settings_for("space", self.fake)
        self.provider = build_provider(replace(given, **settings))  # type: ignore[arg-type]  # its fields
