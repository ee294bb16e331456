"""Checks of every request to the pretend Notion: token, version, rate limit, faults."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from aiohttp import web

from daemon.pretend.errors import (
    ApiResponseError,
    Fault,
    RecordedRequest,
    error_for_status,
    missing_version,
    rate_limited,
)
from daemon.pretend.models import Json
from daemon.pretend.workspace import Workspace

Handler = Callable[[web.Request, Json], Awaitable[Json]]

VERSIONS = ("2025-09-03", "2026-03-11")
_WINDOW = timedelta(seconds=60)


@dataclass(slots=True)
class ApiMiddleware:
    """Checks and records every request, and responds with errors as Notion does.

    Attributes:
        times: When the requests of the last minute arrived.
    """

    space: Workspace
    times: deque[datetime] = field(default_factory=deque)

    def wrap_handler(
        self, handler: Handler
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """Return a handler that runs the checks, then *handler*."""

        async def respond(request: web.Request) -> web.StreamResponse:
            body = await _read_json(request)
            about = self.space.uploads.name_of(request.path) or str(body)
            fault = self.space.faults.pop_match(request.method, request.path, about)
            delay = self.space.latency + (fault.delay if fault is not None else 0.0)
            if delay:
                await asyncio.sleep(delay)
            if fault is not None and not fault.after:
                return self._fault_response(request, fault, body)
            response = await self._handle_request(request, body, handler)
            if fault is not None:
                return self._fault_response(request, fault, None)
            return response

        return respond

    async def _handle_request(
        self, request: web.Request, body: Json, handler: Handler
    ) -> web.Response:
        try:
            self._check_request(request)
            data = await handler(request, body)
            return self._respond(request, body, data)
        except ApiResponseError as refusal:
            return self._refuse(request, body, refusal)

    def _check_request(self, request: web.Request) -> None:
        if request.headers.get("Authorization") != f"Bearer {self.space.token}":
            raise error_for_status(401)
        version = request.headers.get("Notion-Version")
        if version not in VERSIONS:
            raise missing_version(version)
        if self.space.requests_per_minute is None:
            return
        now = self.space.now()
        while self.times and now - self.times[0] >= _WINDOW:
            self.times.popleft()
        if len(self.times) >= self.space.requests_per_minute:
            left = (self.times[0] + _WINDOW - now).total_seconds()
            raise rate_limited(max(1, -int(-left // 1)))
        self.times.append(now)

    def _respond(
        self,
        request: web.Request,
        body: object,
        data: Json,
        *,
        status: int = 200,
        retry_after: int | None = None,
    ) -> web.Response:
        self._record_request(request, status, body)
        request_id = str(uuid.uuid4())
        date = format_datetime(self.space.now().astimezone(UTC), usegmt=True)
        headers = {"x-notion-request-id": request_id, "Date": date}
        if retry_after is not None:
            headers["Retry-After"] = str(retry_after)
        data = {**data, "request_id": request_id}
        return web.json_response(data, status=status, headers=headers)

    def _refuse(
        self, request: web.Request, body: object, refusal: ApiResponseError
    ) -> web.Response:
        status, retry_after = refusal.status, refusal.retry_after
        return self._respond(
            request, body, refusal.to_json(), status=status, retry_after=retry_after
        )

    def _fault_response(
        self, request: web.Request, fault: Fault, body: object
    ) -> web.Response:
        if fault.drop:
            self._record_request(request, 0, body)
            if request.transport is not None:
                request.transport.close()
            return web.Response()
        if fault.html:
            self._record_request(request, fault.status, body)
            page = "<html><body><h1>502 Bad Gateway</h1>cf-ray</body></html>"
            return web.Response(
                text=page, status=fault.status, content_type="text/html"
            )
        if fault.body is not None:
            self._record_request(request, fault.status, body)
            return web.json_response(fault.body, status=fault.status)
        if fault.status == 429:  # noqa: PLR2004 - Too Many Requests
            return self._refuse(request, body, rate_limited(fault.retry_after or 1))
        refusal = error_for_status(fault.status, request.path)
        refusal.retry_after = fault.retry_after
        return self._refuse(request, body, refusal)

    def _record_request(self, request: web.Request, status: int, body: object) -> None:
        self.space.requests.append(
            RecordedRequest(
                method=request.method,
                path=request.path,
                status=status,
                at=self.space.now(),
                body=body,
            )
        )


async def _read_json(request: web.Request) -> Json:
    if request.content_type != "application/json" or not request.can_read_body:
        return {}
    try:
        body = json.loads(await request.read())
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
