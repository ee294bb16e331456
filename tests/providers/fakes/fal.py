"""fal's queue: submitted below the model, looked at below the app."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from tests.providers.fakes.base import Fake, json_of


class FakeFal(Fake):
    """The app fal-ai/flux."""

    has_jobs = True

    def refusal(self, request: web.Request) -> web.Response | None:
        if request.headers.get("Authorization") == f"Key {self.token}":
            return None
        return json_of({"detail": "Authentication is required to access this"}, 401)

    def routes(self) -> Sequence[web.RouteDef]:
        one = "/fal-ai/flux/requests/{id}"
        return [
            web.post("/fal-ai/flux/schnell", self.order(self.submit)),
            web.get(f"{one}/status", self.look(self.status)),
            web.put(f"{one}/cancel", self.plain(self.stop)),
            web.get(one, self.plain(self.result)),
        ]

    async def submit(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.orders.append(body)
        size = body["image_size"]
        name = self.begin(
            prompt=body["prompt"],
            seed=body["seed"],
            width=size["width"],
            height=size["height"],
        )
        own = f"{self.url}/fal-ai/flux/requests/{name}"
        return json_of(
            {
                "status": "IN_QUEUE",
                "request_id": name,
                "response_url": own,
                "status_url": f"{own}/status",
                "cancel_url": f"{own}/cancel",
                "queue_position": 0,
            }
        )

    async def status(self, request: web.Request) -> web.Response:
        name = request.match_info["id"]
        job = self.glance(name)
        if job is None:
            return json_of({"detail": "Request not found"}, 404)
        done = job["state"] == "done"
        body = {"status": "COMPLETED" if done else "IN_PROGRESS", "request_id": name}
        return json_of(body, 200 if done else 202)

    async def result(self, request: web.Request) -> web.Response:
        name = request.match_info["id"]
        job = self.jobs[name]
        if "url" not in job:
            job["url"] = self.keep(job["image"])
        image = {
            "url": job["url"],
            "width": job["width"],
            "height": job["height"],
            "content_type": "image/png",
        }
        return json_of(
            {
                "images": [image],
                "timings": {"inference": 0.3},
                "seed": job["seed"],
                "has_nsfw_concepts": [False],
                "prompt": job["prompt"],
            }
        )

    async def stop(self, request: web.Request) -> web.Response:
        self.cancel(request.match_info["id"])
        return json_of({"status": "CANCELLATION_REQUESTED"}, 202)
