"""A client of the pretend Notion that knows nothing of postbrush."""

from __future__ import annotations

from typing import Any

import aiohttp

from daemon.pretend.server import FakeServer

Json = dict[str, Any]
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)


class Caller:
    """Speaks to the pretend Notion as any client would."""

    def __init__(self, town: FakeServer, session: aiohttp.ClientSession) -> None:
        self.town, self._session = town, session
        self.page = town.workspace.add_page(
            town.source.id, {"Name": "Bread", "Post": "We bake."}
        )

    async def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        **more: Any,  # noqa: ANN401 - aiohttp's
    ) -> tuple[int, Json]:
        headers = {
            "Authorization": f"Bearer {more.pop('token', self.town.workspace.token)}",
            "Notion-Version": more.pop("version", "2025-09-03"),
        }
        url = self.town.url + path
        async with self._session.request(
            method, url, json=body, headers=headers, **more
        ) as answer:
            return answer.status, await answer.json()

    async def upload(self) -> Json:
        """Announce a file and send it."""
        wanted = {
            "mode": "single_part",
            "filename": "a.png",
            "content_type": "image/png",
        }
        _, made = await self.ask("POST", "/v1/file_uploads", wanted)
        form = aiohttp.FormData()
        form.add_field("file", PNG, filename="a.png", content_type="image/png")
        path = f"/v1/file_uploads/{made['id']}/send"
        _, sent = await self.ask("POST", path, data=form)
        return {"made": made, "sent": sent}

    async def attach(self) -> None:
        """Put an image on the page."""
        done = await self.upload()
        files = [{"file_upload": {"id": done["made"]["id"]}, "name": "a.png"}]
        body = {"properties": {"Image": {"files": files}}}
        status, _ = await self.ask("PATCH", f"/v1/pages/{self.page}", body)
        assert status == 200
