"""The writer kind `openai`: any server with OpenAI's chat completions.

Ollama (`http://host:11434/v1`), llama.cpp's server, LocalAI, LM Studio and vLLM speak
it, as do OpenAI and most hosted services.  A server of one's own without a configured
model is asked for its list, and the first chat model of it is used.  A hosted service
needs a model, whose price is read from the list if it has prices.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar
from urllib.parse import urlsplit

from providers.base import JsonValue, ProviderSettings
from providers.openai import OpenAi
from providers.outcomes import ModelLoadingError
from providers.responses import ErrorRule
from providers.url_checks import is_public
from providers.writers.base import TokenPrice, WriterTraits, price_in_list
from providers.writers.chat import PromptWriter

#: OpenAI's pages of the models (September to November 2026).  gpt-6-luna is what
#: OpenAI recommends for high volume; it needs no reasoning here.
_LUNA = "gpt-6-luna"
_SOURCE = "OpenAI's price per token"
_FREE = TokenPrice(0.0, 0.0, "your own server")
#: Parts of names of models that do not chat.
_NOT_CHAT = (
    *("embed", "bge-", "rerank", "whisper", "tts", "bark", "piper", "clip", "guard"),
    *("flux", "diffusion", "sdxl", "sd-", "z-image", "dall-e", "moderation", "base"),
)
#: Ends of host names that only a local network knows.
_LOCAL_NAMES = (".local", ".lan", ".home", ".internal", ".home.arpa", ".localhost")


class OpenAiWriter(PromptWriter):
    """The writer kind `openai`."""

    defaults: ClassVar[WriterTraits] = WriterTraits(
        label="OpenAI",
        kind="openai",
        price_source=_SOURCE,
        base_url="https://api.openai.com",
    )
    version_path = "/v1"
    default_model = _LUNA
    error_rules = (
        # llama.cpp's server, while it reads the model from disk.
        ErrorRule(ModelLoadingError, status=503, text="loading model"),
        *OpenAi.error_rules,
    )
    token_check_path = model_list_path = "/v1/models"  # noqa: S105 - a path
    token_prices: ClassVar = {
        _LUNA: TokenPrice(0.10, 0.50, _SOURCE),
        "gpt-5.6-luna": TokenPrice(0.20, 1.20, _SOURCE),
    }

    def __init__(self, settings: ProviderSettings) -> None:
        # The first chat model of the owner's server.
        self._listed_model = ""
        super().__init__(settings)
        if not self._is_openai:
            self._use_other_server()

    @property
    def _is_openai(self) -> bool:
        return _host_of(self.traits.base_url) == _host_of(self.defaults.base_url)

    def _use_other_server(self) -> None:
        host = _host_of(self.traits.base_url)
        is_own = is_local_host(host)
        label = self._settings.label or ("Your own server" if is_own else host)
        self.traits = replace(self.traits, label=label, is_own_server=is_own)
        if is_own:
            self._set_price(_FREE)

    @property
    def model(self) -> str:
        """The configured model, else OpenAI's default or the server's first one."""
        if self._settings.model is not None or self._is_openai:
            return super().model
        return self._listed_model

    @property
    def _needs_model_list(self) -> bool:
        has_choice = self.traits.is_own_server and self._settings.model is None
        return has_choice or not (self.traits.is_own_server or self._is_openai)

    def _choose_model(self, entries: Sequence[Mapping[str, object]]) -> None:
        """Choose a model of the owner's server, or read the price of the model."""
        names = [str(entry.get("id") or "") for entry in entries]
        if self.traits.is_own_server:
            chat = [name for name in names if name and not _is_other_kind(name)]
            self._listed_model = next(iter(chat or names), "")
        elif self.model in names:
            entry = entries[names.index(self.model)]
            price = price_in_list(entry, f"the price in {self.traits.label}'s list")
            self._set_price(price or self._assumed_price)

    def _reasoning(self) -> dict[str, JsonValue]:
        if self._is_openai and self.model.startswith(("gpt-5", "gpt-6")):
            return {"reasoning_effort": "none"}
        if not self.traits.is_own_server or "gpt-oss" in self.model:
            return super()._reasoning()
        # Ollama reads the first; llama.cpp and vLLM read the second.
        return {
            "reasoning_effort": "none",
            "chat_template_kwargs": {"enable_thinking": False},
        }


def _host_of(url: str) -> str:
    return urlsplit(url).hostname or ""


def _is_other_kind(name: str) -> bool:
    return any(part in name.casefold() for part in _NOT_CHAT)


def is_local_host(host: str) -> bool:
    """Return True if *host* is on the owner's network, by its name or address."""
    host = host.casefold()
    is_address = ":" in host or host.replace(".", "").isdigit()
    if is_address:
        return not is_public(host)
    return "." not in host or host.endswith(_LOCAL_NAMES)
