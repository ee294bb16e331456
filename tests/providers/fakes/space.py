"""A ZeroGPU Space, as Gradio 6 serves it, and the part of the Hub that knows it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from aiohttp import web

from tests.providers.fakes.base import Fake, Json, json_of


def parameter(
    name: str,
    kind: str = "number",
    default: object = None,
    limits: tuple[float, float] | None = None,
) -> Json:
    """Describe a parameter as `/gradio_api/info` does; None: it has no default."""
    schema: Json = {"type": kind}
    if limits is not None:
        schema["description"] = f"numeric value between {limits[0]} and {limits[1]}"
    return {
        "label": name.title(),
        "parameter_name": name,
        "parameter_has_default": default is not None,
        "parameter_default": default,
        "type": schema,
        "component": "Slider",
    }


#: FLUX.1-schnell's own, in its own order.
SCHNELL = [
    parameter("prompt", "string"),
    parameter("seed", default=0, limits=(0, 2**31 - 1)),
    parameter("randomize_seed", "boolean", default=True),
    parameter("width", default=1024, limits=(256, 2048)),
    parameter("height", default=1024, limits=(256, 2048)),
    parameter("num_inference_steps", default=4, limits=(1, 50)),
]


def described(name: str, parameters: Sequence[Json], output: str = "Image") -> Json:
    """Describe a Space of one endpoint."""
    returns = [{"label": "Result", "component": output}, {"component": "Slider"}]
    endpoint = {"parameters": list(parameters), "returns": returns}
    return {"named_endpoints": {name: endpoint}, "unnamed_endpoints": {}}


@dataclass
class FakeSpace(Fake):
    """The Space and the Hub on one port.

    Attributes:
        description: What the Space says of its endpoints.
        quota: What the Hub says is left; None: it does not say.
        quota_asked: How often.
        stage: What the Hub says the Space does.
        refuses: Texts that end the next events.
        old: Gradio 4, without `/gradio_api`.
        is_streaming: The first heartbeat was sent.
    """

    has_jobs: ClassVar[bool] = True

    description: Json = field(default_factory=lambda: described("/infer", SCHNELL))
    quota: Json | None = field(
        default_factory=lambda: {
            "base": 300,
            "current": 210,
            "resetsAt": None,
            "overquotaUsed": 0,
            "runs": {"remaining": 7},
        }
    )
    quota_asked: int = 0
    described: int = 0
    stage: str = "RUNNING"
    refuses: list[object] = field(default_factory=list)
    old: bool = False
    is_streaming: asyncio.Event = field(default_factory=asyncio.Event)

    def routes(self) -> Sequence[web.RouteDef]:
        hub = [
            web.get("/api/spaces/zero-gpu/quota", self.hub_quota),
            web.get("/api/spaces/{owner}/{name}", self.hub_space),
        ]
        return [*hub, *self.gradio("/gradio_api"), *self.gradio("")]

    def gradio(self, prefix: str) -> Sequence[web.RouteDef]:
        return [
            web.get(f"{prefix}/info", self.plain(self.info)),
            web.post(f"{prefix}/call/{{name}}", self.order(self.call)),
            web.get(f"{prefix}/call/{{name}}/{{id}}", self.look(self.stream)),
            web.post(f"{prefix}/cancel", self.plain(self.stop)),
        ]

    def remote_id(self, name: str) -> str:
        return f"{'' if self.old else '/gradio_api'}/call/infer/{name}"

    def refusal(self, request: web.Request) -> web.Response | None:
        # The Space's code never sees the token; the proxy in front of it does.
        assert "Authorization" not in request.headers
        if request.headers.get("X-HF-Authorization") != f"Bearer {self.token}":
            return json_of({"error": "Invalid username or password."}, 401)
        if self.old == request.path.startswith("/gradio_api"):
            return json_of({"detail": "Not Found"}, 404)
        return None

    async def info(self, _request: web.Request) -> web.Response:
        self.described += 1
        return json_of(self.description)

    async def hub_quota(self, request: web.Request) -> web.Response:
        self.quota_asked += 1
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return json_of({"error": "Invalid username or password."}, 401)
        return json_of(self.quota, 503 if self.quota is None else 200)

    async def hub_space(self, _request: web.Request) -> web.Response:
        hardware = {"current": "zero-a10g", "requested": "zero-a10g"}
        return json_of({"runtime": {"stage": self.stage, "hardware": hardware}})

    async def call(self, request: web.Request) -> web.Response:
        name = f"/{request.match_info['name']}"
        endpoint = self.description["named_endpoints"].get(name)
        if endpoint is None:
            # Gradio's own: an unknown name is an error of its code.
            return web.Response(status=500, text="Internal Server Error")
        body = await request.json()
        self.orders.append(body)
        names = [one["parameter_name"] for one in endpoint["parameters"]]
        given = dict(zip(names, body["data"], strict=True))
        event = self.begin(
            prompt=given["prompt"],
            seed=given.get("seed", 0),
            width=given.get("width", 1024),
            height=given.get("height", 1024),
        )
        return json_of({"event_id": event})

    async def stream(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.content_type = "text/event-stream"
        await response.prepare(request)
        while (job := self.glance(request.match_info["id"])) is not None:
            if self.refuses:
                await _send(response, "error", self.refuses.pop(0))
            elif job["state"] == "done":
                url = self.keep(job["image"])
                file = {"path": None, "url": url, "mime_type": "image/webp"}
                await _send(response, "complete", [file, job["seed"]])
            elif job["state"] == "cancelled":
                await _send(response, "complete", None)
            else:
                await _send(response, "heartbeat", None)
                self.is_streaming.set()
                await asyncio.sleep(0.01)
                continue
            return response
        await _send(response, "error", "404: Not Found")
        return response

    async def stop(self, request: web.Request) -> web.Response:
        body = await request.json()
        assert body["session_hash"] == body["event_id"]
        self.cancel(body["event_id"])
        return json_of({"success": True})


async def _send(response: web.StreamResponse, event: str, data: object) -> None:
    text = f"event: {event}\ndata: {json.dumps(data)}\n\n"
    await response.write(text.encode())
