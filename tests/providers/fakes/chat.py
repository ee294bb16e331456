"""Chat completions as Hugging Face's router, Cloudflare and servers at home serve them.

What they write is the demo's pretend model's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from aiohttp import web

from daemon.pretend.chat import FakeChat
from tests.providers.fakes.base import Fake, json_of


@dataclass
class FakeChatApi(Fake):
    """One server with the paths of all kinds; `orders` are requests for a prompt."""

    chat: FakeChat = field(default_factory=FakeChat)
    listed: int = 0

    def routes(self) -> Sequence[web.RouteDef]:
        return [
            web.post("/v1/chat/completions", self.order(self.complete)),
            web.get("/v1/models", self.plain(self.list)),
            web.get("/api/whoami-v2", self.plain(self.verified)),
            web.post("/accounts/acc/ai/v1/chat/completions", self.order(self.complete)),
            web.get("/accounts/acc/ai/models/search", self.plain(self.search)),
            web.get("/user/tokens/verify", self.plain(self.verified)),
        ]

    def say(self, text: str) -> None:
        """Let the model say *text* to the next request."""
        self.chat.answers.append(text)

    async def complete(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.orders.append(body)
        self.painted += 1
        return await self.chat.respond(body)

    async def list(self, _request: web.Request) -> web.Response:
        self.listed += 1
        return json_of(self.chat.list_models())

    async def search(self, request: web.Request) -> web.Response:
        found = [{"name": name} for name in self.chat.models]
        return json_of({"success": True, "result": found, "q": request.query["search"]})

    async def verified(self, _request: web.Request) -> web.Response:
        return json_of({"success": True, "result": {"status": "active"}})
