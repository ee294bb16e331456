"""Replicate: a prediction is created (201), looked at, and its file fetched."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from tests.providers.fakes.base import Fake, Json, json_of


class FakeReplicate(Fake):
    """One account."""

    has_jobs = True

    def refusal(self, request: web.Request) -> web.Response | None:
        if request.headers.get("Authorization") == f"Bearer {self.token}":
            return None
        words = "You did not pass a valid authentication token"
        return json_of(
            {"title": "Unauthenticated", "detail": words, "status": 401}, 401
        )

    def routes(self) -> Sequence[web.RouteDef]:
        model = "/v1/models/black-forest-labs/flux-schnell/predictions"
        return [
            web.post(model, self.order(self.create)),
            web.get("/v1/predictions/{id}", self.look(self.get)),
            web.post("/v1/predictions/{id}/cancel", self.plain(self.stop)),
            web.get("/v1/account", self.plain(self.account)),
            web.get("/v1/models/{owner}/{name}", self.plain(self.model)),
        ]

    async def model(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name != "flux-schnell":
            return json_of({"detail": "Not found.", "status": 404}, 404)
        return json_of({"owner": request.match_info["owner"], "name": name})

    async def account(self, _request: web.Request) -> web.Response:
        return json_of({"type": "user", "username": "oven"})

    async def create(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.orders.append(body)
        given = body["input"]
        wide, high = (int(one) for one in given["aspect_ratio"].split(":"))
        # As in life: a megapixel of that shape, or nearly.
        unit = 1024 // max(wide, high)
        name = self.begin(
            prompt=given["prompt"],
            seed=given.get("seed"),
            width=unit * wide,
            height=unit * high,
        )
        return json_of(self.shown(name), 201)

    async def get(self, request: web.Request) -> web.Response:
        name = request.match_info["id"]
        if self.glance(name) is None:
            return json_of({"detail": "Not found.", "status": 404}, 404)
        return json_of(self.shown(name))

    async def stop(self, request: web.Request) -> web.Response:
        name = request.match_info["id"]
        found = self.cancel(name)
        return json_of(self.shown(name) if found else {}, 200 if found else 404)

    def shown(self, name: str) -> Json:
        job = self.jobs[name]
        status = {"done": "succeeded", "cancelled": "canceled"}.get(
            job["state"], "processing" if job["looks"] < self.looks else "starting"
        )
        if "image" in job and "url" not in job:
            job["url"] = self.keep(job["image"])
        own = f"{self.url}/v1/predictions/{name}"
        return {
            "id": name,
            "model": "black-forest-labs/flux-schnell",
            "version": "hidden",
            "status": status,
            "input": {"prompt": job["prompt"]},
            "output": [job["url"]] if "url" in job else None,
            "error": None,
            "logs": "",
            "created_at": "2026-11-24T10:00:00.000Z",
            "urls": {"get": own, "cancel": f"{own}/cancel"},
        }
