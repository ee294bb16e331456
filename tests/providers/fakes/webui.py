"""AUTOMATIC1111's API: the image comes in the same answer, with all it was made of."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from providers.provider import basic_auth_header
from tests.providers.fakes.base import Fake, as_base64, json_of


class FakeWebUi(Fake):
    """Started with `--api --api-auth`."""

    def refusal(self, request: web.Request) -> web.Response | None:
        if request.headers.get("Authorization") == basic_auth_header(self.token):
            return None
        return json_of({"detail": "Incorrect username or password"}, 401)

    def routes(self) -> Sequence[web.RouteDef]:
        return [
            web.post("/sdapi/v1/txt2img", self.order(self.txt2img)),
            web.get("/sdapi/v1/progress", self.plain(self.progress)),
        ]

    async def progress(self, _request: web.Request) -> web.Response:
        return json_of({"progress": 0.0, "eta_relative": 0.0, "state": {}})

    async def txt2img(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.orders.append(body)
        if body["width"] % 8 or body["height"] % 8:
            return json_of({"error": "ValueError", "detail": "not by 8"}, 500)
        data = self.paid(body["prompt"], body["seed"], body["width"], body["height"])
        return json_of({"images": [as_base64(data)], "parameters": body, "info": "{}"})
