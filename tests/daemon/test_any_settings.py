"""Any settings and any post: an image or a reason comes of it, and nothing breaks."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import pytest
import tomlkit
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from daemon.pretend.models import FakeProperty
from tests.corpus import load_corpus
from tests.daemon.house import house
from tests.search import examples

pytestmark = pytest.mark.sqlite_only

_COLOUR = st.sampled_from(["", "#ffffff", "#000000", "#777777", "#0a4d68", "#ffe9a0"])
#: The files are made beside each configuration.
_LOGO = st.sampled_from(["", "wide.png", "tall.png", "clear.png"])
_LAYOUT = st.sampled_from(
    ["auto", "statement", "quote", "list", "table", "event", "review", "versus"]
)
_SETTINGS = st.fixed_dictionaries(
    {
        "credits": st.sampled_from([None, 0]),
        "posts": st.fixed_dictionaries(
            {
                "cover": st.booleans(),
                "on_edit": st.sampled_from(["keep", "regenerate"]),
                "on_done": st.sampled_from([{}, {"Status": "Image ready"}]),
            }
        ),
        "prompt": st.fixed_dictionaries(
            {
                "template": st.sampled_from(
                    ["{prompt}", "{title}: {prompt}", "{column:Date} {prompt}"]
                ),
                "style": st.sampled_from(["", "a watercolour", "x" * 1000]),
            }
        ),
        "images": st.fixed_dictionaries(
            {
                "format": st.sampled_from(["256x256", "256x320", "488x256", "256x456"]),
                "headline": st.sampled_from(["off", "column", "auto"]),
                "headline_style": st.sampled_from(["gradient", "panel"]),
                "brand": st.booleans(),
                "mark_ai": st.booleans(),
                "embed_prompt": st.booleans(),
            }
        ),
        "card": st.fixed_dictionaries(
            {
                "tag": st.sampled_from(["", "Oven & Oak", "髙橋食堂", "🥐", "x" * 80]),
                "background": _COLOUR,
                "color": _COLOUR,
                "accent": _COLOUR,
                "logo": _LOGO,
                "logo_dark": _LOGO,
                "layout": _LAYOUT,
            }
        ),
    }
)
_TEXT = st.one_of(
    st.sampled_from([post.post for post in load_corpus().values()]),
    st.text(max_size=300),
    st.sampled_from(["x" * 2000, "🥐" * 50, "!", "#sale #bread", "a\n\n\n\nb", "```"]),
)
_CELLS = st.fixed_dictionaries(
    {"title": st.text(max_size=60), "post": _TEXT},
    optional={
        "Headline": st.text(min_size=1, max_size=80),
        "Image prompt": st.text(min_size=1, max_size=200),
        "Image feedback": st.text(min_size=1, max_size=80),
        "Format": st.sampled_from(["story", "landscape", "poster", "square"]),
        "Variants": st.sampled_from([0, 2, 1.5, -1, 99]),
    },
)

_OPTIONAL = {"Variants": "number", "Headline": "rich_text", "Format": "select"}


def _write_logos(folder: Path) -> None:
    Image.new("RGB", (600, 40), "black").save(folder / "wide.png")
    Image.new("RGB", (20, 900), "white").save(folder / "tall.png")
    Image.new("RGBA", (50, 50)).save(folder / "clear.png")


async def _live(chosen: dict[str, Any], cells: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write_logos(folder)
        async with house(folder / "own", toml=_to_toml(chosen, folder)) as home:
            home.hub.credits = chosen["credits"]
            for column, kind in _OPTIONAL.items():
                made = FakeProperty(column.casefold(), column, kind)
                home.town.source.columns[column] = made
            await home.begin()
            page = home.add(**cells)
            await home.live()
            home.space.tick_box(page)
            await home.live()
            # A page is told of a wait a little later.
            await home.pass_time(minutes=1, steps=3)
            assert [line for line in home.said if "crashed" in line] == []
            queue, shown = await home.jobs(), home.read(page)
            note = shown["Image note"]
            assert shown["Image"] or note or not queue
            assert note.startswith("Waiting") or not any(job.is_open for job in queue)


def _to_toml(chosen: dict[str, Any], folder: Path) -> str:
    card = dict(chosen["card"])
    for key in ("logo", "logo_dark"):
        card[key] = card[key] and str(folder / card[key])
    sections = {key: value for key, value in chosen.items() if key != "credits"}
    return tomlkit.dumps({**sections, "card": card})


@settings(max_examples=examples(120))
@given(_SETTINGS, _CELLS)
def test_any_post_with_any_settings(
    chosen: dict[str, Any], cells: dict[str, Any]
) -> None:
    asyncio.run(_live(chosen, cells))
