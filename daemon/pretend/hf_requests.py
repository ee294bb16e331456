"""A request for an image in each route's own shape, and the answer to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


@dataclass(slots=True)
class GenerationRequest:
    prompt: str
    width: int
    height: int
    seed: int | None


def parse_request(route: str, body: Json) -> GenerationRequest:
    """Read a request in its route's own shape; a wrong one is an error."""
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
            given = body["input"]
            ratio = given.get("aspect_ratio", "1:1")
            wide, high = (int(one) for one in ratio.split(":"))
            short = 1024 / max(wide, high)
            return GenerationRequest(
                given["prompt"],
                round(wide * short),
                round(high * short),
                given.get("seed"),
            )
    given = body["parameters"]
    return GenerationRequest(
        body["inputs"], given["width"], given["height"], given.get("seed")
    )
