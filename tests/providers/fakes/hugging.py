"""Hugging Face's router with one route (nscale); the demo's hub has all of them."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from daemon.clock import utc_now
from daemon.pretend.hf_state import FakeAccount
from tests.providers.fakes.base import Fake, as_base64, json_of, sides


class FakeHugging(Fake):
    """The Hub and the router on one port."""

    prefix = "/router"

    def routes(self) -> Sequence[web.RouteDef]:
        path = "/router/nscale/v1/images/generations"
        return [
            web.post(path, self.order(self.generations)),
            web.get("/api/models/{org}/{name}", self.plain(self.mapping)),
            web.get("/api/whoami-v2", self.plain(self.whoami)),
            web.get("/api/settings/billing/usage-v2", self.plain(self.usage)),
        ]

    async def whoami(self, _request: web.Request) -> web.Response:
        return json_of({"type": "user", "name": "oven"})

    async def usage(self, _request: web.Request) -> web.Response:
        account = FakeAccount()
        return json_of(account.usage_answer(self.painted, None, utc_now()))

    async def mapping(self, _request: web.Request) -> web.Response:
        model = "black-forest-labs/FLUX.1-schnell"
        entry = {"status": "live", "providerId": model, "task": "text-to-image"}
        return json_of({"id": model, "inferenceProviderMapping": {"nscale": entry}})

    async def generations(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.orders.append(body)
        data = self.paid(body["prompt"], body["seed"], *sides(body["size"]))
        return json_of({"created": 1, "data": [{"b64_json": as_base64(data)}]})
