"""A request for an image in each route's own shape, and the answer to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


@dataclass(slots=True)
class Order:
    prompt: str
    width: int
    height: int
    seed: int | None


def read_order(route: str, body: Json) -> Order:
    """Read a request in its route's own shape; a wrong one is an error."""
    match route:
        case "nscale":
            width, height = (int(side) for side in body["size"].split("x"))
            return Order(body["prompt"], width, height, body.get("seed"))
        case "together":
            return Order(
                body["prompt"], body["width"], body["height"], body.get("seed")
            )
        case "fal-ai":
            size = body["image_size"]
            return Order(
                body["prompt"], size["width"], size["height"], body.get("seed")
            )
        case "replicate":
            given = body["input"]
            ratio = given.get("aspect_ratio", "1:1")
            wide, high = (int(one) for one in ratio.split(":"))
            short = 1024 / max(wide, high)
            return Order(
                given["prompt"],
                round(wide * short),
                round(high * short),
                given.get("seed"),
            )
    given = body["parameters"]
    return Order(body["inputs"], given["width"], given["height"], given.get("seed"))
