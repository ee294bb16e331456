"""Chooses the nearest size of a service that covers the requested size.  Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from providers.base import ImageRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestSize:
    """The size to request from a service, in pixels."""

    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


def fit_to_side(
    request: ImageRequest, multiple: int, most: int = 1440, least: int = 256
) -> RequestSize:
    """Return the nearest size of the requested shape within *most* pixels a side.

    The size is scaled down if a side would be too long.  The image is enlarged later.

    Args:
        multiple: Both sides are multiples of this many pixels.
        most: The longest side in pixels.
        least: The shortest side in pixels.
    """
    scale = min(1.0, most / max(request.width, request.height))
    return RequestSize(
        width=_round_side(request.width * scale, multiple, most, least),
        height=_round_side(request.height * scale, multiple, most, least),
    )


def _round_side(side: float, multiple: int, most: int, least: int) -> int:
    up = -(-round(side) // multiple) * multiple
    return max(least, up if up <= most else most // multiple * multiple)


def fit_to_pixels(request: ImageRequest, pixels: int, multiple: int) -> RequestSize:
    """Return the largest size of the requested shape with at most *pixels* pixels.

    Both sides are multiples of *multiple* pixels.
    """
    scale = min(1.0, (pixels / (request.width * request.height)) ** 0.5)
    return RequestSize(
        width=max(multiple, int(request.width * scale) // multiple * multiple),
        height=max(multiple, int(request.height * scale) // multiple * multiple),
    )


def nearest_size(request: ImageRequest, sizes: Sequence[RequestSize]) -> RequestSize:
    """Return the one of *sizes* whose shape is nearest to the requested shape."""
    return min(
        sizes, key=lambda size: _ratio_distance(request, size.width / size.height)
    )


def nearest_ratio(request: ImageRequest, ratios: Sequence[str]) -> str:
    """Return the nearest of aspect ratios such as "16:9"."""

    def distance(ratio: str) -> float:
        wide, _, high = ratio.partition(":")
        return _ratio_distance(request, int(wide) / int(high))

    return min(ratios, key=distance)


def _ratio_distance(request: ImageRequest, ratio: float) -> float:
    requested = request.width / request.height
    return max(ratio / requested, requested / ratio)
