"""Reads images out of responses: bytes, base64, data: URLs and addresses.  Pure.

Nothing is decoded here; the daemon does that.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import Any

from providers.base import FollowUp, GeneratedImage, HttpCall, Step
from providers.outcomes import InvalidImageError

_IMAGE_MAGIC = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF", b"GIF87a", b"GIF89a")
_AVIF_BRANDS = (b"avif", b"avis", b"mif1", b"msf1")
_IMAGE_KEYS = ("image_url", "result", "images", "image", "message", "data", "url")
_MAX_DEPTH = 6
_URL_SAFE = str.maketrans("-_", "+/")

Fetch = Callable[[str], HttpCall]


def looks_like_image(data: bytes) -> bool:
    """Return True if *data* begins like a PNG, JPEG, WebP, GIF or AVIF file."""
    is_avif = data[4:8] == b"ftyp" and data[8:12] in _AVIF_BRANDS
    return is_avif or data.startswith(_IMAGE_MAGIC)


def image_from_bytes(data: bytes) -> GeneratedImage:
    """Return *data* as an image, not yet decoded.

    Raises:
        InvalidImageError: The bytes are not an image: HTML, JSON or nothing.
    """
    if not looks_like_image(data):
        raise InvalidImageError("answered without an image")
    return GeneratedImage(data=data)


def image_from_base64(text: object) -> GeneratedImage:
    """Return an image sent as base64 (padded or not, url-safe or not) or as data: URL.

    Raises:
        InvalidImageError: *text* is neither.
    """
    if not isinstance(text, str):
        raise InvalidImageError("answered without an image")
    if text.startswith("data:"):
        text = text.partition(",")[2]
    # Some encoders break lines.
    plain = "".join(text.split()).translate(_URL_SAFE).rstrip("=")
    try:
        padding = "=" * (-len(plain) % 4)
        data = base64.b64decode(plain + padding, validate=True)
    except ValueError as error:
        raise InvalidImageError("sent an image that is not base64") from error
    return image_from_bytes(data)


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


def follow_url(url: object, fetch: Fetch, *, commit: bool = True) -> Step:
    """Return the download of an image, or the image itself from a data: URL.

    Args:
        commit: Commit the URL before the download, since it is the only way back
            to an image that was paid for.  False for jobs whose id leads to it.

    Raises:
        InvalidImageError: *url* is not a URL.
    """
    if not isinstance(url, str) or not url:
        raise InvalidImageError("answered without an image")
    if url.startswith("data:"):
        return image_from_base64(url)
    return FollowUp(call=fetch(url), remote_id=url if commit else None)


def follow_url_or_base64(value: object, fetch: Fetch, *, commit: bool = True) -> Step:
    """Do as `follow_url`; read text that is not an http URL as base64."""
    if isinstance(value, str) and not value.startswith(("http://", "https://")):
        return image_from_base64(value)
    return follow_url(value, fetch, commit=commit)
