"""Prompt writers that speak OpenAI's chat completions.  Pure."""

from __future__ import annotations

from providers.base import HttpCall, Response
from providers.outcomes import BadRequestError
from providers.writers.base import PromptWriter, Reply, TokenUsage, WritingTask


class ChatWriter(PromptWriter):
    """Asks a chat model for `{"prompt", "headline", "alt"}`."""

    def build_call(self, task: WritingTask, rejected: Reply | None = None) -> HttpCall:
        """Return the request for a prompt; it may be charged."""
        raise NotImplementedError

    def read_reply(self, response: Response, task: WritingTask) -> Reply:
        """Return the answer in a response."""
        raise NotImplementedError

    def simplify(self, error: BadRequestError) -> bool:
        """Return whether `build_call` now leaves out what the service refused."""
        raise NotImplementedError

    def reserved_price(self, task: WritingTask) -> float:
        """Return the most that *task* can cost in US dollars, the repair included."""
        raise NotImplementedError

    def cost_of(self, usage: TokenUsage) -> float:
        """Return the price of *usage* in US dollars."""
        raise NotImplementedError
