"""The daemon's prompts: what a service receives, and what the page says of it."""

from __future__ import annotations

from pathlib import Path

from tests.daemon.house import House, house

_STYLE = '[prompt]\nstyle = "soft pastel colours"\n'


async def test_feedback_and_style_survive_a_limit_and_the_note_says_so(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, toml=_STYLE) as home:
        await home.begin()
        own = "A very long wooden table. " * 100
        page = home.add(**{"Image prompt": own, "Image feedback": "more light"})
        await home.live()
        (request,) = home.hub.served
        assert len(request.prompt) <= 2000
        assert request.prompt.startswith("A very long wooden table.")
        assert request.prompt.endswith("soft pastel colours. more light")
        assert home.read(page)["Image note"] == (
            "Your image prompt was shortened: Hugging Face FLUX accepts prompts of up "
            "to 2,000 characters."
        )


async def test_the_alt_text_is_what_is_shown(tmp_path: Path) -> None:
    async with house(tmp_path, toml=_STYLE) as home:
        await home.begin()
        post = "Первые пионы сезона! Букет за 15 минут: +7 (900) 000-00-00"
        page = home.add(post=post, **{"Image feedback": "no vase, please"})
        await home.live()
        (request,) = home.hub.served
        assert request.prompt == (
            "no vase, please. soft pastel colours. A bouquet of peonies beside "
            "seasonal flowers in buckets and vases. Clean, unmarked surfaces."
        )
        assert home.read(page)["Alt text"] == (
            "A bouquet of peonies beside seasonal flowers in buckets and vases. "
            "(AI-generated)"
        )
        assert home.read(page)["Image note"] == ""


async def test_an_alt_text_does_not_end_within_a_number(home: House) -> None:
    own = f"A table {'of oak ' * 31}for 12 500 guests"
    page = home.add(**{"Image prompt": own})
    await home.live()
    assert str(home.read(page)["Alt text"]).endswith("oak for. (AI-generated)")
