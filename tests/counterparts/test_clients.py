"""Our fakes, asked by the services' official clients: if they are satisfied, so are we.

The demo's pretend Hugging Face is one of them.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from daemon.clock import utc_now
from daemon.pretend.server import FakeServer
from tests.providers.fakes.images_api import FakeImagesApi
from tests.providers.fakes.replicate import FakeReplicate
from tests.providers.fakes.runpod import FakeRunPod

pytestmark = pytest.mark.xdist_group("counterparts")
_ASK = Path(__file__).parent / "clients" / "ask.py"


async def ask(python: str, *words: str) -> Any:  # noqa: ANN401 - whatever it says
    process = await asyncio.create_subprocess_exec(
        python,
        str(_ASK),
        *words,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(90):
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()[-2000:]
    return json.loads(out)


@pytest.mark.parametrize(
    ("route", "size"),
    [
        ("nscale", [1024, 768]),
        ("fal-ai", [1024, 768]),
        ("together", [1024, 768]),
        # It is asked for a shape there, and this client does not know that.
        ("replicate", [1024, 1024]),
        ("hf-inference", [1024, 768]),
    ],
)
async def test_huggingface_hub_and_the_pretend_router(
    python: str, route: str, size: list[int]
) -> None:
    async with FakeServer(now=utc_now) as town:
        town.hub.routes = {route: "black-forest-labs/FLUX.1-schnell"}
        words = (town.hf_url, town.hub.token, route, town.hf_url)
        said = await ask(python, "huggingface", *words)
        assert said["size"] == size
        assert town.hub.painted == 1


async def test_openais_client_and_the_images_api(python: str) -> None:
    async with FakeImagesApi().serving() as fake:
        said = await ask(python, "openai", fake.url, fake.token)
        assert (said["format"], said["size"]) == ("PNG", [1024, 1536])
        assert fake.painted == 1


async def test_openais_client_and_the_pretend_language_model(python: str) -> None:
    async with FakeServer(now=utc_now) as town:
        said = await ask(python, "openai_chat", town.hf_url, town.hub.token)
        assert sorted(said["answer"]) == ["alt", "headline", "prompt"]
        assert said["answer"]["prompt"].startswith("Round sourdough loaves")
        assert said["finish"] == "stop"
        assert said["tokens"] > 0
        assert len(town.hub.chat.asked) == 1


async def test_replicates_client_and_the_fake_replicate(python: str) -> None:
    async with FakeReplicate(looks=2).serving() as fake:
        said = await ask(python, "replicate", fake.url, fake.token)
        assert (said["format"], said["size"]) == ("PNG", [816, 1020])
        assert fake.painted == 1


async def test_replicates_client_cancels_there(python: str) -> None:
    async with FakeReplicate(looks=99).serving() as fake:
        said = await ask(python, "replicate_cancel", fake.url, fake.token)
        assert said == {"status": "canceled"}
        assert fake.cancelled == ["job-0"]
        assert fake.painted == 0


async def test_runpods_client_and_the_fake_endpoint(python: str) -> None:
    async with FakeRunPod(looks=2).serving() as fake:
        said = await ask(python, "runpod", fake.url, fake.token)
        assert said["size"] == [512, 768]
        assert said["states"] == ["IN_QUEUE"]
        assert said["health"] == ["jobs", "workers"]
        assert fake.cancelled == ["job-1"]
