"""The writer kind `openai`."""

from __future__ import annotations

from providers.writers.chat import ChatWriter


class OpenAiWriter(ChatWriter):
    """The writer kind `openai`."""
