"""Nothing secret leaves the process: known values and what looks like a token."""

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
        # The longest first, so that one inside another leaves nothing.
        known = sorted({one for one in secrets if len(one) >= _SHORTEST}, key=len)
        self._known = [re.escape(one) for one in reversed(known)]
        self._pattern = re.compile("|".join(self._known)) if self._known else None

    def __call__(self, text: str) -> str:
        """Return *text* without anything secret."""
        if self._pattern is not None:
            text = self._pattern.sub("[secret]", text)
        return _SHAPES.sub("[secret]", text)
