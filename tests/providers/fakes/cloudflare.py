"""Workers AI: a JPEG in base64; anything but a prompt and steps is refused."""

from __future__ import annotations

import io
from collections.abc import Sequence

from aiohttp import web
from PIL import Image

from tests.providers.fakes.base import Fake, as_base64, json_of


def problem(status: int, code: int, message: str) -> web.Response:
    body = {
        "result": None,
        "success": False,
        "errors": [{"code": code, "message": message}],
        "messages": [],
    }
    # As it is sent: without spaces.
    text = web.json_response(body).text or ""
    return web.Response(
        text=text.replace('": ', '":'), status=status, content_type="application/json"
    )


class FakeCloudflare(Fake):
    """One account."""

    def refusal(self, request: web.Request) -> web.Response | None:
        if request.headers.get("Authorization") == f"Bearer {self.token}":
            return None
        return problem(401, 10000, "Authentication error")

    def routes(self) -> Sequence[web.RouteDef]:
        path = "/accounts/acc/ai/run/@cf/black-forest-labs/flux-1-schnell"
        return [
            web.post(path, self.order(self.run)),
            web.get("/user/tokens/verify", self.plain(self.verify)),
        ]

    async def verify(self, _request: web.Request) -> web.Response:
        return json_of({"result": {"status": "active"}, "success": True})

    async def run(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.orders.append(body)
        for key in body:
            if key not in {"prompt", "steps"}:
                words = f"Additional or unevaluated properties '/{key}'"
                return problem(400, 5006, f"AiError: Bad input: {words}")
        out = io.BytesIO()
        data = self.paid(body["prompt"], 0, 1024, 1024)
        if self.picture is not None:
            out.write(data)
        else:
            Image.open(io.BytesIO(data)).convert("RGB").save(out, "JPEG")
        return json_of(
            {"result": {"image": as_base64(out.getvalue())}, "success": True}
        )
