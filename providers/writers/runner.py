"""Sends a post to a prompt writer: one call, and one repair of an unusable answer."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from providers import charges
from providers.base import Response
from providers.outcomes import (
    InvalidImageError,
    ProviderError,
    TimedOutError,
    UnavailableError,
)
from providers.runner import ProviderRunner
from providers.writers.base import (
    InvalidTextError,
    Reply,
    TokenUsage,
    WritingTask,
    WrittenPrompt,
)
from providers.writers.chat import PromptWriter

#: The first try and the repair.
_TRIES = 2
#: Parameters and routes that a service may refuse.
_MAX_ADAPTATIONS = 5
#: How long a list of models is waited for.
_LIST_SECONDS = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WritingResult:
    """A prompt and what it cost.

    Attributes:
        cost: US dollars, the repair included.
        usage: Tokens, the repair included.
        model: The model that was asked, with its route.
    """

    written: WrittenPrompt
    cost: float
    usage: TokenUsage
    model: str


async def write_prompt(
    writer: PromptWriter, task: WritingTask, runner: ProviderRunner, *, now: datetime
) -> WritingResult:
    """Return the prompt for a post, within the writer's timeout.

    Args:
        runner: Sends the requests, and has the clock of the deadline.

    Raises:
        ProviderError: There is no usable answer.  Its `price` is what was spent in US
            dollars, whatever its outcome: a repair may be refused after an answer
            that was paid for.
    """
    session = _Session(writer, task, runner)
    try:
        await prepare_writer(writer, runner, now=now)
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
        usage=session.usage,
        model=writer.model,
    )


async def prepare_writer(
    writer: PromptWriter, runner: ProviderRunner, *, now: datetime
) -> None:
    """Let a writer choose its model and price by the service's list, once a day.

    To be called before the money is reserved.  It is free, takes up to 4 seconds, and
    fails never: without a list the writer asks its default model.
    """
    if (call := writer.model_list_call(now)) is None:
        return
    response = None
    with suppress(ProviderError):
        response = await runner.send_once(call, writer.traits, _LIST_SECONDS)
    writer.read_model_list(response, now)


class _Session:
    """One task's calls, their deadline and their cost."""

    def __init__(
        self, writer: PromptWriter, task: WritingTask, runner: ProviderRunner
    ) -> None:
        self._writer, self._task, self._runner = writer, task, runner
        self._reserved = writer.reserved_price(task)
        self._deadline = runner.monotonic() + writer.traits.timeout
        self.usage = TokenUsage()
        #: US dollars.
        self.spent = 0.0

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
        """Send the task; again in another way if the service refused for nothing."""
        for _ in range(_MAX_ADAPTATIONS):
            try:
                return await self._charge(rejected)
            except ProviderError as error:
                is_free = error.outcome in charges.FREE
                if not is_free or not self._writer.adapt_to(error):
                    raise
        return await self._charge(rejected)

    async def _charge(self, rejected: Reply | None) -> Reply:
        """Send one call, and count its price."""
        call = self._writer.build_call(self._task, rejected)
        # What another route may cost, after the writer has adapted.
        if self._writer.reserved_price(self._task) > self._reserved:
            raise UnavailableError("costs more than was reserved for it")
        if (left := self._deadline - self._runner.monotonic()) <= 0:
            raise TimedOutError("no prompt in time")
        response: Response | None = None
        try:
            response = await self._runner.send_once(call, self._writer.traits, left)
            reply = self._writer.read_reply(response, self._task)
        except ProviderError as error:
            was_done = response is not None and charges.was_done(response)
            if error.outcome in charges.FREE and not was_done:
                raise
            # It may have cost all that is reserved for it.
            self.spent = self._writer.reserved_price(self._task)
            if isinstance(error, InvalidImageError | UnavailableError):
                raise InvalidTextError(str(error), status=error.status) from error
            raise
        self.usage += reply.usage
        # The tokens are the service's own count; it was told where to end.
        most = self._writer.reserved_price(self._task)
        self.spent = min(most, self._writer.cost_of(self.usage))
        return reply
