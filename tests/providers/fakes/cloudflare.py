"""Workers AI: a JPEG in base64; anything but a prompt and steps is refused."""

from __future__ import annotations

import io
from collections.abc import Sequence

from aiohttp import web
from PIL import Image

from tests.providers.fakes.base import Fake, as_base64, json_of

_RUN = "/accounts/acc/ai/run/@cf/black-forest-labs"


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
        return [
            web.post(f"{_RUN}/flux-1-schnell", self.order(self.run)),
            web.post(f"{_RUN}/{{name}}", self.order(self.run_form)),
            web.get("/user/tokens/verify", self.plain(self.verify)),
        ]

    async def verify(self, _request: web.Request) -> web.Response:
        return json_of({"result": {"status": "active"}, "success": True})

    async def run_form(self, request: web.Request) -> web.Response:
        """Answer as the FLUX.2 models do, which take a multipart form only."""
        if request.content_type != "multipart/form-data":
            words = "required properties at '/' are 'multipart'"
            return problem(400, 5006, f"AiError: Bad input: {words}")
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.orders.append(form)
        width, height = int(form["width"]), int(form["height"])
        data = self.paid(form["prompt"], 0, width, height)
        return json_of({"result": {"image": as_base64(data)}, "success": True})

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
