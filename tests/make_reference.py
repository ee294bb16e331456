"""Writes "Every setting" in `docs/configuration.md` anew: `make reference`."""

from __future__ import annotations

import re
from pathlib import Path

from daemon import config

PAGE = Path(__file__).resolve().parent.parent / "docs" / "configuration.md"


def render_reference(page: str) -> str:
    """Return the page with the example configuration of today in it."""
    head, title, rest = page.partition("## Every setting")
    block = f"```toml\n{config.example_text()}```"
    written = re.sub(
        r"```toml\n.*?```", lambda _: block, rest, count=1, flags=re.DOTALL
    )
    return head + title + written


if __name__ == "__main__":
    PAGE.write_text(render_reference(PAGE.read_text()))
