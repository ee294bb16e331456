"""Removes known secrets, and texts that look like tokens, from log lines."""

from __future__ import annotations

import re
from collections.abc import Iterable

_SHAPES = re.compile(
    r"\b(?:hf|ntn|secret|r8|sk|pk|rpa)_[A-Za-z0-9]{8,}|\bsk-[A-Za-z0-9-]{8,}"
    r"|(?<=Bearer )[A-Za-z0-9._~+/=-]{6,}"
)
_SHORTEST = 6


class Redactor:
    """Replaces secrets in text; never shows them in its own repr."""

    def __init__(self, secrets: Iterable[str]) -> None:
        # The longest first, so that a secret which contains another is removed whole.
        known = {secret for secret in secrets if len(secret) >= _SHORTEST}
        escaped = [re.escape(secret) for secret in sorted(known, key=len, reverse=True)]
        self._pattern = re.compile("|".join(escaped)) if escaped else None

    def __call__(self, text: str) -> str:
        """Return *text* with each secret replaced by "[secret]"."""
        if self._pattern is not None:
            text = self._pattern.sub("[secret]", text)
        return _SHAPES.sub("[secret]", text)
