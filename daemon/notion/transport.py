"""Sends requests to Notion within the rate limit, with retries and our own errors.

This is the only importer of notion_client and httpx.  The library's own retries are
off, because they end too early on a long Retry-After and do not cover 409 and 529.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import logging
import random
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
from notion_client import AsyncClient
from notion_client.errors import (
    HTTPResponseError,
    InvalidPathParameterError,
    RequestTimeoutError,
)

from daemon.notion.error_classes import ErrorClass, ErrorResponse, classify_response
from daemon.notion.errors import NotionUnavailableError
from daemon.notion.limiter import NotionRateLimiter
from daemon.notion.model import Urgency

VERSION = "2025-09-03"

# httpcore imports sniffio several times in each request.  If it is missing, Python
# searches every folder of sys.path each time; the None entry prevents that.
if importlib.util.find_spec("sniffio") is None:
    sys.modules.setdefault("sniffio", None)  # type: ignore[arg-type]  # as documented

_TIMEOUT = 60.0
_TRIES = 5
#: Rate limits in a row after which a request fails, so that others can be sent.
_LIMITED = 10
_FIRST_PAUSE = 1.0
_KEPT_OPEN = 60.0

Request = Callable[[AsyncClient], Awaitable[Any]]


class _ResponseError(Exception):
    def __init__(self, answer: ErrorResponse) -> None:
        super().__init__(answer.message)
        self.answer = answer


class ApiError(_ResponseError):
    """An error answer that a repetition would not change."""


class LostResponseError(_ResponseError):
    """The answer was lost, so it is unknown whether the request took effect."""


def _ignore_lost(answer: ErrorResponse) -> None:
    """Do nothing; the default of `lost`."""


def _ignore_answer() -> None:
    """Do nothing; the default of `answered`."""


@dataclass(slots=True)
class NotionTransport:
    """Sends requests within the rate limit.

    Attributes:
        limited: Called with the seconds of each pause that Notion demands.
        answered: Called after each answer without an error.
        traffic: The number of requests by outcome.
        told_time: The time of the last answer by Notion's clock.
    """

    client: AsyncClient
    limiter: NotionRateLimiter
    sleep: Callable[[float], Awaitable[None]]
    limited: Callable[[float], None]
    answered: Callable[[], None] = _ignore_answer
    monotonic: Callable[[], float] = time.monotonic
    traffic: Counter[str] = field(default_factory=Counter)
    server_time: datetime | None = None

    @classmethod
    def open(
        cls,
        token: str,
        *,
        base_url: str,
        rate: float,
        sleep: Callable[[float], Awaitable[None]],
        monotonic: Callable[[], float] = time.monotonic,
        limited: Callable[[float], None] = lambda _seconds: None,
        answered: Callable[[], None] = _ignore_answer,
        traffic: Counter[str] | None = None,
    ) -> NotionTransport:
        """Return a transport.  It connects when the first request is sent.

        Args:
            rate: Requests a second.
        """
        limits = httpx.Limits(keepalive_expiry=_KEPT_OPEN)
        http = httpx.AsyncClient(limits=limits, trust_env=True)
        client = AsyncClient(
            auth=token,
            base_url=base_url,
            notion_version=VERSION,
            retry=False,
            timeout_ms=int(_TIMEOUT * 1000),
            client=http,
            # The caller logs errors itself.
            logger=logging.getLogger("notion_client"),
            log_level=logging.CRITICAL,
        )
        limiter = NotionRateLimiter(rate, monotonic=monotonic, sleep=sleep)
        transport = cls(
            client=client,
            limiter=limiter,
            sleep=sleep,
            limited=limited,
            answered=answered,
            monotonic=monotonic,
            traffic=Counter() if traffic is None else traffic,
        )
        http.event_hooks = {"response": [transport._record_server_time]}
        return transport

    async def close(self) -> None:
        """Close all connections."""
        await self.limiter.close()
        await self.client.aclose()

    async def send_with_retries(
        self,
        urgency: Urgency,
        request: Request,
        *,
        lost: Callable[[ErrorResponse], None] = _ignore_lost,
    ) -> Any:  # noqa: ANN401 - JSON
        """Send a request that may be repeated, up to five times.

        Args:
            lost: Called with each answer after which the request is sent again.

        Raises:
            ApiError: Notion sent an error that a repetition would not change.
            NotionUnavailableError: Every attempt failed.
        """
        answer = ErrorResponse(kind=ErrorClass.AGAIN, status=0, message="")
        for attempt in range(_TRIES):
            if attempt:
                await self.sleep(_FIRST_PAUSE * 2 ** (attempt - 1) * _jitter_factor())
            try:
                return await self.send_once(urgency, request)
            except LostResponseError as error:
                answer = error.answer
                lost(answer)
        raise NotionUnavailableError(f"Notion is away: {answer.message}")

    async def send_once(self, urgency: Urgency, request: Request) -> Any:  # noqa: ANN401 - JSON
        """Send a request once.  It is sent again after a rate limit, up to ten times.

        Raises:
            NotionUnavailableError: Every answer was a rate limit.
            ApiError: Notion sent an error that a repetition would not change.
            LostResponseError: It is unknown whether the request took effect.
        """
        for _ in range(_LIMITED):
            await self.limiter.wait_turn(urgency)
            answer = await self._send_request(request)
            self.traffic[_traffic_label(answer)] += 1
            if not isinstance(answer, ErrorResponse):
                self.answered()
                return answer
            if answer.kind is ErrorClass.AGAIN:
                raise LostResponseError(answer)
            if answer.kind is not ErrorClass.STOP_ALL:
                raise ApiError(answer)
            self.limiter.pause_all(answer.seconds)
            self.limited(answer.seconds)
        raise NotionUnavailableError(
            f"Notion limits this request for too long: {answer.message}"
        )

    async def _record_server_time(self, response: httpx.Response) -> None:
        self.server_time = (
            parse_date_header(response.headers.get("date", "")) or self.server_time
        )

    async def _send_request(self, request: Request) -> Any:  # noqa: ANN401 - JSON, or an ErrorResponse
        try:
            async with asyncio.timeout(_TIMEOUT):
                return await request(self.client)
        except HTTPResponseError as error:
            headers = {name.lower(): value for name, value in error.headers.items()}
            return classify_response(int(error.status), headers, error.body)
        except (RequestTimeoutError, TimeoutError):
            return _unavailable_response("no answer in time")
        # A proxy may answer with status 200 and a body that is not JSON.
        except (json.JSONDecodeError, UnicodeDecodeError):
            return _unavailable_response("an answer that is not JSON")
        except InvalidPathParameterError as error:
            return ErrorResponse(
                kind=ErrorClass.REFUSED, status=400, message=str(error)[:200]
            )
        except httpx.HTTPError as error:
            kind = type(error).__name__
            return _unavailable_response(
                f"cannot be reached ({kind}): is this machine online?"
            )


def parse_date_header(header: str) -> datetime | None:
    """Return the time of a Date header (RFC 9110, 6.6.1), None if it has none."""
    try:
        sent_at = parsedate_to_datetime(header)
    except (ValueError, OverflowError):
        return None
    return sent_at.astimezone(UTC) if sent_at.tzinfo else None


def _traffic_label(answer: object) -> str:
    if not isinstance(answer, ErrorResponse):
        return "answered"
    return "limited" if answer.kind is ErrorClass.STOP_ALL else answer.kind.name.lower()


def _unavailable_response(why: str) -> ErrorResponse:
    return ErrorResponse(kind=ErrorClass.AGAIN, status=0, message=why)


def _jitter_factor() -> float:
    return random.uniform(0.75, 1.25)  # noqa: S311 - not used for a secret
