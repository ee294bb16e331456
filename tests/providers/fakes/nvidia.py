"""NVIDIA's hosted FLUX: base64 in `artifacts`; other sizes are refused."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from tests.providers.fakes.base import Fake, as_base64, json_of

SIDES = range(768, 1345, 64)
_KNOWN = {"prompt", "width", "height", "seed", "steps", "mode", "cfg_scale", "samples"}


class FakeNvidia(Fake):
    """One account."""

    def refusal(self, request: web.Request) -> web.Response | None:
        if request.headers.get("Authorization") == f"Bearer {self.token}":
            return None
        body = {"status": 401, "title": "Unauthorized", "detail": "Bad authentication"}
        return json_of(body, 401)

    def routes(self) -> Sequence[web.RouteDef]:
        return [web.post("/v1/genai/{org}/{name}", self.order(self.infer))]

    async def infer(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.orders.append(body)
        if request.match_info["name"] not in {"flux.1-schnell", "flux.2-klein-4b"}:
            words = "Function 'x': Not found for account 'y'"
            return json_of({"status": 404, "title": "Not Found", "detail": words}, 404)
        for key, value in body.items():
            is_side = key in {"width", "height"}
            if key not in _KNOWN or (is_side and value not in SIDES):
                error = {"loc": ["body", key], "msg": "Input should be 768, 832, ..."}
                return json_of({"detail": [error]}, 422)
        data = self.paid(body["prompt"], body["seed"], body["width"], body["height"])
        made = {"base64": as_base64(data), "finishReason": "SUCCESS", "seed": 7}
        return json_of({"artifacts": [made]})
