"""The request for an image in the format of each route."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


@dataclass(slots=True)
class GenerationRequest:
    """A request for one image; `width` and `height` in pixels."""

    prompt: str
    width: int
    height: int
    seed: int | None


def parse_request(route: str, body: Json) -> GenerationRequest:
    """Parse a request in its route's own format.

    Raises:
        KeyError, TypeError, ValueError: The request is malformed.
    """
    match route:
        case "nscale":
            width, height = (int(side) for side in body["size"].split("x"))
            return GenerationRequest(body["prompt"], width, height, body.get("seed"))
        case "together":
            return GenerationRequest(
                body["prompt"], body["width"], body["height"], body.get("seed")
            )
        case "fal-ai":
            size = body["image_size"]
            return GenerationRequest(
                body["prompt"], size["width"], size["height"], body.get("seed")
            )
        case "replicate":
            options = body["input"]
            ratio = options.get("aspect_ratio", "1:1")
            width, height = (int(side) for side in ratio.split(":"))
            scale = 1024 / max(width, height)
            return GenerationRequest(
                options["prompt"],
                round(width * scale),
                round(height * scale),
                options.get("seed"),
            )
    options = body["parameters"]
    return GenerationRequest(
        body["inputs"], options["width"], options["height"], options.get("seed")
    )
