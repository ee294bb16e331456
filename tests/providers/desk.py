"""One provider, its fake service, and a clock that only waiting moves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from providers.base import GeneratedImage, ImageRequest
from providers.provider import Provider
from providers.runner import CancellationToken, ProviderRunner
from tests.providers.fakes import FAKES, Fake

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
    passed: float = 0.0
    remembered: list[str] = field(default_factory=list)
    cancellation: CancellationToken = field(
        default_factory=lambda: CancellationToken(asyncio.Event(), asyncio.Event())
    )

    async def sleep(self, seconds: float) -> None:
        self.passed += seconds
        await asyncio.sleep(0)

    async def remember(self, remote: str) -> None:
        self.remembered.append(remote)

    @asynccontextmanager
    async def studio(self) -> AsyncIterator[ProviderRunner]:
        studio = ProviderRunner(sleep=self.sleep, monotonic=lambda: self.passed)
        try:
            yield studio
        finally:
            await studio.close()

    async def draw(self, order: ImageRequest = ORDER) -> GeneratedImage:
        async with self.studio() as studio:
            return await studio.run(
                self.provider,
                order,
                now=NOW,
                save_remote_id=self.remember,
                cancellation=self.cancellation,
            )

    async def resume(self, left: float) -> GeneratedImage:
        async with self.studio() as studio:
            return await studio.resume(
                self.provider,
                self.remembered[-1],
                seconds_left=left,
                cancellation=self.cancellation,
            )
