"""Ids and links, as people paste them.  Pure."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

_HEX = "[0-9a-f]"
_BARE = re.compile(
    f"{_HEX}{{32}}|{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}"
)
_LAST = re.compile(f"({_HEX}{{32}})(?![0-9a-z])[^0-9a-f]*$")
_HOSTS = re.compile(r"(?:^|\.)notion\.(?:so|com|site)$")


def page_id(text: str) -> str | None:
    """Return the page an id or link means, as 32 digits; None for anything else.

    In a link to a database with a page opened over it, `?p=` is the page.
    """
    return _find_id(text, prefer_open_page=True)


def database_id(text: str) -> str | None:
    """Return the database or data source an id or link means; None for others."""
    return _find_id(text, prefer_open_page=False)


def _find_id(text: str, *, prefer_open_page: bool) -> str | None:
    plain = text.strip().casefold()
    if _BARE.fullmatch(plain):
        return plain.replace("-", "")
    try:
        link = urlsplit(plain if "//" in plain else f"https://{plain}")
    # Half a bracket: not an address.
    except ValueError:
        return None
    if not _HOSTS.search(link.hostname or ""):
        return None
    if prefer_open_page:
        for opened in parse_qs(link.query).get("p", []):
            if _BARE.fullmatch(opened):
                return opened.replace("-", "")
    path = link.path.rstrip("/")
    if dashed := re.search(f"({_BARE.pattern})$", path):
        return dashed[1].replace("-", "")
    last = _LAST.search(path)
    return last[1] if last else None


def plain_id(identifier: str) -> str:
    """Return an id of Notion's as 32 small digits."""
    return identifier.replace("-", "").casefold()
