"""Untrusted bytes become a clean PNG of exactly the size, or a reason."""

from __future__ import annotations

import io
import random
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageFilter, ImageStat, features

from daemon.config.parsing import FormatError, ImageFormat, parse_format
from daemon.imaging.normalize import (
    encode_png,
    is_large_enough,
    normalize_image,
    shrink_for_upload,
)
from providers.outcomes import BlankImageError, InvalidImageError
from providers.responses import looks_like_image
from tests.search import examples

SQUARE = ImageFormat(width=1080, height=1080, name="square")


def _scene(width: int, height: int, mode: str = "RGB") -> Image.Image:
    chance = random.Random(f"{width}{height}")  # noqa: S311 - a picture
    small = Image.frombytes("RGB", (24, 24), chance.randbytes(24 * 24 * 3))
    return small.resize((width, height), Image.Resampling.BICUBIC).convert(mode)


def _bytes(image: Image.Image, kind: str = "PNG", **more: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **more)
    return out.getvalue()


def _chunk(kind: bytes, data: bytes) -> bytes:
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def _bomb(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes(1 << 20), 9)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", rows)
        + _chunk(b"IEND", b"")
    )


_GOOD = _bytes(_scene(1024, 1024))


@pytest.mark.parametrize(
    ("data", "tells"),
    [
        (b"", "cannot be decoded"),
        (b"<html>rate limited</html>", "cannot be decoded"),
        (b'{"error": "no"}', "cannot be decoded"),
        (_GOOD[: len(_GOOD) // 2], "cannot be decoded"),
        (_GOOD[:8] + bytes(500), "cannot be decoded"),
        (_bomb(60_000, 60_000), "decode.*Bomb|too many to decode"),
        (_bomb(2**31 - 1, 2**31 - 1), "cannot be decoded|too many"),
        (_bytes(_scene(16, 16)), "sent only 16x16"),
        (_bytes(_scene(70, 70)), "too small to enlarge"),
        (_bytes(_scene(539, 539)), "sent 539x539, too small to enlarge"),
        (
            _bytes(
                _scene(300, 300),
                "GIF",
                save_all=True,
                append_images=[_scene(300, 301).crop((0, 0, 300, 300))],
            ),
            "animation",
        ),
        (_bytes(_scene(200, 200), "BMP"), "cannot be decoded"),
        (_bytes(_scene(200, 200), "TIFF"), "cannot be decoded"),
        (
            _bytes(
                _scene(300, 300),
                "WEBP",
                save_all=True,
                append_images=[_scene(300, 301).crop((0, 0, 300, 300))],
            ),
            "animation",
        ),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "cannot be decoded"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "cannot be decoded"),
    ],
)
def test_what_is_no_usable_image_says_why(data: bytes, tells: str) -> None:
    with pytest.raises(InvalidImageError, match=tells):
        normalize_image(data, SQUARE)


@pytest.mark.parametrize("colour", ["black", "white", (18, 18, 18), (255, 0, 0)])
def test_a_single_colour_is_a_refusal(colour: object) -> None:
    blank = Image.new("RGB", (1024, 1024), colour)  # type: ignore[arg-type]
    with pytest.raises(BlankImageError):
        normalize_image(_bytes(blank), SQUARE)


_AVIF = pytest.param(
    "AVIF",
    marks=pytest.mark.skipif(
        not features.check("avif"), reason="this Pillow was built without AVIF"
    ),
)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", _AVIF])
@pytest.mark.parametrize(
    ("width", "height"), [(512, 512), (540, 540), (672, 384), (384, 672)]
)
def test_every_shape_becomes_exactly_the_size(
    kind: str, width: int, height: int
) -> None:
    data = _bytes(_scene(width, height), kind)
    # What the daemon can decode is not turned away before.
    assert looks_like_image(data)
    image = normalize_image(data, ImageFormat(width=540, height=540, name=""))
    assert (image.size, image.mode) == ((540, 540), "RGB")


def test_a_slightly_larger_image_is_cropped_and_not_resampled() -> None:
    scene = _scene(1088, 1088)
    image = normalize_image(_bytes(scene), SQUARE)
    assert image.tobytes() == scene.crop((4, 4, 1084, 1084)).tobytes()
    tall = _scene(1088, 1360)
    image = normalize_image(_bytes(tall), parse_format("portrait"))
    assert image.tobytes() == tall.crop((4, 4, 1084, 1354)).tobytes()


def _sharpness(image: Image.Image) -> float:
    edges = image.convert("L").filter(ImageFilter.FIND_EDGES)
    return ImageStat.Stat(edges).mean[0]


@pytest.mark.parametrize("side", [600, 800, 1024])
def test_an_enlarged_image_is_sharpened_lightly(side: int) -> None:
    chance = random.Random(5)  # noqa: S311 - a picture
    small = Image.frombytes("RGB", (90, 90), chance.randbytes(90 * 90 * 3))
    scene = small.resize((side, side), Image.Resampling.BICUBIC)
    soft = scene.resize((1080, 1080), Image.Resampling.LANCZOS)
    sharp = normalize_image(_bytes(scene), SQUARE)
    assert 1.01 < _sharpness(sharp) / _sharpness(soft) < 1.6
    # No halo: a plain area next to an edge stays plain.
    difference = ImageChops.difference(sharp, soft)
    assert max(ImageStat.Stat(difference).mean) < 12


def test_a_reduced_image_is_not_sharpened() -> None:
    scene = _scene(2048, 2048)
    reduced = scene.resize((1080, 1080), Image.Resampling.LANCZOS)
    difference = ImageChops.difference(normalize_image(_bytes(scene), SQUARE), reduced)
    assert max(ImageStat.Stat(difference).mean) < 0.1


def test_an_image_in_a_frame_may_be_small_across() -> None:
    story = parse_format("story")
    assert is_large_enough(ImageFormat(width=1024, height=1024, name=""), story)
    assert not is_large_enough(ImageFormat(width=512, height=512, name=""), story)
    image = normalize_image(_bytes(_scene(1024, 1024)), story)
    assert image.size == (1080, 1920)


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "CMYK", "1", "I;16"])
def test_every_mode_becomes_rgb(mode: str) -> None:
    if mode == "I;16":
        raw = random.Random(1).randbytes(540 * 540 * 2)  # noqa: S311 - a picture
        image = Image.frombytes("I;16", (540, 540), raw)
    else:
        scene = _scene(540, 540)
        image = (scene.convert("L") if mode == "LA" else scene).convert(mode)
    kind = "JPEG" if mode == "CMYK" else "PNG"
    normalized = normalize_image(_bytes(image, kind), SQUARE)
    assert (normalized.size, normalized.mode) == ((1080, 1080), "RGB")


def test_nothing_that_was_hidden_in_the_file_is_kept() -> None:
    exif = Image.Exif()
    exif[0x010E] = "the prompt"
    data = _bytes(_scene(1024, 1024), "JPEG", exif=exif, comment=b"a workflow")
    png = encode_png(normalize_image(data, SQUARE), provenance=None)
    assert b"prompt" not in png
    assert b"workflow" not in png
    assert b"postbrush" in png


@given(st.binary(max_size=3000))
@settings(max_examples=examples(200))
def test_rubbish_is_never_an_exception_of_pillow(rubbish: bytes) -> None:
    for data in (rubbish, _GOOD[:60] + rubbish, b"\xff\xd8\xff\xe0" + rubbish):
        with pytest.raises((InvalidImageError, BlankImageError)):
            normalize_image(data, SQUARE)


def test_a_file_over_the_limit_keeps_its_size_and_its_mark() -> None:
    chance = random.Random(3)  # noqa: S311 - noise compresses worst
    noise = Image.frombytes("RGB", (540, 540), chance.randbytes(540 * 540 * 3))
    png = encode_png(noise, provenance="trainedAlgorithmicMedia")
    limit = 2**19
    assert len(png) > limit
    small = shrink_for_upload(png, limit)
    assert len(small) <= limit
    assert Image.open(io.BytesIO(small)).size == (540, 540)
    assert b"trainedAlgorithmicMedia" in small
    assert shrink_for_upload(png, len(png)) == png


@pytest.mark.parametrize(
    ("text", "width", "height"),
    [
        ("square", 1080, 1080),
        ("Portrait", 1080, 1350),
        (" LANDSCAPE ", 1200, 630),
        ("story", 1080, 1920),
        ("1:1", 1080, 1080),
        ("4:5", 1080, 1350),
        ("1.91:1", 1200, 630),
        ("9 : 16", 1080, 1920),
        ("800x600", 800, 600),
        ("800 X 600", 800, 600),
        ("800×600", 800, 600),
    ],
)
def test_formats_as_people_write_them(text: str, width: int, height: int) -> None:
    size = parse_format(text)
    assert (size.width, size.height) == (width, height)


@pytest.mark.parametrize("text", ["", "huge", "0x0", "99999x9", "800x", "1080x255"])
def test_anything_else_lists_the_choices(text: str) -> None:
    with pytest.raises(FormatError, match="square, portrait, landscape, story"):
        parse_format(text)
