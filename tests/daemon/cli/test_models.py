"""`check` looks models and quotas up, and a note knows of an ended model."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from daemon.cli.check_services import check_provider
from tests.daemon.house import House
from tests.daemon.services import house_with
from tests.providers.fakes.images_api import FakeImagesApi
from tests.providers.fakes.space import FakeSpace

MODEL = "gpt-image-2.6-flare"


@pytest.mark.parametrize(
    ("models", "days", "mark", "words"),
    [
        ((MODEL,), None, "✓", ""),
        ((MODEL,), 31, "✓", ""),
        ((MODEL,), 30, "!", "OpenAI will retire this model on"),
        ((MODEL,), 0, "✗", "OpenAI will retire this model on"),
        (("gpt-image-3",), None, "✗", "OpenAI does not offer this model"),
    ],
)
async def test_check_says_whether_the_model_is_offered(
    models: tuple[str, ...], days: int | None, mark: str, words: str, tmp_path: Path
) -> None:
    async with (
        FakeImagesApi(models=models).serving() as fake,
        house_with(tmp_path, "openai", fake) as home,
    ):
        if days is not None:
            ends = home.source.app.now().date() + timedelta(days=days)
            fake.ends[MODEL] = ends.isoformat()
        _, row = await check_provider(home.source, "openai")
        assert (row.what, row.found, row.mark) == ("openai model", MODEL, mark)
        said = row.todo or row.warning
        assert said.startswith(words)
        assert ("providers.openai.model" in said) is bool(words)


async def test_a_model_that_is_gone_is_no_promise_of_an_image(home: House) -> None:
    home.hub.inject_fault("POST", times=9, status=410, body={"error": "deprecated"})
    page = home.add()
    await home.live()
    note = home.read(page)["Image note"]
    assert home.read(page)["Image status"] == "Card"
    assert "will replace" not in note
    assert "choose another model" in note


@pytest.mark.parametrize(
    ("quota", "left"),
    [
        (
            {"current": 210, "runs": {"remaining": 7}},
            "210 s of ZeroGPU time and 7 runs",
        ),
        ({"current": -3}, "0 s of ZeroGPU time"),
        ({"runs": 0}, "0 runs"),
        ({}, ""),
    ],
)
async def test_check_says_what_is_left_of_a_quota(
    quota: dict[str, object], left: str, tmp_path: Path
) -> None:
    async with (
        FakeSpace(quota=quota).serving() as fake,
        house_with(tmp_path, "space", fake) as home,
    ):
        row, *_ = await check_provider(home.source, "space")
        assert row.found.endswith(f"; {left} left today" if left else "daily quota)")
