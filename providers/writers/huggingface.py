"""The writer kind `huggingface`."""

from __future__ import annotations

from providers.writers.chat import ChatWriter


class HuggingFaceWriter(ChatWriter):
    """The writer kind `huggingface`."""
