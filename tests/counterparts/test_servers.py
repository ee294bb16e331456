"""What a kind believes of a service, against code the service's makers wrote."""

from __future__ import annotations

import asyncio
import io
from datetime import UTC, datetime

import pytest
from PIL import Image

from providers import build_provider
from providers.base import GeneratedImage as Made
from providers.base import ImageRequest, ProviderSettings
from providers.cancellation import CancellationToken
from providers.outcomes import (
    BadRequestError,
    ModelLoadingError,
    PromptRefusedError,
    ProviderError,
    RemoteJobFailedError,
    UnauthorizedError,
    UnavailableError,
)
from providers.runner import ProviderRunner
from tests.counterparts.conftest import cog
from tests.counterparts.shim import TOKEN, shimmed

pytestmark = pytest.mark.xdist_group("counterparts")


async def draw(settings: ProviderSettings, prompt: str = "Bread at dawn") -> Made:
    studio = ProviderRunner()

    async def remember(_remote: str) -> None:
        return

    try:
        return await studio.run(
            build_provider(settings),
            ImageRequest(prompt=prompt, words="", width=1080, height=1350, seed=7),
            now=datetime.now(UTC),
            save_remote_id=remember,
            cancellation=CancellationToken(asyncio.Event(), asyncio.Event()),
        )
    finally:
        await studio.close()


def shape(made: Made) -> tuple[str | None, tuple[int, int]]:
    image = Image.open(io.BytesIO(made.data))
    return image.format, image.size


async def test_the_real_runpod_worker(worker: str) -> None:
    settings = ProviderSettings(
        name="runpod", kind="runpod", token="rpa_key", base_url=worker, endpoint=""
    )
    assert shape(await draw(settings)) == ("PNG", (1088, 1408))
    with pytest.raises(RemoteJobFailedError) as failed:
        await draw(settings, "boom")
    # Its traceback names paths and the host: none of that is repeated.
    assert "CUDA out of memory" in str(failed.value)
    assert "Traceback" not in str(failed.value)
    assert "worker.py" not in str(failed.value)
    with pytest.raises(PromptRefusedError):
        await draw(settings, "nsfw")


async def test_the_real_cog_behind_replicates_paths(python: str) -> None:
    async with cog(python) as server, shimmed(server) as url:
        settings = ProviderSettings(
            name="replicate", kind="replicate", token=TOKEN, base_url=url
        )
        made = await _once_it_is_there(settings)
        assert shape(made) == ("PNG", (512, 640))
        with pytest.raises(PromptRefusedError):
            await draw(settings, "nsfw")
        wrong = ProviderSettings(
            name="replicate", kind="replicate", token="r8_no", base_url=url
        )
        with pytest.raises(UnauthorizedError):
            await draw(wrong)


async def _once_it_is_there(settings: ProviderSettings) -> Made:
    async with asyncio.timeout(30):
        while True:
            try:
                return await draw(settings)
            except ModelLoadingError:
                await asyncio.sleep(0.1)


async def test_the_real_cog_while_it_loads(python: str) -> None:
    async with cog(python, setup_seconds=600) as server, shimmed(server) as url:
        settings = ProviderSettings(
            name="replicate", kind="replicate", token=TOKEN, base_url=url
        )
        with pytest.raises(ModelLoadingError) as loading:
            await draw(settings)
    assert "Setup has not finished" in str(loading.value)


async def test_hugging_faces_own_serving_code(community: str) -> None:
    settings = ProviderSettings(
        name="flux",
        kind="flux",
        token="hf_" + "c" * 30,
        base_url=community,
        route="hf-inference",
    )
    # A JPEG, unless one asks for a PNG.
    assert shape(await draw(settings)) == ("PNG", (1088, 1360))
    with pytest.raises(UnavailableError):
        await draw(settings, "boom")


@pytest.mark.parametrize("wrong", [{"width": 1001}, {"width": "wide"}])
async def test_hugging_faces_own_complaints(
    community: str, wrong: dict[str, int | str]
) -> None:
    settings = ProviderSettings(
        name="flux",
        kind="flux",
        token="hf_" + "c" * 30,
        base_url=community,
        route="hf-inference",
        extra={"parameters": dict(wrong)},
    )
    with pytest.raises(ProviderError) as caught:
        await draw(settings)
    assert isinstance(caught.value, BadRequestError | UnavailableError)
    assert "\n" not in str(caught.value)
