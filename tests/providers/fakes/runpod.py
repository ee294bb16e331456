"""RunPod serverless: /run, /status, /cancel, /health of one endpoint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web

from tests.providers.fakes.base import Fake, Json, json_of


@dataclass
class FakeRunPod(Fake):
    """One endpoint.

    Attributes:
        output: Shape of what its worker returns: "image_url", "result", "images".
    """

    has_jobs = True
    output: str = "image_url"

    def refusal(self, request: web.Request) -> web.Response | None:
        if request.headers.get("Authorization") == f"Bearer {self.token}":
            return None
        return web.Response(status=401)

    def routes(self) -> Sequence[web.RouteDef]:
        base = "/my-endpoint"
        return [
            web.post(f"{base}/run", self.order(self.run)),
            web.post(f"{base}/runsync", self.order(self.run)),
            web.get(f"{base}/status/{{id}}", self.look(self.status)),
            web.post(f"{base}/cancel/{{id}}", self.plain(self.stop)),
            web.get(f"{base}/health", self.plain(self.health)),
        ]

    async def health(self, _request: web.Request) -> web.Response:
        return json_of({"jobs": {"inQueue": 0}, "workers": {"idle": 1}})

    async def run(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.orders.append(body)
        given = body["input"]
        for side in ("width", "height"):
            if given[side] % 64 or not 256 <= given[side] <= 1536:
                words = f"Invalid parameter: {side} must be divisible by 64"
                return json_of({"id": "x", "status": "FAILED", "error": words}, 400)
        name = self.begin(
            prompt=given["prompt"],
            seed=given["seed"],
            width=given["width"],
            height=given["height"],
        )
        return json_of({"id": name, "status": "IN_QUEUE"})

    async def status(self, request: web.Request) -> web.Response:
        name = request.match_info["id"]
        job = self.glance(name)
        if job is None:
            return json_of({"error": "job not found"}, 404)
        return json_of(self.shown(name, job))

    async def stop(self, request: web.Request) -> web.Response:
        name = request.match_info["id"]
        self.cancel(name)
        return json_of({"id": name, "status": "CANCELLED"})

    def shown(self, name: str, job: Json) -> Json:
        if job["state"] == "cancelled":
            return {"id": name, "status": "CANCELLED"}
        if job["state"] == "running":
            first = job["looks"] + 1 >= self.looks
            return {"id": name, "status": "IN_QUEUE" if first else "IN_PROGRESS"}
        if "output" not in job:
            job["output"] = self.made(job["image"])
        return {
            "id": name,
            "status": "COMPLETED",
            "delayTime": 12,
            "executionTime": 2000,
            "output": job["output"],
        }

    def made(self, image: bytes) -> object:
        url = self.keep(image)
        match self.output:
            case "result":
                return {"result": url, "cost": 0.003}
            case "images":
                return {
                    "images": [{"filename": "a.png", "type": "s3_url", "data": url}]
                }
        return {"image_url": url, "cost": 0.003}
