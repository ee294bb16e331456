"""Sends a post to a prompt writer: one call, and one repair of an unusable answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from providers import charges
from providers.base import HttpCall, Response
from providers.outcomes import (
    BadRequestError,
    InvalidImageError,
    ProviderError,
    TimedOutError,
)
from providers.runner import ProviderRunner
from providers.writers.base import (
    InvalidTextError,
    PromptWriter,
    Reply,
    TokenUsage,
    WritingTask,
    WrittenPrompt,
)

#: The first try and the repair.
_TRIES = 2
#: How long a list of models is waited for.
_LIST_SECONDS = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WritingResult:
    """A prompt and what it cost.

    Attributes:
        cost: US dollars, the repair included.
        model: The model that was asked, with its route.
    """

    written: WrittenPrompt
    cost: float
    input_tokens: int
    output_tokens: int
    model: str


async def write_prompt(
    writer: PromptWriter,
    task: WritingTask,
    runner: ProviderRunner,
    *,
    now: datetime,
    monotonic: Callable[[], float] = time.monotonic,
) -> WritingResult:
    """Return the prompt for a post, within the writer's timeout.

    Args:
        runner: Sends the requests.
        monotonic: The clock of the deadline, in seconds.

    Raises:
        ProviderError: There is no usable answer.  Its `price` is what was spent in US
            dollars, whatever its outcome: a repair may be refused after an answer
            that was paid for.
    """
    session = _Session(writer, task, runner, monotonic)
    try:
        await session.choose_model(now)
        reply = await session.ask()
    except ProviderError as error:
        error.price = session.spent
        raise
    if reply.written is None:
        unusable = InvalidTextError(f"no usable answer: {reply.problem}")
        unusable.price = session.spent
        raise unusable
    return WritingResult(
        written=reply.written,
        cost=session.spent,
        input_tokens=session.usage.input_tokens,
        output_tokens=session.usage.output_tokens,
        model=writer.model,
    )


class _Session:
    """One task's calls, their deadline and their cost."""

    def __init__(
        self,
        writer: PromptWriter,
        task: WritingTask,
        runner: ProviderRunner,
        monotonic: Callable[[], float],
    ) -> None:
        self._writer, self._task, self._runner = writer, task, runner
        self._monotonic = monotonic
        self._deadline = monotonic() + writer.traits.timeout
        self.usage = TokenUsage()
        #: US dollars.
        self.spent = 0.0

    async def choose_model(self, now: datetime) -> None:
        """Let the writer choose its model by the service's list, if it wants to."""
        if (call := self._writer.model_list_call(now)) is None:
            return
        response = None
        with suppress(ProviderError):
            response = await self._send(call, _LIST_SECONDS)
        self._writer.read_model_list(response, now)

    async def ask(self) -> Reply:
        """Return the answer, or that of the repair."""
        reply: Reply | None = None
        for _ in range(_TRIES):
            reply = await self._ask_once(reply)
            if reply.written is not None:
                break
        assert reply is not None  # noqa: S101 - there is at least one try
        return reply

    async def _ask_once(self, rejected: Reply | None) -> Reply:
        """Send the task, simplified as often as the service refuses a parameter."""
        while True:
            call = self._writer.build_call(self._task, rejected)
            try:
                return await self._charge(call)
            except BadRequestError as error:
                if not self._writer.simplify(error):
                    raise

    async def _charge(self, call: HttpCall) -> Reply:
        try:
            response = await self._send(call)
            reply = self._writer.read_reply(response, self._task)
        except ProviderError as error:
            # It is counted in full, unless the service refused it.
            if error.outcome not in charges.FREE:
                self.spent += self._writer.reserved_price(self._task) / _TRIES
            if isinstance(error, InvalidImageError):
                raise InvalidTextError(str(error), status=error.status) from error
            raise
        self.usage += reply.usage
        self.spent = self._writer.cost_of(self.usage)
        return reply

    async def _send(self, call: HttpCall, most: float | None = None) -> Response:
        left = self._deadline - self._monotonic()
        if left <= 0:
            raise TimedOutError("no prompt in time")
        seconds = left if most is None else min(left, most)
        return await self._runner.send_once(call, self._writer.traits, seconds)
