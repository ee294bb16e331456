"""Sends requests to Notion within the rate limit, with retries and our own errors.

This is the only importer of notion_client and httpx.  The library's own retries are
off, because they end too early on a long Retry-After and do not cover 409 and 529.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable
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

from daemon.notion.errors import NotionUnavailableError
from daemon.notion.model import Urgency
from daemon.notion.responses import (
    ErrorClass,
    ErrorResponse,
    classify_response,
    unavailable,
)
from daemon.notion.throttling import NotionRateLimiter
from providers.network import describe_certificate_error, proxy_for, trust_store

_VERSION = "2025-09-03"

_TIMEOUT = 60.0
_TRIES = 5
#: Rate limits in a row after which a request fails, so that others can be sent.
_RATE_LIMITS = 10
_FIRST_PAUSE = 1.0
_KEEPALIVE = 60.0

Request = Callable[[AsyncClient], Awaitable[Any]]


class _ResponseError(Exception):
    def __init__(self, response: ErrorResponse) -> None:
        super().__init__(response.message)
        self.response = response


class ApiError(_ResponseError):
    """An error response that a repetition would not change."""


class LostResponseError(_ResponseError):
    """The response was lost, so it is unknown whether the request took effect."""


class NotionTransport:
    """Sends requests within the rate limit.  It connects with the first request.

    Args:
        rate: Requests a second.
        on_rate_limit: Called with the seconds of each pause that Notion demands.
        on_success: Called after each response without an error.
        traffic: Counts the requests by outcome.

    Attributes:
        server_time: The time of the last response by Notion's clock.
    """

    def __init__(
        self,
        token: str,
        *,
        base_url: str,
        rate: float,
        sleep: Callable[[float], Awaitable[None]],
        monotonic: Callable[[], float],
        on_rate_limit: Callable[[float], None] = lambda _seconds: None,
        on_success: Callable[[], None] = lambda: None,
        traffic: Counter[str] | None = None,
    ) -> None:
        self.sleep = sleep
        self.monotonic = monotonic
        self.limiter = NotionRateLimiter(rate, monotonic=monotonic, sleep=sleep)
        self.server_time: datetime | None = None
        self._on_rate_limit = on_rate_limit
        self._on_success = on_success
        self._traffic = Counter() if traffic is None else traffic
        self._proxy = proxy_for(base_url)
        self._client = AsyncClient(
            auth=token,
            base_url=base_url,
            notion_version=_VERSION,
            retry=False,
            timeout_ms=int(_TIMEOUT * 1000),
            client=httpx.AsyncClient(
                verify=trust_store(),
                proxy=self._proxy,
                # It would send the passwords of a .netrc file.
                trust_env=False,
                limits=httpx.Limits(keepalive_expiry=_KEEPALIVE),
                event_hooks={"response": [self._record_server_time]},
            ),
            # The caller logs errors itself.
            logger=logging.getLogger("notion_client"),
            log_level=logging.CRITICAL,
        )

    async def close(self) -> None:
        """Close all connections."""
        await self.limiter.close()
        await self._client.aclose()

    async def send_with_retries(
        self,
        urgency: Urgency,
        request: Request,
        *,
        on_lost: Callable[[ErrorResponse], None] = lambda _response: None,
    ) -> Any:  # noqa: ANN401 - JSON
        """Send a request that may be repeated, up to five times.

        Args:
            on_lost: Called with each error after which the request is sent again.

        Raises:
            ApiError: Notion sent an error that a repetition would not change.
            NotionUnavailableError: Every attempt failed.
        """
        message = ""
        for attempt in range(_TRIES):
            if attempt:
                jitter = random.uniform(0.75, 1.25)  # noqa: S311 - not used for a secret
                await self.sleep(_FIRST_PAUSE * 2 ** (attempt - 1) * jitter)
            try:
                return await self.send_once(urgency, request)
            except LostResponseError as error:
                message = error.response.message
                on_lost(error.response)
        raise NotionUnavailableError(f"Notion is unavailable ({message})")

    async def send_once(self, urgency: Urgency, request: Request) -> Any:  # noqa: ANN401 - JSON
        """Send a request once.  It is sent again after a rate limit, up to ten times.

        Raises:
            NotionUnavailableError: Every response was a rate limit.
            ApiError: Notion sent an error that a repetition would not change.
            LostResponseError: It is unknown whether the request took effect.
        """
        for _ in range(_RATE_LIMITS):
            await self.limiter.wait_turn(urgency)
            response = await self._send_request(request)
            if not isinstance(response, ErrorResponse):
                self._traffic["answered"] += 1
                self._on_success()
                return response
            self._traffic[response.kind.value] += 1
            if response.kind is ErrorClass.UNAVAILABLE:
                raise LostResponseError(response)
            if response.kind is not ErrorClass.RATE_LIMITED:
                raise ApiError(response)
            self.limiter.pause_all(response.seconds)
            self._on_rate_limit(response.seconds)
        raise NotionUnavailableError(
            f"Notion's rate limit is still reached ({response.message})"
        )

    async def _record_server_time(self, response: httpx.Response) -> None:
        sent_at = parse_date_header(response.headers.get("date", ""))
        self.server_time = sent_at or self.server_time

    async def _send_request(self, request: Request) -> Any:  # noqa: ANN401 - JSON, or an ErrorResponse
        try:
            async with asyncio.timeout(_TIMEOUT):
                return await request(self._client)
        except HTTPResponseError as error:
            headers = {name.lower(): value for name, value in error.headers.items()}
            return classify_response(int(error.status), headers, error.body)
        except (RequestTimeoutError, TimeoutError):
            return unavailable("no response in time")
        # A proxy may answer with status 200 and a body that is not JSON.
        except (json.JSONDecodeError, UnicodeDecodeError):
            return unavailable("the response is not JSON")
        except InvalidPathParameterError as error:
            return ErrorResponse(
                kind=ErrorClass.REFUSED, status=400, message=str(error)[:200]
            )
        except httpx.HTTPError as error:
            return unavailable(_describe_error(error, self._proxy))


def _describe_error(error: httpx.HTTPError, proxy: str | None) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            why = describe_certificate_error(cause, datetime.now(UTC))
            return f"cannot be reached: {why}"
        cause = cause.__cause__ or cause.__context__
    # With a proxy, no connection is made to any other address.
    if isinstance(error, httpx.ProxyError | httpx.ConnectError) and proxy:
        return "no connection through the proxy in HTTPS_PROXY"
    kind = type(error).__name__
    return f"no connection, {kind}; is this machine online?"


def parse_date_header(header: str) -> datetime | None:
    """Return the time of a Date header (RFC 9110, 6.6.1), None if it has none."""
    try:
        sent_at = parsedate_to_datetime(header)
    except (ValueError, OverflowError):
        return None
    return sent_at.astimezone(UTC) if sent_at.tzinfo else None
