"""The ways an image can be asked for: one builder and one reader per protocol.

Shapes and texts: Hugging Face's own client (huggingface_hub 2.4) for the requests,
the services' documentation for the answers.  Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from providers.base import Again, Call, Image, JsonValue, Order, Reply, Step
from providers.outcomes import RefusedError, RemoteFailedError, UnavailableError
from providers.replies import as_object, clean, from_base64, image_of, is_refusal

_POLL_SECONDS = 1.0

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Pixels asked for; at least what the order wants, in what the route can do."""

    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One protocol.

    Attributes:
        path: Below the base, with `{model}` for the id the route uses.
        model: That id, when it is not the Hub's.
        body: The request's JSON.
        read: A good answer (2xx) to an image, or what to ask next.
        headers: Beside the token.
        multiple: Sides must be multiples of this.
        drops: What of an order it cannot honour, in words.
    """

    name: str
    path: str
    body: Callable[[Order, Size, str], dict[str, JsonValue]]
    read: Callable[[Reply, Callable[[str], Call]], Step]
    model: str = ""
    headers: Mapping[str, str] | None = None
    multiple: int = 16
    drops: tuple[str, ...] = ()


def fitting(order: Order, multiple: int, most: int = 1440, least: int = 256) -> Size:
    """Return the nearest size of the order's shape within *most* pixels a side.

    Scaled down when a side would be too long; the picture is enlarged afterwards.
    """
    scale = min(1.0, most / max(order.width, order.height))
    return Size(
        width=_rounded(order.width * scale, multiple, least),
        height=_rounded(order.height * scale, multiple, least),
    )


def _rounded(side: float, multiple: int, least: int) -> int:
    return max(least, -(-round(side) // multiple) * multiple)


def _openai_body(order: Order, size: Size, model: str) -> dict[str, JsonValue]:
    return {
        "prompt": order.prompt,
        "model": model,
        "size": f"{size.width}x{size.height}",
        "seed": order.seed,
        "response_format": "b64_json",
    }


def read_openai(reply: Reply, fetch: Callable[[str], Call]) -> Step:
    """Read `{"data": [{"b64_json" | "url"}]}`."""
    data = as_object(reply).get("data")
    first = data[0] if isinstance(data, list) and data else None
    if not isinstance(first, dict):
        raise UnavailableError("answered without an image", status=reply.status)
    if first.get("b64_json"):
        return from_base64(first["b64_json"])
    return _at(first.get("url"), fetch)


def _fal_body(order: Order, size: Size, _model: str) -> dict[str, JsonValue]:
    return {
        "prompt": order.prompt,
        "image_size": {"width": size.width, "height": size.height},
        "num_inference_steps": 4,
        "seed": order.seed,
        "num_images": 1,
        "output_format": "png",
    }


def read_fal(reply: Reply, fetch: Callable[[str], Call]) -> Step:
    """Read `{"images": [{"url"}], "has_nsfw_concepts": [...]}`."""
    data = as_object(reply)
    flagged = data.get("has_nsfw_concepts")
    if isinstance(flagged, list) and any(flagged):
        raise RefusedError("its filter flagged the image")
    images = data.get("images")
    first = images[0] if isinstance(images, list) and images else None
    if not isinstance(first, dict):
        raise UnavailableError("answered without an image", status=reply.status)
    return _at(first.get("url"), fetch)


def _together_body(order: Order, size: Size, model: str) -> dict[str, JsonValue]:
    return {
        "prompt": order.prompt,
        "model": model,
        "width": size.width,
        "height": size.height,
        "steps": 4,
        "seed": order.seed,
        "response_format": "base64",
    }


def _replicate_body(order: Order, size: Size, _model: str) -> dict[str, JsonValue]:
    return {
        "input": {
            "prompt": order.prompt,
            "aspect_ratio": nearest_ratio(size.width / size.height),
            "num_outputs": 1,
            "num_inference_steps": 4,
            "seed": order.seed,
            "output_format": "png",
            "megapixels": "1",
        }
    }


_RATIOS = (
    "1:1",
    "16:9",
    "21:9",
    "3:2",
    "2:3",
    "4:5",
    "5:4",
    "3:4",
    "4:3",
    "9:16",
    "9:21",
)


def nearest_ratio(wanted: float) -> str:
    """Return the nearest of the aspect ratios FLUX.1-schnell knows on Replicate."""

    def distance(name: str) -> float:
        wide, _, high = name.partition(":")
        ratio = int(wide) / int(high)
        return max(ratio / wanted, wanted / ratio)

    return min(_RATIOS, key=distance)


def read_replicate(reply: Reply, fetch: Callable[[str], Call]) -> Step:
    """Read a prediction that was waited for (`Prefer: wait`)."""
    data = as_object(reply)
    output = data.get("output")
    url = output[0] if isinstance(output, list) and output else output
    # A prediction may carry its output while it still says "processing".
    if isinstance(url, str) and url:
        return _at(url, fetch)
    error = clean(str(data.get("error") or ""))
    if is_refusal(error):
        raise RefusedError(error)
    if str(data.get("status")) in {"failed", "canceled", "aborted"}:
        raise RemoteFailedError(error or f"the prediction {data['status']}")
    raise UnavailableError("answered without an image", status=reply.status)


def _hf_body(order: Order, size: Size, _model: str) -> dict[str, JsonValue]:
    return {
        "inputs": order.prompt,
        "parameters": {
            "width": size.width,
            "height": size.height,
            "num_inference_steps": 4,
            "seed": order.seed,
        },
    }


def read_raw(reply: Reply, fetch: Callable[[str], Call]) -> Step:
    """Read the bytes of an image."""
    del fetch
    return image_of(reply.body)


def _at(url: object, fetch: Callable[[str], Call]) -> Step:
    if not isinstance(url, str) or not url:
        raise UnavailableError("answered without an image")
    if url.startswith("data:"):
        return from_base64(url)
    # Paid for: the address is remembered before it is fetched.
    return Again(call=fetch(url), remote=url)


def fetched(reply: Reply) -> Image:
    """Read a finished file from where the service put it.

    Raises:
        RemoteFailedError: It is not there any more.
    """
    if reply.status in {401, 403, 404, 410}:
        raise RemoteFailedError("the finished image is gone", status=reply.status)
    if reply.status != 200:  # noqa: PLR2004 - OK
        raise UnavailableError(
            f"HTTP {reply.status} for the image", status=reply.status
        )
    return image_of(reply.body)


ROUTES: Mapping[str, Route] = {
    "nscale": Route(
        name="nscale",
        path="/nscale/v1/images/generations",
        body=_openai_body,
        read=read_openai,
        drops=("steps",),
    ),
    "fal-ai": Route(
        name="fal-ai",
        path="/fal-ai/{model}",
        model="fal-ai/flux/schnell",
        body=_fal_body,
        read=read_fal,
    ),
    "together": Route(
        name="together",
        path="/together/v1/images/generations",
        body=_together_body,
        read=read_openai,
    ),
    "replicate": Route(
        name="replicate",
        path="/replicate/v1/models/{model}/predictions",
        model="black-forest-labs/flux-schnell",
        body=_replicate_body,
        read=read_replicate,
        headers={"Prefer": "wait"},
        drops=("exact size: the nearest aspect ratio is asked for",),
    ),
    "hf-inference": Route(
        name="hf-inference",
        path="/hf-inference/models/{model}",
        body=_hf_body,
        read=read_raw,
        headers={"Accept": "image/png"},
    ),
}
