"""A service that ignores the seed is named, and asked again only when it is free."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.pretend.scenes import render_scene
from db.models import Attempt
from providers.card.layout import choose_composition
from tests.daemon.house import House, house
from tests.daemon.services import house_with
from tests.providers.fakes import FAKES
from tests.providers.fakes.sd_server import FakeSdServer

SAME = render_scene("Bread", 42, 512, 512)


async def _tick(home: House, page: str) -> None:
    home.space.tick_box(page)
    await home.live()


def _outcomes(calls: list[Attempt]) -> list[str | None]:
    return [call.outcome for call in calls]


async def test_sd_server_paints_another_image_with_the_seed_that_is_recorded(
    tmp_path: Path,
) -> None:
    async with (
        FakeSdServer().serving() as fake,
        house_with(tmp_path, "localai", fake) as home,
    ):
        page = home.add()
        await home.live()
        (before,) = home.space.list_files(page)
        await _tick(home, page)
        after = home.space.list_files(page)[0]
        calls = list(await home.calls())
        assert fake.seeds == [call.seed for call in calls]
        assert len(set(fake.seeds)) == 2
        assert before.data != after.data
        assert not any("image.repeated" in line for line in home.warned)


async def test_a_free_service_that_repeats_an_image_is_asked_once_more(
    tmp_path: Path,
) -> None:
    async with (
        FAKES["localai"]().serving() as fake,
        house_with(tmp_path, "localai", fake) as home,
    ):
        fake.picture = SAME
        page = home.add()
        await home.live()
        assert home.read(page)["Image status"] == "Done"
        await _tick(home, page)

        calls = list(await home.calls())
        assert _outcomes(calls) == ["image", "identical", "image"]
        # Three different seeds were asked for, and nothing was charged.
        assert len({body["seed"] for body in fake.orders}) == 3
        assert sum(call.cost + call.included_cost for call in calls) == 0
        # Once more, then what it paints is used; both are said.
        assert home.read(page)["Image status"] == "Done"
        said = [line for line in home.warned if "image.repeated" in line]
        assert len(said) == 2
        assert "LocalAI returned the same image as before" in said[0]
        assert str(calls[1].seed) in said[0]


async def test_the_second_try_may_bring_another_image(tmp_path: Path) -> None:
    async with (
        FAKES["localai"]().serving() as fake,
        house_with(tmp_path, "localai", fake) as home,
    ):
        page = home.add()
        await home.live()
        first, paint = fake.files, fake.paid
        fake.picture = SAME
        await _tick(home, page)
        seen = 0

        def once_the_same(prompt: str, seed: object, width: int, height: int) -> bytes:
            nonlocal seen
            seen += 1
            fake.picture = SAME if seen == 1 else None
            return paint(prompt, seed, width, height)

        fake.paid = once_the_same  # type: ignore[method-assign]  # on this one fake
        await _tick(home, page)
        calls = list(await home.calls())
        assert _outcomes(calls) == ["image", "image", "identical", "image"]
        assert len([line for line in home.warned if "image.repeated" in line]) == 1
        assert first is fake.files


@pytest.mark.parametrize("kind", ["together", "replicate"])
async def test_a_paid_service_is_named_and_not_asked_again(
    kind: str, tmp_path: Path
) -> None:
    async with (
        FAKES[kind]().serving() as fake,
        house_with(tmp_path, kind, fake) as home,
    ):
        fake.picture = SAME
        page = home.add()
        await home.live()
        await _tick(home, page)
        calls = list(await home.calls())
        assert _outcomes(calls) == ["image", "image"]
        assert fake.painted == 2
        assert len([line for line in home.warned if "image.repeated" in line]) == 1


async def test_the_same_card_again_is_a_card(tmp_path: Path) -> None:
    async with (
        FAKES["localai"]().serving() as fake,
        house_with(tmp_path, "localai", fake) as home,
    ):
        for _ in range(6):
            fake.fail(500, {"error": "no"})
        page = home.add()
        await home.live()
        assert home.read(page)["Image status"] == "Card"
        await _tick(home, page)
        assert not any("image.repeated" in line for line in home.warned)


async def test_a_card_that_is_regenerated_has_another_composition(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as home:
        home.hub.credits = 0
        await home.begin()
        page = home.add("Bread", "Fresh bread every morning.")
        await home.live()
        files = {home.space.list_files(page)[0].data}
        for _ in range(2):
            await _tick(home, page)
            files.add(home.space.list_files(page)[0].data)

        seeds = [call.seed for call in await home.calls() if call.provider == "freeapi"]
        assert len(files) == len(seeds) == 3
        # Each of the one before, not of the first.
        assert [(seed - seeds[0]) % 2**31 for seed in seeds] == [0, 1, 2]
        assert len({choose_composition(seed).ground for seed in seeds}) == 3
