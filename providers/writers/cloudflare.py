"""The writer kind `cloudflare`: Workers AI's chat models, with the account's neurons.

Protocol: Cloudflare's pages "OpenAI compatible API endpoints" and "JSON mode".
"""

from __future__ import annotations

from typing import ClassVar

from providers.base import JsonValue
from providers.cloudflare import Cloudflare, CloudflareAccount
from providers.outcomes import BadRequestError
from providers.responses import ErrorRule
from providers.writers.base import TokenPrice, WriterTraits
from providers.writers.chat import PromptWriter
from providers.writers.instructions import ANSWER_SCHEMA

#: The only model whose post costs less than 4 % of an image: some 2.2 neurons of the
#: 10,000 that are free every day, where an image takes 58.  Llama 3.1 8B takes 6.9.
_MODEL = "@cf/ibm-granite/granite-4.0-h-micro"
_SOURCE = "Cloudflare's price per token"
#: The models that the page "JSON mode" lists (2026).
_JSON_MODELS = frozenset(
    {
        "@cf/meta/llama-3.3-70b-instruct-fp8-fast",
        "@cf/meta/llama-3.1-8b-instruct",
        "@cf/meta/llama-3-8b-instruct",
    }
)


class CloudflareWriter(PromptWriter, CloudflareAccount):
    """The writer kind `cloudflare`."""

    defaults: ClassVar[WriterTraits] = WriterTraits(
        label="Cloudflare",
        kind="cloudflare",
        price_source=_SOURCE,
        base_url=Cloudflare.defaults.base_url,
        included=Cloudflare.defaults.included,
        included_per=Cloudflare.defaults.included_per,
        credits_reset=Cloudflare.defaults.credits_reset,
    )
    default_model = _MODEL
    #: The page "pricing" of 28 August 2026.
    token_prices: ClassVar = {
        _MODEL: TokenPrice(0.017, 0.112, _SOURCE),
        "@cf/meta/llama-3.1-8b-instruct-fp8-fast": TokenPrice(0.045, 0.384, _SOURCE),
        "@cf/qwen/qwen3-30b-a3b-fp8": TokenPrice(0.051, 0.335, _SOURCE),
        "@cf/google/gemma-4-26b-a4b-it": TokenPrice(0.100, 0.300, _SOURCE),
        "@cf/meta/llama-4-scout-17b-16e-instruct": TokenPrice(0.270, 0.850, _SOURCE),
        "@cf/mistralai/mistral-small-3.1-24b-instruct": TokenPrice(
            0.351, 0.555, _SOURCE
        ),
        "@cf/meta/llama-3.3-70b-instruct-fp8-fast": TokenPrice(0.293, 2.253, _SOURCE),
    }
    error_rules = (
        ErrorRule(BadRequestError, text="json mode couldn"),
        *Cloudflare.error_rules,
    )

    @property
    def _chat_path(self) -> str:
        return f"{self._account_path}/ai/v1/chat/completions"

    def _response_format(self) -> JsonValue:
        if self.model not in _JSON_MODELS:
            return None
        # Here the schema is the value itself.
        return {"type": "json_schema", "json_schema": ANSWER_SCHEMA}
