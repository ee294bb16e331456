"""Finds the image in the output of a model whose shape is not known.  Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_IMAGE_KEYS = ("image_url", "result", "images", "image", "message", "data", "url")
_MAX_DEPTH = 6


def find_images(output: Any, depth: int = 0) -> Iterator[str]:  # noqa: ANN401 - any JSON
    """Yield texts that may be an image or its URL, the likeliest first."""
    if depth > _MAX_DEPTH or not output:
        return
    if isinstance(output, str):
        yield output
    elif isinstance(output, list):
        for item in output:
            yield from find_images(item, depth + 1)
    elif isinstance(output, dict):
        for key in _IMAGE_KEYS:
            yield from find_images(output.get(key), depth + 1)
