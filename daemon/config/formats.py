"""Image formats: names, and sizes in pixels."""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType

from daemon.errors import PostbrushError

_SMALLEST, _LARGEST = 256, 2160
_NAMED = MappingProxyType(
    {
        "square": (1080, 1080),
        "portrait": (1080, 1350),
        "landscape": (1200, 630),
        "story": (1080, 1920),
    }
)
_RATIOS = MappingProxyType(
    {"1:1": "square", "4:5": "portrait", "1.91:1": "landscape", "9:16": "story"}
)
CHOICES = (
    "square, portrait, landscape, story, 1:1, 4:5, 1.91:1, 9:16, or WIDTHxHEIGHT "
    f"from {_SMALLEST} to {_LARGEST}"
)


class FormatError(PostbrushError):
    """The format is unknown; the message lists the choices."""

    exit_code = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFormat:
    """The size of a finished image in pixels, and the name of its format."""

    width: int
    height: int
    name: str


def parse_format(text: str) -> ImageFormat:
    """Return the format of a text; case and spaces are ignored.

    Raises:
        FormatError: The text is not one of `CHOICES`.
    """
    name = re.sub(r"\s+", "", text).casefold().replace("\N{MULTIPLICATION SIGN}", "x")
    name = _RATIOS.get(name, name)
    if name in _NAMED:
        width, height = _NAMED[name]
        return ImageFormat(width=width, height=height, name=name)
    sides = re.fullmatch(r"([0-9]{1,5})x([0-9]{1,5})", name)
    if sides is not None:
        width, height = int(sides[1]), int(sides[2])
        if min(width, height) >= _SMALLEST and max(width, height) <= _LARGEST:
            return ImageFormat(width=width, height=height, name=name)
    raise FormatError(f"format {text[:40]!r} is none of {CHOICES}")
