"""stable-diffusion.cpp's sd-server, as its code reads a request for an image.

It lists one model, ignores `model`, `seed` and `steps` in the body, takes the first
`<sd_cpp_extra_args>` out of the prompt and reads the seed from it; without one it
paints the seed it was started with (examples/server/main.cpp).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.providers.fakes.base import as_base64, json_of, sides
from tests.providers.fakes.images_api import FakeImagesApi

_EXTRA = re.compile(r"<sd_cpp_extra_args>(.*?)</sd_cpp_extra_args>")
_SEED_AT_START = 42


def read_prompt(text: str) -> tuple[str, int]:
    """Return the prompt and the seed that sd-server paints."""
    match = _EXTRA.search(text)
    options: dict[str, Any] = json.loads(match[1]) if match else {}
    return _EXTRA.sub("", text), int(options.get("seed", _SEED_AT_START))


@dataclass
class FakeSdServer(FakeImagesApi):
    """The server with one model.

    Attributes:
        seeds: The seeds of its images.
    """

    models: tuple[str, ...] = ("sd-cpp-local",)
    seeds: list[int] = field(default_factory=list)

    async def generations(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.orders.append(body)
        prompt, seed = read_prompt(body["prompt"])
        self.seeds.append(seed)
        data = self.paid(prompt, seed, *sides(body["size"]))
        return json_of({"created": 1, "data": [{"b64_json": as_base64(data)}]})
