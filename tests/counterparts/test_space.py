"""The kind `space` against Gradio's own server and the texts of ZeroGPU."""

from __future__ import annotations

import asyncio
import io
from dataclasses import dataclass, field
from datetime import UTC, datetime

import aiohttp
import pytest
from PIL import Image

from providers import build_provider
from providers.base import GeneratedImage, ImageRequest, ProviderSettings
from providers.cancellation import CancellationToken, ShuttingDown
from providers.outcomes import (
    OutOfCreditsError,
    RemoteJobFailedError,
    RemoteJobLostError,
    TimedOutError,
)
from providers.provider import Provider
from providers.runner import ProviderRunner
from tests.providers.fakes.space import FakeSpace

# Gradio takes seconds to start, so one server is asked by all.
pytestmark = [
    pytest.mark.xdist_group("counterparts"),
    pytest.mark.asyncio(loop_scope="module"),
]


@dataclass
class Visitor:
    """One provider at a Gradio server, and what it committed."""

    url: str
    hub: str | None = None
    remote_ids: list[str] = field(default_factory=list)
    is_called: asyncio.Event = field(default_factory=asyncio.Event)
    cancellation: CancellationToken = field(
        default_factory=lambda: CancellationToken(asyncio.Event(), asyncio.Event())
    )

    @property
    def provider(self) -> Provider:
        return build_provider(
            ProviderSettings(
                name="space",
                kind="space",
                token="tok_0123456789abcdef0123456789abcdef",
                base_url=self.url,
                hub_url=self.hub,
            )
        )

    async def save_remote_id(self, remote_id: str) -> None:
        self.remote_ids.append(remote_id)
        self.is_called.set()

    async def draw(self, prompt: str, seed: int = 7) -> GeneratedImage:
        runner = ProviderRunner()
        try:
            return await runner.run(
                self.provider,
                ImageRequest(
                    prompt=prompt, words="", width=1080, height=1350, seed=seed
                ),
                now=datetime.now(UTC),
                save_remote_id=self.save_remote_id,
                cancellation=self.cancellation,
            )
        finally:
            await runner.close()

    async def resume(self) -> GeneratedImage:
        runner = ProviderRunner()
        quiet = CancellationToken(asyncio.Event(), asyncio.Event())
        try:
            return await runner.resume(
                self.provider, self.remote_ids[-1], seconds_left=5, cancellation=quiet
            )
        finally:
            await runner.close()


async def test_an_image_of_the_size_and_the_seed_that_were_asked_for(
    space: str,
) -> None:
    visitor = Visitor(space)
    made = await visitor.draw("Bread at dawn")
    image = Image.open(io.BytesIO(made.data))
    assert (image.format, image.size) == ("WEBP", (1088, 1408))
    assert made.seed == 7
    # The event was committed before its stream, the file's address before the file.
    assert [address.partition(space)[0][:23] for address in visitor.remote_ids] == [
        "/gradio_api/call/infer/",
        "",
    ]
    again = await Visitor(space).draw("Bread at dawn")
    other = await Visitor(space).draw("Bread at dawn", seed=8)
    assert again.data == made.data != other.data


async def test_the_quota_is_refused_in_zerogpus_words(space: str) -> None:
    async with FakeSpace().serving() as hub:
        hub.quota = {"base": 300, "current": 300, "resetsAt": None}
        with pytest.raises(OutOfCreditsError) as refused:
            await Visitor(space, hub.url).draw("over quota")
        # Before the call and after the refusal.
        assert hub.quota_asked == 2
    now = datetime.now(UTC)
    assert refused.value.seconds_at(now) == 5405
    assert "60s requested vs. 42s left" in str(refused.value)


async def test_what_breaks_in_the_space_is_a_failed_job(space: str) -> None:
    with pytest.raises(RemoteJobFailedError) as failed:
        await Visitor(space).draw("boom")
    assert "without a reason" in str(failed.value)
    assert not isinstance(failed.value, RemoteJobLostError)


async def test_an_event_nobody_has_waited_for_is_found_again(space: str) -> None:
    visitor = Visitor(space)
    visitor.cancellation.stopping.set()
    # The stop came before the stream was opened.
    with pytest.raises(ShuttingDown):
        await visitor.draw("Bread at noon")
    made = await visitor.resume()
    assert Image.open(io.BytesIO(made.data)).size == (1088, 1408)


async def test_a_stream_that_has_begun_is_finished_at_a_stop(space: str) -> None:
    visitor = Visitor(space)
    drawing = asyncio.create_task(visitor.draw("slow bread"))
    async with asyncio.timeout(60):
        await visitor.is_called.wait()
    await asyncio.sleep(1)
    visitor.cancellation.stopping.set()
    # The address of the file is committed; the file is fetched after the start.
    with pytest.raises(ShuttingDown):
        await drawing
    assert visitor.remote_ids[-1].startswith(f"{space}/gradio_api/file=")
    assert (await visitor.resume()).data


async def test_a_stream_that_was_cut_brings_nothing_more(space: str) -> None:
    visitor = Visitor(space)
    visitor.cancellation.stopping.set()
    with pytest.raises(ShuttingDown):
        await visitor.draw("slow and cut")
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{space}{visitor.remote_ids[-1]}") as cut,
    ):
        assert cut.status == 200
    await asyncio.sleep(4)
    # Gradio forgets the event, or sends heartbeats for ever.
    with pytest.raises((RemoteJobLostError, TimedOutError)):
        await visitor.resume()


async def test_an_event_is_taken_out_of_the_queue(space: str) -> None:
    visitor = Visitor(space)
    visitor.cancellation.stopping.set()
    with pytest.raises(ShuttingDown):
        await visitor.draw("slow and unwanted")
    runner = ProviderRunner()
    try:
        await runner.cancel(visitor.provider, visitor.remote_ids[-1])
    finally:
        await runner.close()
    with pytest.raises(RemoteJobFailedError, match="without an image"):
        await visitor.resume()
