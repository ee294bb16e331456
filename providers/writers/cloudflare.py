"""The writer kind `cloudflare`."""

from __future__ import annotations

from providers.writers.chat import ChatWriter


class CloudflareWriter(ChatWriter):
    """The writer kind `cloudflare`."""
