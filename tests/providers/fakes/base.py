"""What the fakes have in common: an order is paid for, painted, and looked at."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from aiohttp import web

from daemon.pretend.scenes import render_scene

Json = dict[str, Any]
Answer = Callable[[], web.StreamResponse]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def json_of(body: object, status: int = 200, **headers: str) -> web.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return web.json_response(body, status=status, headers=named)


@dataclass
class Fake:
    """One service.

    Attributes:
        painted: Images made, and so paid for.
        orders: The bodies of requests for an image, as they came.
        looks: How often a job is looked at before it is done.
        cancelled: Ids of jobs that were cancelled.
        picture: What is sent instead of a painting.
        answers: What the next requests for an image get instead.
        glances: What the next looks at a job get instead.
        strangers: Requests for a file that carried a token.
    """

    prefix: ClassVar[str] = ""
    has_jobs: ClassVar[bool] = False

    token: str = "tok_0123456789abcdef0123456789abcdef"
    painted: int = 0
    orders: list[Json] = field(default_factory=list)
    looks: int = 1
    cancelled: list[str] = field(default_factory=list)
    picture: bytes | None = None
    answers: list[Answer] = field(default_factory=list)
    glances: list[Answer] = field(default_factory=list)
    strangers: list[web.Request] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    jobs: dict[str, Json] = field(default_factory=dict)
    url: str = ""

    def fail(self, status: int, body: object = None, **headers: str) -> None:
        """Let the next request for an image be answered like this."""
        self.answers.append(lambda: json_of(body, status, **headers))

    def fail_look(self, status: int, body: object = None, **headers: str) -> None:
        """Let the next look at a job be answered like this."""
        self.glances.append(lambda: json_of(body, status, **headers))

    def routes(self) -> Sequence[web.RouteDef]:
        raise NotImplementedError

    def refusal(self, request: web.Request) -> web.Response | None:
        """Return the service's answer to a wrong token."""
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return json_of({"error": "Invalid username or password."}, 401)
        return None

    def paid(self, prompt: str, seed: object, width: int, height: int) -> bytes:
        """Paint: from here on it costs."""
        self.painted += 1
        if self.picture is not None:
            return self.picture
        drawn = int(seed) if isinstance(seed, int | str) and str(seed) else 0
        return render_scene(prompt, drawn, width, height)

    def keep(self, data: bytes) -> str:
        """Keep a finished file, and return its address."""
        name = f"{len(self.files)}.png"
        self.files[name] = data
        return f"{self.url}/files/{name}"

    def guarded(self, handler: Handler, scripted: list[Answer]) -> Handler:
        async def answer(request: web.Request) -> web.StreamResponse:
            if refused := self.refusal(request):
                return refused
            if scripted:
                return scripted.pop(0)()
            return await handler(request)

        return answer

    def order(self, handler: Handler) -> Handler:
        """Wrap the handler of requests for an image."""
        return self.guarded(handler, self.answers)

    def look(self, handler: Handler) -> Handler:
        """Wrap the handler of looks at a job."""
        return self.guarded(handler, self.glances)

    def plain(self, handler: Handler) -> Handler:
        """Wrap any other handler."""
        return self.guarded(handler, [])

    async def file(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") or request.headers.get("apikey"):
            self.strangers.append(request)
        data = self.files.get(request.match_info["name"])
        if data is None:
            raise web.HTTPNotFound
        return web.Response(body=data, content_type="image/png")

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Self]:
        """Listen on a loopback port."""
        app = web.Application(client_max_size=64 * 2**20)
        app.router.add_routes(self.routes())
        app.router.add_get("/files/{name}", self.file)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield self
        finally:
            await runner.cleanup()

    def begin(self, **job: Any) -> str:  # noqa: ANN401 - what the fake needs
        """Start a job; it is painted when it is done."""
        name = f"job-{len(self.jobs)}"
        self.jobs[name] = {"looks": self.looks, "state": "running", **job}
        return name

    def glance(self, name: str) -> Json | None:
        """Return a job; each look brings it nearer to its end."""
        job = self.jobs.get(name)
        if job is None or job["state"] != "running":
            return job
        if job["looks"] > 0:
            job["looks"] -= 1
        else:
            job["state"] = "done"
            job["image"] = self.paid(
                job["prompt"], job["seed"], job["width"], job["height"]
            )
        return job

    def remote_id(self, name: str) -> str:
        """Return what is committed of a job."""
        return name

    def cancel(self, name: str) -> bool:
        """Cancel a job; say whether there was one."""
        if name not in self.jobs:
            return False
        self.cancelled.append(name)
        self.jobs[name]["state"] = "cancelled"
        return True


def as_base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def sides(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    return int(width), int(height)
