"""AI Horde: handed in (202), checked, and its WebP fetched."""

from __future__ import annotations

import io
from collections.abc import Sequence

from aiohttp import web
from PIL import Image

from tests.providers.fakes.base import Fake, json_of


class FakeHorde(Fake):
    """Whoever comes with a key, or the anonymous one."""

    has_jobs = True

    def refusal(self, request: web.Request) -> web.Response | None:
        if request.headers.get("apikey") == self.token:
            return None
        words = "No user matching sent API Key."
        return json_of({"message": words, "rc": "InvalidAPIKey"}, 401)

    def routes(self) -> Sequence[web.RouteDef]:
        api = "/api/v2/generate"
        return [
            web.post(f"{api}/async", self.order(self.hand_in)),
            web.get(f"{api}/check/{{id}}", self.look(self.check)),
            web.get(f"{api}/status/{{id}}", self.plain(self.status)),
            web.delete(f"{api}/status/{{id}}", self.plain(self.stop)),
            web.get("/api/v2/find_user", self.plain(self.user)),
        ]

    async def user(self, _request: web.Request) -> web.Response:
        return json_of({"username": "Anonymous#0", "kudos": 0})

    async def hand_in(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.orders.append(body)
        given = body["params"]
        if given["width"] % 64 or given["height"] % 64:
            return json_of({"message": "by 64", "rc": "InvalidSize"}, 400)
        name = self.begin(
            prompt=body["prompt"],
            seed=given["seed"],
            width=given["width"],
            height=given["height"],
        )
        return json_of({"id": name, "kudos": 9.0, "warnings": []}, 202)

    async def check(self, request: web.Request) -> web.Response:
        job = self.glance(request.match_info["id"])
        if job is None:
            return json_of({"message": "not found", "rc": "RequestNotFound"}, 404)
        done = job["state"] == "done"
        return json_of(
            {
                "done": done,
                "faulted": False,
                "is_possible": True,
                "wait_time": 0 if done else 6,
                "queue_position": 0,
            }
        )

    async def status(self, request: web.Request) -> web.Response:
        job = self.jobs[request.match_info["id"]]
        if "url" not in job:
            job["url"] = self.keep(_webp(job["image"], changed=self.picture is None))
        made = {"img": job["url"], "censored": False, "gen_metadata": [], "seed": "1"}
        return json_of({"done": True, "generations": [made]})

    async def stop(self, request: web.Request) -> web.Response:
        self.cancel(request.match_info["id"])
        return json_of({"done": False, "generations": []})


def _webp(data: bytes, *, changed: bool) -> bytes:
    if not changed:
        return data
    out = io.BytesIO()
    Image.open(io.BytesIO(data)).save(out, "WEBP")
    return out.getvalue()
