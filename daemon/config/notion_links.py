"""Reads Notion IDs and links as people paste them.  Pure."""

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
    """Return the page of an ID or link as 32 hexadecimal digits, None for other texts.

    In a link to a database with an open page, `?p=` is the page.
    """
    return _find_id(text, prefer_open_page=True)


def database_id(text: str) -> str | None:
    """Return the database or data source of an ID or link, None for other texts."""
    return _find_id(text, prefer_open_page=False)


def _find_id(text: str, *, prefer_open_page: bool) -> str | None:
    plain = text.strip().casefold()
    if _BARE.fullmatch(plain):
        return plain.replace("-", "")
    try:
        link = urlsplit(plain if "//" in plain else f"https://{plain}")
    # A single bracket is not a valid address.
    except ValueError:
        return None
    if not _HOSTS.search(link.hostname or ""):
        return None
    if prefer_open_page:
        for open_page in parse_qs(link.query).get("p", []):
            if _BARE.fullmatch(open_page):
                return open_page.replace("-", "")
    path = link.path.rstrip("/")
    if dashed := re.search(f"({_BARE.pattern})$", path):
        return dashed[1].replace("-", "")
    last = _LAST.search(path)
    return last[1] if last else None


def plain_id(identifier: str) -> str:
    """Return a Notion ID as 32 lower-case hexadecimal digits."""
    return identifier.replace("-", "").casefold()
