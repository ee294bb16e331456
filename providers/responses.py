"""Reads responses of services: JSON, error texts, error classes, images.  Pure.

A status means different things at different services, so status *and* text decide.
The general rules are here; each kind adds its own.  All texts are untrusted.  Sources:
the services' documentation and published live answers (quoted in the kinds' tests).
"""

from __future__ import annotations

import base64
import json
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any

from providers import outcomes, refusals
from providers.base import FollowUp, GeneratedImage, HttpCall, Response, Step
from providers.outcomes import InvalidImageError, ProviderError, UnavailableError
from providers.waiting_times import find_seconds_to_wait

#: Shorter header words, such as "Bearer", are not secrets.
_MIN_SECRET = 8
#: No error body is longer; an image as base64 is.
MAX_ERROR_BYTES = 64 * 1024
_MAX_TEXT = 300
_MESSAGE_KEYS = ("message", "detail", "title", "msg", "error", "code", "errors")
_TOKENS = re.compile(r"\b(?:hf|r8|sk|pk|ntn|secret)_[A-Za-z0-9]{6,}|\bBearer\s+\S+")
_IMAGE_MAGIC = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF", b"GIF87a", b"GIF89a")
_AVIF_BRANDS = (b"avif", b"avis", b"mif1", b"msf1")
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_GOOD = range(200, 300)
#: Statuses of a download address that has expired or was deleted.
_LOST = frozenset({400, 401, 403, 404, 410})

Fetch = Callable[[str], HttpCall]


def parse_json(response: Response) -> Any:  # noqa: ANN401 - whatever JSON came
    """Return the body as JSON, or None if it is not JSON."""
    try:
        return json.loads(response.body)
    except (ValueError, RecursionError):
        return None


def parse_object(response: Response) -> Mapping[str, Any]:
    """Return the body as a JSON object, or {} if it is not one."""
    return data if isinstance(data := parse_json(response), dict) else {}


def first_item(response: Response, key: str) -> Any:  # noqa: ANN401 - as in parse_json
    """Return the first item of the list *key* in a JSON object, or None."""
    items = parse_object(response).get(key)
    return items[0] if isinstance(items, list) and items else None


def is_html(response: Response) -> bool:
    """Return True if the body is a web page, as proxies and CDNs send."""
    head = response.body[:256].lstrip().lower()
    return head.startswith((b"<!doctype", b"<html", b"<head", b"<?xml"))


def error_text(response: Response) -> str:
    """Return the service's error message, passed through `sanitize_text`."""
    if is_html(response):
        return f"HTTP {response.status} with a web page"
    text = response.body[:1000].decode("utf-8", "replace")
    if (data := parse_json(response)) is not None:
        text = _find_message(data)
    return sanitize_text(text) or f"HTTP {response.status}"


def _find_message(data: object, depth: int = 0) -> str:
    if isinstance(data, str):
        return data
    if depth > 4:  # noqa: PLR2004 - deep enough for all services
        return ""
    if isinstance(data, list):
        messages = (_find_message(item, depth + 1) for item in data[:3])
        return "; ".join(filter(None, messages))
    if isinstance(data, dict):
        for key in _MESSAGE_KEYS:
            if message := _find_message(data.get(key), depth + 1):
                return message
    return ""


def sanitize_text(text: str) -> str:
    """Return *text* on one line of 300 characters, without controls and tokens."""
    printable = "".join(
        " " if unicodedata.category(char).startswith("C") else char
        for char in text[: _MAX_TEXT * 4]
    )
    return _TOKENS.sub("[secret]", " ".join(printable.split()))[:_MAX_TEXT]


def seconds_to_wait(response: Response) -> float | None:
    """Return the seconds the service asks to wait, from headers, JSON or text."""
    text = "" if is_html(response) else error_text(response)
    return find_seconds_to_wait(response.headers, parse_json(response), text)


def states_failure(response: Response) -> bool:
    """Return True if the body says that the request failed, whatever the status."""
    data = parse_object(response)
    is_failed = str(data.get("status")).casefold() in {"error", "failed", "failure"}
    has_error = bool(data.get("error") or data.get("errors"))
    return has_error or is_failed or data.get("success") is False


@dataclass(frozen=True, slots=True)
class ErrorRule:
    """One service's own spelling of an error.

    Attributes:
        error: The error to raise.
        text: Lower-case text that the body must contain; empty matches any body.
        status: The HTTP status; None matches any status outside 200 to 299.
    """

    error: type[ProviderError]
    _: KW_ONLY
    status: int | None = None
    text: str = ""

    def matches(self, response: Response, body_text: str) -> bool:
        """Return True if the rule applies; *body_text* is the lower-case body."""
        return self.status in {None, response.status} and self.text in body_text


def raise_for_error(response: Response, *rules: ErrorRule) -> None:
    """Return if *response* is a good one; the service's *rules* precede the general.

    Raises:
        ProviderError: Its class says what the chain does next.
    """
    status, body, is_good = response.status, response.body, response.status in _GOOD
    if is_good and (len(body) > MAX_ERROR_BYTES or looks_like_image(body)):
        return
    if is_good and is_html(response):
        raise UnavailableError("answered with a web page", status=status)
    if is_good and not states_failure(response):
        return
    error = _classify_error(response, rules)
    if error is None:
        return
    waits = {outcomes.RateLimitedError, outcomes.ModelLoadingError}
    is_timed = error in waits or not is_good
    seconds = seconds_to_wait(response) if is_timed else None
    raise error(error_text(response), status=status, seconds=seconds)


def _classify_error(
    response: Response, rules: Sequence[ErrorRule]
) -> type[ProviderError] | None:
    body = response.body[:MAX_ERROR_BYTES].decode("utf-8", "replace")
    lower = body.casefold()
    matching = (rule.error for rule in rules if rule.matches(response, lower))
    is_page = is_html(response)
    return refusals.classify_refusal(
        status=response.status,
        body=body,
        data=parse_json(response),
        is_page=is_page,
        own_error=next(matching, None),
    )


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
    try:
        # A large image is copied as rarely as possible.  Some encoders break lines.
        encoded = text.encode("ascii").translate(_URL_SAFE, b" \t\r\n")
        if len(encoded) % 4:
            encoded = encoded.rstrip(b"=")
            encoded += b"=" * (-len(encoded) % 4)
        data = base64.b64decode(encoded, validate=True)
    except ValueError as error:
        raise InvalidImageError("sent an image that is not base64") from error
    return image_from_bytes(data)


def follow_url(url: object, fetch: Fetch, *, commit: bool = True) -> Step:
    """Return the download of an image, or the image itself from a data: URL.

    Args:
        commit: Commit the URL before the download, since it is the only way back
            to an image that was paid for.  False for jobs whose id leads to it.

    Raises:
        InvalidImageError: *url* is not a URL.
    """
    if isinstance(url, str) and url.startswith("data:"):
        return image_from_base64(url)
    # Half a surrogate pair, which JSON can have, can neither be stored nor requested.
    if not isinstance(url, str) or not url or not url.isprintable():
        raise InvalidImageError("answered without an image")
    return FollowUp(call=fetch(url), remote_id=url if commit else None)


def follow_url_or_base64(value: object, fetch: Fetch, *, commit: bool = True) -> Step:
    """Do as `follow_url`; read text that is not an http URL as base64."""
    if isinstance(value, str) and not value.startswith(("http://", "https://")):
        return image_from_base64(value)
    return follow_url(value, fetch, commit=commit)


def read_openai(response: Response, fetch: Fetch) -> Step:
    """Read the format of OpenAI's images API: `{"data": [{"b64_json" | "url"}]}`.

    Raises:
        ProviderError: The response has no image.
    """
    first = first_item(response, "data")
    if not isinstance(first, dict):
        raise missing_image_error(response)
    if first.get("b64_json"):
        return image_from_base64(first["b64_json"])
    return follow_url(first.get("url"), fetch)


def read_download(response: Response) -> GeneratedImage:
    """Return the image of a finished file's download.

    Raises:
        RemoteJobLostError: The file is no longer there.
        UnavailableError: The response is not an image.
    """
    status = response.status
    if status in _LOST:
        raise outcomes.RemoteJobLostError("the finished image is gone", status=status)
    if status != 200:  # noqa: PLR2004 - OK
        raise UnavailableError(f"HTTP {status} for the image", status=status)
    # The next download may bring the file.
    if not looks_like_image(response.body):
        raise UnavailableError("answered without an image", status=status)
    return image_from_bytes(response.body)


def missing_image_error(response: Response, *, is_final: bool = False) -> ProviderError:
    """Return the error that a good response without an image means.

    Args:
        is_final: The work has ended, so that no later response has the image.
    """
    status = response.status
    text = error_text(response) if len(response.body) <= MAX_ERROR_BYTES else ""
    if refusals.is_refusal(text):
        return outcomes.PromptRefusedError(text, status=status)
    more = f": {text}" if text not in {"", f"HTTP {status}"} else ""
    is_unusable = is_final and not states_failure(response)
    error = InvalidImageError if is_unusable else UnavailableError
    return error(f"answered without an image{more}", status=status)


def redact_secrets(body: bytes, call: HttpCall) -> bytes:
    """Return *body* without the token of the request.

    Some services repeat a rejected token in the error, and errors are stored.
    """
    if len(body) > MAX_ERROR_BYTES:
        return body
    for name, value in call.headers.items():
        is_secret = any(word in name.casefold() for word in ("auth", "key", "token"))
        for secret in value.split() if is_secret else ():
            if len(secret) >= _MIN_SECRET:
                body = body.replace(secret.encode(), b"[secret]")
    return body
