"""The property *Image details*: which model made each image, its price and seed."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.pretend.models import FakeProperty
from tests.daemon.house import house
from tests.daemon.services import house_with
from tests.providers.fakes import FAKES


async def test_each_of_several_images_has_its_own_line(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        number = FakeProperty("variants", "Variants", "number")
        home.space.add_column(home.town.source.id, number)
        await home.begin()
        page = home.add(Variants=2)
        await home.live()
        seeds = [call.seed for call in await home.calls()]
        assert home.read(page)["Image details"] == "\n".join(
            f"{number}. FLUX.1-schnell (nscale), included, seed {seed}"
            for number, seed in enumerate(seeds, 1)
        )


@pytest.mark.parametrize(("price", "words"), [(0.0123, "$0.0123"), (0.0, "free")])
async def test_a_charged_image_shows_its_price(
    price: float, words: str, tmp_path: Path
) -> None:
    toml = f"[providers.flux]\nprice = {price}\nincluded = 0.0\n"
    async with house(tmp_path, toml=toml) as home:
        await home.begin()
        page = home.add()
        await home.live()
        (call,) = await home.calls()
        assert home.read(page)["Image details"] == (
            f"FLUX.1-schnell (nscale), {words}, seed {call.seed}"
        )


async def test_a_card_has_no_model(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        await home.begin()
        home.hub.credits = 0
        page = home.add()
        await home.live()
        assert home.read(page)["Image status"] == "Card"
        assert not home.read(page)["Image details"]


async def test_a_service_that_takes_no_seed_shows_none(tmp_path: Path) -> None:
    async with (
        FAKES["cloudflare"]().serving() as fake,
        house_with(tmp_path, "cloudflare", fake) as home,
    ):
        page = home.add()
        await home.live()
        assert str(home.read(page)["Image details"]).startswith("flux-1-schnell, ")
        assert "seed" not in str(home.read(page)["Image details"])
