"""Fits a request to a service: sizes and their prices, ratios, prompts.

Prompts come from posts, whose text is untrusted.  Sources: the services' reference
pages and code.  LocalAI splits at `|`, stable-diffusion.cpp reads `<lora:...>` and
`<sd_cpp_extra_args>`, AI Horde splits at `###`, AUTOMATIC1111 weighs `(word:1.3)` and
`[word]`.  Pure.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from providers.base import ImageSize, JsonValue, Price

_TAG = re.compile(r"<[^<>]{0,200}>")
_WEIGHT = re.compile(r":\s*[+-]?\d+(?:\.\d+)?(?=\s*[)\]])")
_KEYWORDS = re.compile(r"\b(AND|BREAK|ADDCOMM|ADDROW|ADDCOL)\b")
#: The most that an image of a service is enlarged; more is visibly soft.
MAX_ENLARGEMENT = 2.0
#: The most that an image is enlarged to cost a megapixel less.
_CHEAP_ENLARGEMENT = 1.1
_BRACES = str.maketrans({"{": "", "}": "", "<": " ", ">": " "})
#: US dollars of an image whose price is not published.
UNKNOWN_DOLLARS = 0.01


def flat_price(dollars: float) -> Price:
    """Return a price that is the same for every image, in US dollars."""
    return lambda _megapixels: dollars


def price_per_megapixel(dollars: float) -> Price:
    """Return a price in proportion to the image's megapixels, in US dollars."""
    return lambda megapixels: dollars * megapixels


def price_per_whole_megapixel(dollars: float) -> Price:
    """Return a price of megapixels that are rounded up, in US dollars."""
    return lambda megapixels: dollars * math.ceil(megapixels)


@dataclass(frozen=True, slots=True)
class ModelPrice:
    """The price of an image by one model, and the source of it, for people."""

    price: Price
    source: str


UNKNOWN_PRICE = ModelPrice(
    flat_price(UNKNOWN_DOLLARS), "assumed for this model: set `price` to its price"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestSize:
    """The size to request from a service, in pixels."""

    width: int
    height: int

    @property
    def megapixels(self) -> float:
        """Millions of pixels."""
        return self.width * self.height / 1e6

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


def fit_to_side(
    request: ImageSize, multiple: int, most: int = 1440, least: int = 256
) -> RequestSize:
    """Return the largest size of the requested shape within *most* pixels a side.

    It is no larger than the image needs.  A smaller one is enlarged later.

    Args:
        multiple: Both sides are multiples of this many pixels.
        most: The longest side in pixels.
        least: The shortest side in pixels.
    """
    scale = min(1.0, most / max(request.width, request.height))

    def fit(side: float) -> int:
        up = -(-round(side * scale) // multiple) * multiple
        return max(least, up if up <= most else most // multiple * multiple)

    return RequestSize(width=fit(request.width), height=fit(request.height))


def fit_to_pixels(request: ImageSize, pixels: int, multiple: int) -> RequestSize:
    """Return the largest size of the requested shape with at most *pixels* pixels.

    Both sides are multiples of *multiple* pixels.
    """
    scale = min(1.0, (pixels / (request.width * request.height)) ** 0.5)
    return RequestSize(
        width=max(multiple, int(request.width * scale) // multiple * multiple),
        height=max(multiple, int(request.height * scale) // multiple * multiple),
    )


def fit_to_whole_megapixels(
    request: ImageSize, multiple: int, most: int = 1440
) -> RequestSize:
    """Return the size of `fit_to_side`, or one that costs a megapixel less.

    For services that round megapixels up.  The smaller size has at most the megapixels
    before the last one, and its image is enlarged by less than 10 %.
    """
    full = fit_to_side(request, multiple, most)
    # One megapixel is the least that is billed.
    if full.megapixels <= 1:
        return full
    pixels = (math.ceil(full.megapixels) - 1) * 1_000_000
    smaller = fit_to_pixels(request, pixels, multiple)
    is_enough = enlargement(smaller, request) < _CHEAP_ENLARGEMENT
    return smaller if is_enough else full


def enlargement(size: ImageSize, request: ImageSize) -> float:
    """Return how much an image of *size* is enlarged to fill the requested size."""
    return max(request.width / size.width, request.height / size.height)


def nearest_size(request: ImageSize, sizes: Sequence[RequestSize]) -> RequestSize:
    """Return the one of *sizes* whose shape is nearest to the requested shape."""
    return min(sizes, key=lambda size: _distance(request, size.width / size.height))


def nearest_ratio(request: ImageSize, ratios: Sequence[str]) -> str:
    """Return the nearest of aspect ratios such as "16:9"."""

    def distance(ratio: str) -> float:
        wide, _, high = ratio.partition(":")
        return _distance(request, int(wide) / int(high))

    return min(ratios, key=distance)


def _distance(request: ImageSize, ratio: float) -> float:
    requested = request.width / request.height
    return max(ratio / requested, requested / ratio)


def without_bars(prompt: str) -> str:
    """Return *prompt* without `|`, which separates a negative prompt."""
    return _tidy_spaces(prompt.replace("|", ", "))


def without_tags(prompt: str) -> str:
    """Return *prompt* without `<...>`, which loads files and sets options."""
    previous = None
    # Removing an inner tag can complete an outer one.
    while previous != prompt:
        previous, prompt = prompt, _TAG.sub(" ", prompt)
    return _tidy_spaces(prompt.replace("<", " ").replace(">", " "))


def without_weights(prompt: str) -> str:
    """Return *prompt* without the numbers of `(word:1.3)`."""
    return _WEIGHT.sub("", prompt)


def without_hashes(prompt: str) -> str:
    """Return *prompt* without `###`, which separates a negative prompt."""
    return _tidy_spaces(re.sub(r"#{3,}", " ", prompt))


def escape_syntax(prompt: str) -> str:
    """Return *prompt* with escaped brackets and lower-case keywords.

    AUTOMATIC1111 and its forks read an escaped bracket as a plain one.
    """
    plain = without_tags(prompt.replace("\\", " ")).translate(_BRACES)
    plain = _KEYWORDS.sub(lambda match: match[0].lower(), plain)
    return re.sub(r"([()\[\]])", r"\\\1", plain)


def _tidy_spaces(prompt: str) -> str:
    return re.sub(r" +(?=[ ,])", "", prompt).strip()


def merge_body(
    body: Mapping[str, JsonValue], extra: Mapping[str, JsonValue]
) -> dict[str, JsonValue]:
    """Return *body* overridden by *extra*; tables are merged recursively."""
    merged = dict(body)
    for key, value in extra.items():
        inner = merged.get(key)
        if isinstance(value, dict) and isinstance(inner, dict):
            merged[key] = merge_body(inner, value)
        else:
            merged[key] = value
    return merged
