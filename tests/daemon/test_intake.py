"""Whatever a service sends: shown as the same kind of PNG, or the next is asked."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from PIL import Image

from daemon.pretend.scenes import render_scene
from tests.daemon.services import house_with
from tests.providers.fakes import FAKES


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def _blank_png(width: int, height: int) -> bytes:
    """Return a whole black PNG of one bit a pixel; Pillow takes seconds for it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        crc = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)

    rows = bytes((1 + (width + 7) // 8) * height)
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(rows, 1))
    return b"\x89PNG\r\n\x1a\n" + head + pixels + chunk(b"IEND", b"")


def _picture() -> Image.Image:
    return Image.open(io.BytesIO(render_scene("bread", 1, 640, 640))).convert("RGB")


def _frames() -> list[Image.Image]:
    return [Image.open(io.BytesIO(render_scene("bread", n, 64, 64))) for n in range(2)]


USABLE: Mapping[str, Callable[[], bytes]] = {
    "jpeg": lambda: _saved(_picture(), "JPEG"),
    "webp": lambda: _saved(_picture(), "WEBP"),
    "gif": lambda: _saved(_picture(), "GIF"),
    "palette": lambda: _saved(_picture().quantize(64), "PNG"),
    "cmyk": lambda: _saved(_picture().convert("CMYK"), "JPEG"),
    "16 bit": lambda: _saved(
        _picture().convert("L").convert("I").point(lambda v: v * 256).convert("I;16"),
        "PNG",
    ),
    "alpha": lambda: _saved(_picture().convert("RGBA"), "PNG"),
}
USELESS: Mapping[str, Callable[[], bytes]] = {
    "animated webp": lambda: _saved(
        _frames()[0], "WEBP", save_all=True, append_images=_frames()[1:]
    ),
    "apng": lambda: _saved(
        _frames()[0], "PNG", save_all=True, append_images=_frames()[1:]
    ),
    "animated gif": lambda: _saved(
        _frames()[0], "GIF", save_all=True, append_images=_frames()[1:]
    ),
    "bmp": lambda: _saved(_picture(), "BMP"),
    "truncated": lambda: _saved(_picture(), "PNG")[:20_000],
    "bomb": lambda: _blank_png(30_000, 30_000),
    "tiny": lambda: _saved(_picture().resize((32, 32)), "PNG"),
    "nothing": lambda: b"",
}


@pytest.mark.parametrize("name", USABLE)
async def test_whatever_can_be_shown_is_shown_as_the_same_kind_of_png(
    name: str, tmp_path: Path
) -> None:
    async with (
        FAKES["replicate"]().serving() as fake,
        house_with(tmp_path, "replicate", fake) as home,
    ):
        fake.picture = USABLE[name]()
        page = home.add(Format="square")
        await home.live()
        (file,) = home.space.list_files(page)
        image = Image.open(io.BytesIO(file.data))
        assert (image.format, image.mode, image.size) == ("PNG", "RGB", (1080, 1080))
        assert file.name.startswith("replicate_generated_")


@pytest.mark.parametrize("name", USELESS)
async def test_whatever_cannot_be_shown_leads_to_the_next(
    name: str, tmp_path: Path
) -> None:
    async with (
        FAKES["localai"]().serving() as fake,
        house_with(tmp_path, "localai", fake) as home,
    ):
        fake.picture = USELESS[name]()
        page = home.add()
        await home.live()
        calls = await home.calls()
        assert [one.provider for one in calls[:2]] == ["localai", "freeapi"]
        assert calls[0].outcome == "invalid_image"
        assert home.read(page)["Image status"] == "Card"


async def test_a_single_colour_is_how_some_refuse(tmp_path: Path) -> None:
    async with (
        FAKES["cloudflare"]().serving() as fake,
        house_with(tmp_path, "cloudflare", fake) as home,
    ):
        fake.picture = _saved(Image.new("RGB", (512, 512)), "PNG")
        page = home.add()
        await home.live()
        assert home.read(page)["Image status"] == "Failed"
        assert "blank image" in home.read(page)["Image note"]
        assert (await home.calls())[0].outcome == "blank"
