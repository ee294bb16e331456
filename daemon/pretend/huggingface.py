"""A pretend Hugging Face: the router's routes, the Hub's API, credits, model loading.

Paths, bodies and error texts are the real ones; see the modules of the providers.
"""

from __future__ import annotations

import asyncio
import base64
import json
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from daemon.pretend.errors import Fault
from daemon.pretend.hf_state import MODEL, FakeHuggingFace, ServedRequest
from daemon.pretend.models import Json
from daemon.pretend.scenes import render_scene

_NO_CREDITS = (
    "You have depleted your monthly included credits. Purchase pre-paid credits to "
    "continue using Inference Providers. Alternatively, subscribe to PRO to get 20x "
    "more included credits."
)
_NO_RIGHT = (
    "This authentication method does not have sufficient permissions to call "
    "Inference Providers on behalf of user demo"
)
_GONE = (
    "The requested model is deprecated and no longer supported by provider hf-inference"
)
#: The quota of ZeroGPU Spaces, of which nothing is left.
_QUOTA = {
    "base": 300,
    "current": 0,
    "resetsAt": None,
    "overquotaUsed": 0,
    "runs": {"used": 8, "limit": 8, "remaining": 0, "resetsAt": None},
}


def huggingface_app(hub: FakeHuggingFace) -> web.Application:
    """Return an application with the router's and the Hub's paths."""
    routes = _HubHandlers(hub)
    app = web.Application(client_max_size=4 * 2**20)
    for path, handler in (
        ("/api/models/{org}/{name}", routes.serve_model_info),
        ("/api/whoami-v2", routes.serve_whoami),
        ("/api/settings/billing/usage-v2", routes.serve_usage),
        ("/api/organizations/{org}/billing/usage-v2", routes.serve_usage),
        ("/api/spaces/zero-gpu/quota", routes.serve_quota),
        ("/v1/models", routes.list_chat_models),
        ("/made/{name}", routes.serve_file),
    ):
        app.router.add_get(path, handler)
    app.router.add_post("/v1/chat/completions", routes.complete_chat)
    for path, name in (
        ("/nscale/v1/images/generations", "nscale"),
        ("/fal-ai/{model:.+}", "fal-ai"),
        ("/together/v1/images/generations", "together"),
        ("/replicate/v1/models/{org}/{name}/predictions", "replicate"),
        ("/hf-inference/models/{org}/{name}", "hf-inference"),
    ):
        app.router.add_post(path, routes.generation_handler(name))
    return app


@dataclass(slots=True)
class _HubHandlers:
    _hub: FakeHuggingFace

    async def serve_model_info(self, _request: web.Request) -> web.Response:
        """Return which partners serve the model, as the Hub does."""
        if not self._hub.hub_is_up:
            return web.Response(status=503, text="Service Unavailable")
        entry = {"status": "live", "task": "text-to-image"}
        routes = self._hub.routes.items()
        entries = [
            entry | {"provider": name, "providerId": id_} for name, id_ in routes
        ]
        about = {"id": MODEL, "pipeline_tag": "text-to-image", "tags": []}
        return web.json_response(about | {"inferenceProviderMapping": entries})

    async def serve_whoami(self, request: web.Request) -> web.Response:
        self._hub.account.whoami_requests += 1
        if (refusal := self._check_token(request)) is not None:
            return refusal
        return web.json_response(self._hub.account.whoami_answer())

    async def serve_usage(self, request: web.Request) -> web.Response:
        hub, account = self._hub, self._hub.account
        account.usage_requests += 1
        if (refusal := self._check_token(request)) is not None:
            return refusal
        if not hub.hub_is_up:
            return web.Response(status=503, text="Service Unavailable")
        if not account.has_right("user.billing.read"):
            return error_response(403, "Forbidden")
        answer = account.usage_answer(hub.painted, hub.credits, hub.now())
        return web.json_response(answer)

    async def serve_quota(self, request: web.Request) -> web.Response:
        if (refusal := self._check_token(request)) is not None:
            return refusal
        return web.json_response(_QUOTA)

    async def complete_chat(self, request: web.Request) -> web.StreamResponse:
        if (refusal := self._check_token(request)) is not None:
            return refusal
        if self._hub.credits is not None and self._hub.credits <= 0:
            return error_response(402, _NO_CREDITS)
        return await self._hub.chat.respond(await request.json())

    async def list_chat_models(self, _request: web.Request) -> web.Response:
        return web.json_response(self._hub.chat.list_models())

    async def serve_file(self, request: web.Request) -> web.Response:
        """Serve a finished file, as the partners' own hosts do: without a token."""
        name = request.match_info["name"]
        self._hub.fetched.append(name)
        if "Authorization" in request.headers:
            return error_response(400, "no token belongs here")
        data = self._hub.files.get(name)
        if data is None:
            return web.Response(status=404)
        return web.Response(body=data, content_type="image/png")

    def generation_handler(
        self, route: str
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        """Return the handler of one partner's route."""

        async def respond(request: web.Request) -> web.Response:
            try:
                body = json.loads(await request.read())
                prompt, size, seed = parse_request(route, body)
            except (ValueError, KeyError, TypeError):
                return error_response(422, "Input validation error")
            fault = self._hub.faults.pop_match(request.method, request.path)
            if fault is not None:
                response = await self._fault_response(request, fault)
            elif (refusal := self._refusal(request, route)) is not None:
                response = refusal
            else:
                data = await self._generate_image(prompt, seed or 0, size)
                response = self._image_response(request, route, data, prompt, seed)
            at, status = self._hub.now(), response.status
            served = ServedRequest(at, route, status, prompt, seed, size)
            self._hub.served.append(served)
            self._hub.changed()
            return response

        return respond

    def _check_token(self, request: web.Request) -> web.Response | None:
        """Return the response to a request without the token, None for the others."""
        if request.headers.get("Authorization") == f"Bearer {self._hub.token}":
            return None
        return error_response(401, "Invalid username or password.")

    def _refusal(self, request: web.Request, route: str) -> web.Response | None:
        """Return the response to a request that gets no image, None for the others."""
        hub = self._hub
        if (refusal := self._check_token(request)) is not None:
            return refusal
        if not hub.account.has_right("inference.serverless.write"):
            return error_response(403, _NO_RIGHT)
        if route == "hf-inference" and "hf-inference" not in hub.routes:
            return error_response(410, _GONE)
        if route not in hub.routes:
            return error_response(400, f"Model not supported by provider {route}")
        if hub.credits is not None and hub.credits <= 0:
            return error_response(402, _NO_CREDITS)
        if (left := hub.loading_left) > 0:
            message = f"Model {MODEL} is currently loading"
            body = {"error": message, "estimated_time": math.ceil(left)}
            return web.json_response(body, status=503)
        return None

    async def _generate_image(
        self, prompt: str, seed: int, size: tuple[int, int]
    ) -> bytes:
        hub = self._hub
        # The real services charge at the start of a generation, too.
        if hub.credits is not None:
            hub.credits -= 1
        hub.painted += 1
        hub.changed()
        await hub.sleep(hub.seconds_per_image)
        data = await asyncio.to_thread(render_scene, prompt, seed, *size)
        if hub.loading_every and hub.painted % hub.loading_every == 0:
            hub.unload_model()
        return data

    def _image_response(
        self,
        request: web.Request,
        route: str,
        data: bytes,
        prompt: str,
        seed: int | None,
    ) -> web.Response:
        """Return an image in the format of a route."""
        match route:
            case "nscale" | "together":
                created = int(self._hub.now().timestamp())
                images = [{"b64_json": base64.b64encode(data).decode()}]
                return web.json_response({"created": created, "data": images})
            case "hf-inference":
                return web.Response(body=data, content_type="image/png")
        name = f"{len(self._hub.files)}-{seed}.png"
        self._hub.files[name] = data
        base = str(request.url.origin()) + request.path.split(f"/{route}/")[0]
        url = f"{base}/made/{name}"
        if route == "fal-ai":
            body: Json = {
                "images": [{"url": url, "content_type": "image/png"}],
                "seed": seed,
                "has_nsfw_concepts": [False],
                "prompt": prompt,
            }
            return web.json_response(body)
        body = {"id": name, "status": "succeeded", "output": [url], "error": None}
        return web.json_response(body, status=201)

    async def _fault_response(self, request: web.Request, fault: Fault) -> web.Response:
        if fault.delay:
            await self._hub.sleep(fault.delay)
        if fault.drop:
            if request.transport is not None:
                request.transport.close()
            return web.Response(status=599)
        if fault.html:
            page = "<!doctype html><html><body>Just a moment...</body></html>"
            return web.Response(
                text=page, status=fault.status, content_type="text/html"
            )
        body = fault.body if fault.body is not None else {"error": "Internal error"}
        headers = {"Retry-After": str(fault.retry_after)} if fault.retry_after else {}
        if isinstance(body, bytes):
            return web.Response(body=body, status=fault.status, headers=headers)
        return web.json_response(body, status=fault.status, headers=headers)


def parse_request(route: str, body: Json) -> tuple[str, tuple[int, int], int | None]:
    """Return prompt, size in pixels and seed of a request in its route's own format.

    Raises KeyError, TypeError or ValueError if it is malformed.
    """
    match route:
        case "nscale":
            width, height = (int(side) for side in body["size"].split("x"))
            return body["prompt"], (width, height), body.get("seed")
        case "together":
            return body["prompt"], (body["width"], body["height"]), body.get("seed")
        case "fal-ai":
            size = body["image_size"]
            return body["prompt"], (size["width"], size["height"]), body.get("seed")
        case "replicate":
            options = body["input"]
            ratio = options.get("aspect_ratio", "1:1")
            width, height = (int(side) for side in ratio.split(":"))
            scale = 1024 / max(width, height)
            shape = round(width * scale), round(height * scale)
            return options["prompt"], shape, options.get("seed")
    options = body["parameters"]
    shape = options["width"], options["height"]
    return body["inputs"], shape, options.get("seed")


def error_response(status: int, message: str) -> web.Response:
    """Return an error as Hugging Face sends it."""
    return web.json_response({"error": message}, status=status)
