"""Prompt writers, all of which speak OpenAI's chat completions.  Pure.

Like an image service, a writer builds requests and reads responses; it does not send,
sleep, retry or log.  `writers.runner.write_prompt` sends.

Protocol: https://platform.openai.com/docs/api-reference/chat.  Servers differ in the
parameters that they accept; what one refuses is left out from then on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, ClassVar

from providers.base import HttpCall, JsonValue, ProviderSettings, Response
from providers.model_list import list_entries
from providers.outcomes import (
    BadRequestError,
    PromptRefusedError,
    ProviderError,
    UnavailableError,
)
from providers.provider import Provider, raise_no_image
from providers.request_fitting import flat_price
from providers.responses import parse_object, sanitize_text
from providers.writers.answer import UnusableAnswerError, read_answer
from providers.writers.base import (
    Reply,
    TokenPrice,
    TokenUsage,
    WriterTraits,
    WritingTask,
)
from providers.writers.instructions import ANSWER_SCHEMA, build_messages

#: An answer has up to 350 tokens, twice that in scripts of three bytes a letter.
_MAX_TOKENS = 800
#: After an answer that was cut off, as those of models that think aloud first.
_MAX_TOKENS_AFTER_CUT = 2400
_TEMPERATURE = 0.7
#: Tokens of a post of usual length, with the system prompt, and of its answer.
USUAL = TokenUsage(750, 110)
#: How long a list of models counts, and when it is asked for after a failure.
_DAY, _LIST_RETRY = timedelta(days=1), timedelta(minutes=10)
#: A token has some four bytes in English, and hardly fewer than two in any script.
_BYTES_PER_TOKEN, _LEAST_BYTES_PER_TOKEN = 3, 2
#: A larger number of tokens is not one; it costs all that was reserved.
_MOST_TOKENS = 10**9
#: More than most models cost.
_UNKNOWN_PRICE = TokenPrice(
    1.5, 5.0, "assumed for this model: set `writer.price` to the price of a post"
)
_CUT_OFF = "it is cut off: be shorter"
#: Words of refusals of a parameter, and the parameter.
_REFUSED_WORDS = {
    "response_format": "response_format",
    "json_schema": "response_format",
    "json mode": "response_format",
    "structured output": "response_format",
    "max_tokens": "max_tokens",
    "temperature": "temperature",
    "chat_template": "chat_template_kwargs",
    "reasoning": "reasoning_effort",
    "think": "reasoning_effort",
}


class PromptWriter(Provider):
    """Asks a chat model for `{"prompt", "headline", "alt"}`, and reads its answers.

    The free calls of image services (checks of token, model and health, usage of the
    account) are there, too.  `model` is the model that is requested.

    Attributes:
        token_prices: Prices by model.
    """

    traits: WriterTraits
    token_prices: ClassVar[Mapping[str, TokenPrice]] = {}

    def __init__(self, settings: ProviderSettings) -> None:
        super().__init__(settings)
        # Parameters that the service has refused.
        self._refused: set[str] = set()
        # When the list of models is read again.
        self._next_list: datetime | None = None
        self._set_price(self._assumed_price)

    def _set_price(self, price: TokenPrice) -> None:
        """Set the price of the model, unless the owner has set one of a post."""
        post, source = self._settings.price, "configuration"
        if post is None:
            post, source = price.cost_of(USUAL), price.source
        self.traits = replace(
            self.traits, price=flat_price(post), price_source=source, token_price=price
        )

    @property
    def _assumed_price(self) -> TokenPrice:
        """The price of the model while no list says it."""
        return self.token_prices.get(self.model, _UNKNOWN_PRICE)

    @property
    def _dearest_price(self) -> TokenPrice:
        """The price of the dearest route that a call may use."""
        return self.traits.token_price

    @property
    def _chat_path(self) -> str:
        return "/v1/chat/completions"

    @property
    def _needs_model_list(self) -> bool:
        """Whether the model or its price is chosen by the service's list."""
        return False

    def _choose_model(self, entries: Sequence[Mapping[str, object]]) -> None:
        """Choose the model by the entries of the service's list."""

    def model_list_call(self, now: datetime) -> HttpCall | None:
        """Return the free request for the list of models, once a day, or None.

        Its response, or None if there was none, goes to `read_model_list`.
        """
        is_read = self._next_list is not None and now < self._next_list
        if is_read or not self._needs_model_list:
            return None
        return self._api_call("/v1/models")

    def read_model_list(self, response: Response | None, now: datetime) -> None:
        """Choose the model and its price by the service's list, for a day."""
        entries = None
        if response is not None:
            with suppress(ProviderError):
                self.raise_for_error(response)
                entries = list_entries(response)
        self._next_list = now + (_LIST_RETRY if entries is None else _DAY)
        if entries is not None:
            self._choose_model(entries)

    def build_call(self, task: WritingTask, rejected: Reply | None = None) -> HttpCall:
        """Return the request for a prompt; it may be charged.

        Args:
            rejected: The unusable answer to the same task, which is to be repaired.

        Raises:
            BadRequestError: A service with many models needs a configured one.
        """
        if not self.model and not self.traits.is_own_server:
            # One of its models would be chosen at any price.
            raise BadRequestError("writer.model is not set")
        is_cut = rejected is not None and rejected.problem == _CUT_OFF
        model: dict[str, JsonValue] = {"model": self.model} if self.model else {}
        body: dict[str, JsonValue] = {
            **model,
            "messages": build_messages(task, rejected),
            **self._sent_parameters(_MAX_TOKENS_AFTER_CUT if is_cut else _MAX_TOKENS),
        }
        return self._image_call(self._chat_path, body, raise_no_image)

    def _sent_parameters(self, max_tokens: int = _MAX_TOKENS) -> dict[str, JsonValue]:
        """Return the parameters that the service has not refused."""
        parameters: dict[str, JsonValue] = {
            "temperature": _TEMPERATURE,
            "max_tokens": max_tokens,
            "response_format": self._response_format(),
            **self._reasoning(),
        }
        # Newer models of OpenAI's have another name for it.
        if "max_tokens" in self._refused:
            parameters["max_completion_tokens"] = max_tokens
        return {
            name: value
            for name, value in parameters.items()
            if value is not None and name not in self._refused
        }

    def _response_format(self) -> JsonValue:
        """Return the parameter that enforces the schema, or None."""
        return {
            "type": "json_schema",
            "json_schema": {"name": "picture", "strict": True, "schema": ANSWER_SCHEMA},
        }

    def _reasoning(self) -> dict[str, JsonValue]:
        """Return the parameters that keep a reasoning model from thinking first."""
        return {"reasoning_effort": "low"} if "gpt-oss" in self.model else {}

    def read_reply(self, response: Response, task: WritingTask) -> Reply:
        """Return the answer in a response.

        Raises:
            ProviderError: The response is an error of the service.
        """
        self.raise_for_error(response)
        data = parse_object(response)
        # Cloudflare's own envelope.
        data = result if isinstance(result := data.get("result"), dict) else data
        choice = _first_choice(data)
        if choice is None:
            text = "answered without a message"
            raise UnavailableError(text, status=response.status)
        message, finish = choice
        if message.get("refusal") or finish == "content_filter":
            refusal = sanitize_text(str(message.get("refusal") or "content filter"))
            raise PromptRefusedError(refusal, status=response.status)
        text = _text_of(message.get("content"))
        usage = _usage_in(data, self._input_bytes(task), text)
        try:
            written = read_answer(text, f"{task.title}\n{task.post}")
        except UnusableAnswerError as error:
            problem = _CUT_OFF if finish == "length" else str(error)
            return Reply(written=None, problem=problem, text=text, usage=usage)
        return Reply(written=written, text=text, usage=usage)

    def adapt_to(self, error: ProviderError) -> bool:
        """Return whether `build_call` now asks in another way that may work.

        Without what the service refused, or by another route.  Nothing was charged
        for the call that ended in *error*.
        """
        if not isinstance(error, BadRequestError):
            return False
        words = str(error).casefold()
        named = [name for word, name in _REFUSED_WORDS.items() if word in words]
        # An unnamed one is the schema, which most servers lack.
        for name in (*named, "response_format"):
            if name in self._sent_parameters():
                self._refused.add(name)
                return True
        return False

    def reserved_price(self, task: WritingTask) -> float:
        """Return the most that *task* can cost in US dollars, the repair included."""
        if self._settings.price is not None:
            return self._settings.price
        tokens = self._input_bytes(task) // _LEAST_BYTES_PER_TOKEN
        first = TokenUsage(tokens, _MAX_TOKENS)
        repair = TokenUsage(tokens + 2 * _MAX_TOKENS, _MAX_TOKENS_AFTER_CUT)
        return self._dearest_price.cost_of(first + repair)

    def cost_of(self, usage: TokenUsage) -> float:
        """Return the price of *usage* in US dollars."""
        if self._settings.price is not None:
            return self._settings.price
        return self.traits.token_price.cost_of(usage)

    def _input_bytes(self, task: WritingTask) -> int:
        messages = build_messages(task, None)
        return len(json.dumps(messages, ensure_ascii=False).encode(errors="replace"))


def _first_choice(data: Mapping[str, Any]) -> tuple[Mapping[str, Any], object] | None:
    """Return the message of the first choice and why it ended."""
    choices = data.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        return None
    message = choices[0].get("message")
    if not isinstance(message, dict):
        return None
    return message, choices[0].get("finish_reason")


def _text_of(content: object) -> str:
    """Return the text of a message: a string, parts of one, or the object itself."""
    if isinstance(content, str):
        return content
    if isinstance(content, dict):
        return json.dumps(content, ensure_ascii=False)
    parts = content if isinstance(content, list) else []
    texts = [part.get("text") for part in parts if isinstance(part, dict)]
    return "".join(text for text in texts if isinstance(text, str))


def _usage_in(data: Mapping[str, Any], input_bytes: int, text: str) -> TokenUsage:
    """Return the tokens that a response names, or an estimate of each."""
    usage = data.get("usage")
    named = usage if isinstance(usage, dict) else {}
    counts = (named.get("prompt_tokens"), named.get("completion_tokens"))
    sizes = (input_bytes, len(text.encode(errors="replace")))
    tokens = (
        min(count, _MOST_TOKENS)
        if type(count) is int and count >= 0
        else size // _BYTES_PER_TOKEN + 1
        for count, size in zip(counts, sizes, strict=True)
    )
    return TokenUsage(*tokens)
