"""The wire to Notion: one client, one budget, patience, and errors of our own.

The only importer of notion_client and httpx.  The library's own retries are off:
they stop too early on long Retry-After, and know neither 409 nor 529.
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

from daemon.notion.answers import Answer, Kind, classify
from daemon.notion.errors import AwayError
from daemon.notion.limiter import Limiter
from daemon.notion.model import Urgency

VERSION = "2025-09-03"

# httpcore asks for it at every request, several times, and each time Python looks
# for it in every folder of sys.path: known to be missing, it is missing at once.
if importlib.util.find_spec("sniffio") is None:
    sys.modules.setdefault("sniffio", None)  # type: ignore[arg-type]  # as documented

_TIMEOUT = 60.0
_TRIES = 5
#: A request that is told to slow down so often in a row gives the others their turn.
_LIMITED = 10
_FIRST_PAUSE = 1.0
_KEPT_OPEN = 60.0

Request = Callable[[AsyncClient], Awaitable[Any]]


class AnswerError(Exception):
    """An answer that asking again would not change."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.message)
        self.answer = answer


class LostError(Exception):
    """The answer of a request that must not simply be repeated was lost."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.message)
        self.answer = answer


def _nothing_lost(answer: Answer) -> None:
    """What is to be done about a lost answer, unless somebody says so."""


def _nothing() -> None:
    """What is to be done about an answer, unless somebody says so."""


@dataclass(slots=True)
class Wire:
    """Sends requests within the budget.

    Attributes:
        limited: Told when Notion says stop: for how many seconds.
        answered: Told when Notion answers without that.
        traffic: Requests by how they ended.
        told_time: By Notion's clock, when it last answered.
    """

    client: AsyncClient
    limiter: Limiter
    sleep: Callable[[float], Awaitable[None]]
    limited: Callable[[float], None]
    answered: Callable[[], None] = _nothing
    monotonic: Callable[[], float] = time.monotonic
    traffic: Counter[str] = field(default_factory=Counter)
    told_time: datetime | None = None

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
        answered: Callable[[], None] = _nothing,
        traffic: Counter[str] | None = None,
    ) -> Wire:
        """Return a wire; nothing is sent before the first request."""
        limits = httpx.Limits(keepalive_expiry=_KEPT_OPEN)
        http = httpx.AsyncClient(limits=limits, trust_env=True)
        client = AsyncClient(
            auth=token,
            base_url=base_url,
            notion_version=VERSION,
            retry=False,
            timeout_ms=int(_TIMEOUT * 1000),
            client=http,
            # What the library would say, we say once.
            logger=logging.getLogger("notion_client"),
            log_level=logging.CRITICAL,
        )
        limiter = Limiter(rate, monotonic=monotonic, sleep=sleep)
        wire = cls(
            client=client,
            limiter=limiter,
            sleep=sleep,
            limited=limited,
            answered=answered,
            monotonic=monotonic,
            traffic=Counter() if traffic is None else traffic,
        )
        http.event_hooks = {"response": [wire._look_at_clock]}
        return wire

    async def close(self) -> None:
        """Close all connections."""
        await self.limiter.close()
        await self.client.aclose()

    async def ask(
        self,
        urgency: Urgency,
        request: Request,
        *,
        lost: Callable[[Answer], None] = _nothing_lost,
    ) -> Any:  # noqa: ANN401 - JSON
        """Send a request that may be repeated, as often as is sensible.

        Args:
            lost: Told of an answer after which the request is sent again.

        Raises:
            AnswerError: An answer that repeating would not change.
            AwayError: Notion stayed away.
        """
        answer = Answer(kind=Kind.AGAIN, status=0, message="")
        for tried in range(_TRIES):
            if tried:
                await self.sleep(_FIRST_PAUSE * 2 ** (tried - 1) * _jitter())
            try:
                return await self.once(urgency, request)
            except LostError as error:
                answer = error.answer
                lost(answer)
        raise AwayError(f"Notion is away: {answer.message}")

    async def once(self, urgency: Urgency, request: Request) -> Any:  # noqa: ANN401 - JSON
        """Send a request once; being told to slow down a few times does not count.

        Raises:
            AwayError: Nothing but being told to slow down.
            AnswerError: An answer that repeating would not change.
            LostError: Anything that leaves open whether it was carried out.
        """
        for _ in range(_LIMITED):
            await self.limiter.turn(urgency)
            answer = await self._send(request)
            self.traffic[_ended(answer)] += 1
            if not isinstance(answer, Answer):
                self.answered()
                return answer
            if answer.kind is Kind.AGAIN:
                raise LostError(answer)
            if answer.kind is not Kind.STOP_ALL:
                raise AnswerError(answer)
            self.limiter.stop(answer.seconds)
            self.limited(answer.seconds)
        raise AwayError(f"Notion limits this request for too long: {answer.message}")

    async def _look_at_clock(self, response: httpx.Response) -> None:
        self.told_time = date_of(response.headers.get("date", "")) or self.told_time

    async def _send(self, request: Request) -> Any:  # noqa: ANN401 - JSON, or an Answer
        try:
            async with asyncio.timeout(_TIMEOUT):
                return await request(self.client)
        except HTTPResponseError as error:
            headers = {name.lower(): value for name, value in error.headers.items()}
            return classify(int(error.status), headers, error.body)
        except (RequestTimeoutError, TimeoutError):
            return _away("no answer in time")
        # A 200 that is not JSON: something between us and Notion.
        except (json.JSONDecodeError, UnicodeDecodeError):
            return _away("an answer that is not JSON")
        except InvalidPathParameterError as error:
            return Answer(kind=Kind.REFUSED, status=400, message=str(error)[:200])
        except httpx.HTTPError as error:
            kind = type(error).__name__
            return _away(f"cannot be reached ({kind}): is this machine online?")


def date_of(header: str) -> datetime | None:
    """Return the time in a Date header (RFC 9110, 6.6.1); None: there is none."""
    try:
        found = parsedate_to_datetime(header)
    except (ValueError, OverflowError):
        return None
    return found.astimezone(UTC) if found.tzinfo else None


def _ended(answer: object) -> str:
    if not isinstance(answer, Answer):
        return "answered"
    return "limited" if answer.kind is Kind.STOP_ALL else answer.kind.name.lower()


def _away(why: str) -> Answer:
    return Answer(kind=Kind.AGAIN, status=0, message=why)


def _jitter() -> float:
    return random.uniform(0.75, 1.25)  # noqa: S311 - spreads requests, keeps no secret
