"""OpenAI's images API, as OpenAI, LocalAI and Together answer it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from aiohttp import web

from tests.providers.fakes.base import Fake, Json, as_base64, json_of, sides


@dataclass
class FakeImagesApi(Fake):
    """Base64 unless addresses are asked for."""

    models: tuple[str, ...] = ("text-embedding-3", "flux.1-schnell")
    ends: dict[str, str] = field(default_factory=dict)

    def refusal(self, request: web.Request) -> web.Response | None:
        if request.headers.get("Authorization") == f"Bearer {self.token}":
            return None
        message = "Incorrect API key provided: tok_****cdef."
        error = {
            "message": message,
            "type": "invalid_request_error",
            "param": None,
            "code": "invalid_api_key",
        }
        return json_of({"error": error}, 401)

    def routes(self) -> Sequence[web.RouteDef]:
        return [
            web.post("/v1/images/generations", self.order(self.generations)),
            web.get("/v1/models", self.plain(self.list)),
        ]

    async def list(self, _request: web.Request) -> web.Response:
        data = [
            {"id": name, "object": "model", "shutdown_date": self.ends.get(name)}
            for name in self.models
        ]
        return json_of({"object": "list", "data": data})

    async def generations(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.orders.append(body)
        width, height = self.size(body)
        data = self.paid(body["prompt"], body.get("seed"), width, height)
        if body.get("response_format") == "url":
            made = {"url": self.keep(data)}
        else:
            made = {"b64_json": as_base64(data)}
        return json_of({"created": 1, "data": [made]})

    def size(self, body: Json) -> tuple[int, int]:
        return sides(body["size"])


@dataclass
class FakeTogether(FakeImagesApi):
    """The same with width and height."""

    models: tuple[str, ...] = ("black-forest-labs/FLUX.1-schnell",)

    def size(self, body: Json) -> tuple[int, int]:
        if "aspect_ratio" in body:
            return 1024, 1024
        return body["width"], body["height"]
