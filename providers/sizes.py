"""The nearest size a service can do that covers what is wanted.  Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from providers.base import Order


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Pixels asked for; at least what the order wants, in what the service can do."""

    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


def wanted(order: Order) -> Size:
    """Return what the order asks for."""
    return Size(width=order.width, height=order.height)


def fitting(order: Order, multiple: int, most: int = 1440, least: int = 256) -> Size:
    """Return the nearest size of the order's shape within *most* pixels a side.

    Scaled down when a side would be too long; the picture is enlarged afterwards.
    """
    scale = min(1.0, most / max(order.width, order.height))
    return Size(
        width=_rounded(order.width * scale, multiple, most, least),
        height=_rounded(order.height * scale, multiple, most, least),
    )


def _rounded(side: float, multiple: int, most: int, least: int) -> int:
    up = -(-round(side) // multiple) * multiple
    return max(least, up if up <= most else most // multiple * multiple)


def within(order: Order, pixels: int, multiple: int) -> Size:
    """Return the largest size of the order's shape of at most that many pixels."""
    scale = min(1.0, (pixels / (order.width * order.height)) ** 0.5)
    return Size(
        width=max(multiple, int(order.width * scale) // multiple * multiple),
        height=max(multiple, int(order.height * scale) // multiple * multiple),
    )


def nearest(order: Order, sizes: Sequence[Size]) -> Size:
    """Return the one of *sizes* whose shape is the order's, or nearly."""
    return min(sizes, key=lambda size: _apart(order, size.width / size.height))


def nearest_ratio(order: Order, ratios: Sequence[str]) -> str:
    """Return the nearest of aspect ratios such as "16:9"."""

    def apart(ratio: str) -> float:
        wide, _, high = ratio.partition(":")
        return _apart(order, int(wide) / int(high))

    return min(ratios, key=apart)


def _apart(order: Order, ratio: float) -> float:
    shape = order.width / order.height
    return max(ratio / shape, shape / ratio)
