"""The image in an answer: its bytes, their base64, or where they are.  Pure."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any

from providers.base import FollowUp, GeneratedImage, HttpCall, Response, Step
from providers.outcomes import (
    PromptRefusedError,
    ProviderError,
    RemoteJobLostError,
    UnavailableError,
)
from providers.response_body import error_text, is_refusal

_MAGIC = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF")
#: A longer answer is an image, whatever it is called; no error is that long.
_LONGEST_WORDS = 64 * 1024
_OK = 200
#: An address that has run out, or that nothing is at any more.
_LOST = frozenset({400, 401, 403, 404, 410})

Fetch = Callable[[str], HttpCall]


def looks_like_image(data: bytes) -> bool:
    """Say whether bytes begin as a PNG, JPEG or WebP does."""
    return data.startswith(_MAGIC)


def image_from_bytes(data: bytes, **known: Any) -> GeneratedImage:  # noqa: ANN401 - seed, model
    """Return bytes as an image if they can be one.

    Raises:
        UnavailableError: HTML, JSON, nothing: an answer, but no image.
    """
    if not looks_like_image(data):
        raise UnavailableError("answered without an image")
    return GeneratedImage(data=data, **known)


def image_from_base64(text: object, **known: Any) -> GeneratedImage:  # noqa: ANN401 - seed, model
    """Return an image sent as base64 or as a data: address.

    Raises:
        UnavailableError: It is neither.
    """
    if not isinstance(text, str):
        raise UnavailableError("answered without an image")
    if text.startswith("data:"):
        text = text.partition(",")[2]
    try:
        # Some encoders break lines.
        data = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise UnavailableError("sent an image that is not base64") from error
    return image_from_bytes(data, **known)


def follow_url(url: object, fetch: Fetch, *, remember: bool = True) -> Step:
    """Go on to the image at an address, or read it out of a data: address.

    Args:
        remember: Commit the address before it is fetched: it is all that is left
            of what was paid for.  Not for jobs whose id leads to it again.

    Raises:
        UnavailableError: It is no address.
    """
    if not isinstance(url, str) or not url:
        raise UnavailableError("answered without an image")
    if url.startswith("data:"):
        return image_from_base64(url)
    return FollowUp(call=fetch(url), remote=url if remember else None)


def follow_url_or_base64(value: object, fetch: Fetch, *, remember: bool = True) -> Step:
    """Read what may be an address, a data: address or plain base64."""
    if isinstance(value, str) and not value.startswith(("http://", "https://")):
        return image_from_base64(value)
    return follow_url(value, fetch, remember=remember)


def read_download(reply: Response) -> GeneratedImage:
    """Read a finished file from where the service put it.

    Raises:
        LostError: It is not there any more.
        UnavailableError: Not now.
    """
    if reply.status in _LOST:
        raise RemoteJobLostError("the finished image is gone", status=reply.status)
    if reply.status != _OK:
        raise UnavailableError(
            f"HTTP {reply.status} for the image", status=reply.status
        )
    return image_from_bytes(reply.body)


def missing_image_error(reply: Response) -> ProviderError:
    """Return what an answer means that should have held an image and does not."""
    if len(reply.body) > _LONGEST_WORDS:
        return UnavailableError("answered without an image", status=reply.status)
    text = error_text(reply)
    if is_refusal(text):
        return PromptRefusedError(text, status=reply.status)
    words = f": {text}" if text != f"HTTP {reply.status}" else ""
    return UnavailableError(f"answered without an image{words}", status=reply.status)
