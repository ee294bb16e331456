"""Prompt writers: language models that turn a post into an image prompt.

`KINDS` is the registry, in the order of preference of `use = "auto"` while prices are
equal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from providers import ProviderType
from providers.base import ProviderSettings
from providers.writers.chat import PromptWriter
from providers.writers.cloudflare import CloudflareWriter
from providers.writers.huggingface import HuggingFaceWriter
from providers.writers.openai import OpenAiWriter


@dataclass(frozen=True, slots=True, kw_only=True)
class WriterType(ProviderType):
    """One kind of prompt writer, whose token may also be in WRITER_TOKEN."""

    build: Callable[[ProviderSettings], PromptWriter]


#: Every kind of prompt writer.
KINDS: Mapping[str, WriterType] = {
    # A server of one's own needs no token.
    "openai": WriterType(
        build=OpenAiWriter,
        token_variables=("OPENAI_API_KEY",),
        required_settings=("base_url",),
    ),
    "cloudflare": WriterType(
        build=CloudflareWriter,
        token_variables=("CLOUDFLARE_API_TOKEN",),
        account_variable="CLOUDFLARE_ACCOUNT_ID",
        required_settings=("token", "account"),
    ),
    "huggingface": WriterType(
        build=HuggingFaceWriter, token_variables=("HUGGINGFACE_TOKEN", "HF_TOKEN")
    ),
}


def build_writer(settings: ProviderSettings) -> PromptWriter:
    """Return the writer that `[writer]` describes.

    `settings.name` names its breaker and its attempts; `settings.price` is the price
    of one post in US dollars, the repair included, whatever its tokens.

    Raises:
        KeyError: The kind is unknown.  The configuration rejects it.
    """
    return KINDS[settings.kind].build(settings)
