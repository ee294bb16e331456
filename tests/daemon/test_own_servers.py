"""Servers of the owner through the daemon: shared work, blank images, `check`."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

from PIL import Image

from daemon.cli.check_services import check_provider
from daemon.config.parsing import parse_format
from daemon.generation.chain_input import ChainInput, ImageSpec
from daemon.generation.provider_selection import choose_provider, load_chain_state
from providers.chain import AtCapacity, CallProvider, Decision
from tests.daemon.house import house
from tests.daemon.services import house_with
from tests.providers.fakes.images_api import FakeImagesApi


def _blank() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (512, 512)).save(out, "PNG")
    return out.getvalue()


async def test_a_black_image_of_your_own_server_is_its_failure(tmp_path: Path) -> None:
    async with (
        FakeImagesApi(picture=_blank()).serving() as fake,
        house_with(tmp_path, "localai", fake) as home,
    ):
        page = home.add()
        await home.live()
        # Not a refused prompt: the next provider serves the post.
        assert home.read(page)["Image status"] == "Card"
        first, *_ = await home.calls()
        assert (first.provider, first.outcome) == ("localai", "invalid_image")
        assert "blank" in first.error


async def test_a_black_image_of_another_service_is_a_refusal(tmp_path: Path) -> None:
    async with (
        FakeImagesApi(picture=_blank()).serving() as fake,
        house_with(tmp_path, "openai", fake) as home,
    ):
        page = home.add()
        await home.live()
        assert home.read(page)["Image status"] == "Failed"
        (call,) = await home.calls()
        assert call.outcome == "blank"


async def test_entries_on_one_server_share_its_work(tmp_path: Path) -> None:
    toml = (
        "chain = ['a1111', 'attic', 'cellar', 'freeapi']\n"
        "[providers.a1111]\nbase_url = 'http://nas.test:7860'\n"
        "[providers.attic]\nkind = 'a1111'\nbase_url = 'http://nas.test:7861'\n"
        "[providers.cellar]\nkind = 'a1111'\nbase_url = 'http://cellar.test:7860'\n"
    )
    async with house(tmp_path, toml=toml, hugging=False) as home:
        await home.begin()
        async with home.source.app.db.read_transaction() as tx:
            idle = await load_chain_state(tx, home.source)
        image = ImageSpec(prompt="Bread", words="Bread", size=parse_format("square"))

        def choose(name: str, **calls: int) -> Decision:
            chain_input = ChainInput(image=image, chain=(name,))
            state = replace(idle, calls=calls)
            return choose_provider(home.source, chain_input, state)

        assert choose("attic") == CallProvider("attic", probe=False)
        assert choose("attic", a1111=1) == AtCapacity("attic")
        assert choose("cellar", a1111=1) == CallProvider("cellar", probe=False)


async def test_check_names_the_address_without_its_password(tmp_path: Path) -> None:
    async with FakeImagesApi().serving() as fake:
        place = fake.url.removeprefix("http://")
        toml = (
            "chain = ['localai', 'freeapi']\n"
            f"[providers.localai]\nbase_url = 'http://ada:s3cretword@{place}'\n"
        )
        keys = {"LOCALAI_API_KEY": fake.token}
        async with house(tmp_path, toml=toml, hugging=False, environ=keys) as home:
            row, *_ = await check_provider(home.source, "localai")
            assert not row.todo
            assert f"at {fake.url}/v1" in row.found
            fake.token = "another"
            refused, *_ = await check_provider(home.source, "localai")
            assert "s3cretword" not in f"{row} {refused}"
        toml = toml.replace(place, "127.0.0.1:9")
        async with house(tmp_path, toml=toml, hugging=False, environ=keys) as home:
            row, *_ = await check_provider(home.source, "localai")
            refused_words = "http://127.0.0.1:9/v1: cannot be reached: connection"
            assert row.todo.startswith(refused_words)
