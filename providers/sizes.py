"""The nearest size a service can do that covers what is wanted.  Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from providers.base import ImageRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestSize:
    """Pixels asked for; at least what the order wants, in what the service can do."""

    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


def target_size(request: ImageRequest) -> RequestSize:
    """Return what the order asks for."""
    return RequestSize(width=request.width, height=request.height)


def fit_to_side(
    request: ImageRequest, multiple: int, most: int = 1440, least: int = 256
) -> RequestSize:
    """Return the nearest size of the order's shape within *most* pixels a side.

    Scaled down when a side would be too long; the picture is enlarged afterwards.
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
    """Return the largest size of the order's shape of at most that many pixels."""
    scale = min(1.0, (pixels / (request.width * request.height)) ** 0.5)
    return RequestSize(
        width=max(multiple, int(request.width * scale) // multiple * multiple),
        height=max(multiple, int(request.height * scale) // multiple * multiple),
    )


def nearest_size(request: ImageRequest, sizes: Sequence[RequestSize]) -> RequestSize:
    """Return the one of *sizes* whose shape is the order's, or nearly."""
    return min(
        sizes, key=lambda size: _ratio_distance(request, size.width / size.height)
    )


def nearest_ratio(request: ImageRequest, ratios: Sequence[str]) -> str:
    """Return the nearest of aspect ratios such as "16:9"."""

    def apart(ratio: str) -> float:
        wide, _, high = ratio.partition(":")
        return _ratio_distance(request, int(wide) / int(high))

    return min(ratios, key=apart)


def _ratio_distance(request: ImageRequest, ratio: float) -> float:
    shape = request.width / request.height
    return max(ratio / shape, shape / ratio)
