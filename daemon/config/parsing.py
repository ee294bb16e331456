"""Texts that people write: durations, sizes, formats, templates, links.  Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from urllib.parse import parse_qs, urlsplit

from daemon.errors import PostbrushError

#: Names of settings in bytes.
IN_BYTES = frozenset({"min_free_disk"})
_LONGEST = timedelta(days=3650)
_LAST_PORT = 65535
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_BINARY = {"KIB": 2**10, "MIB": 2**20, "GIB": 2**30}
_BYTES = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, **_BINARY}

_SMALLEST, _LARGEST = 256, 2160
_NAMED = {
    "square": (1080, 1080),
    "portrait": (1080, 1350),
    "landscape": (1200, 630),
    "story": (1080, 1920),
}
_RATIOS = {"1:1": "square", "4:5": "portrait", "1.91:1": "landscape", "9:16": "story"}
CHOICES = (
    "square, portrait, landscape, story, 1:1, 4:5, 1.91:1, 9:16, or WIDTHxHEIGHT "
    f"from {_SMALLEST} to {_LARGEST}"
)

_PLACEHOLDER = re.compile(r"\{(prompt|title|column:[^{}]*)\}")
_BRACES = re.compile(r"\{([^{}]*)\}")

_ID = "[0-9a-f]{32}|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"
_LAST_ID = re.compile("([0-9a-f]{32})(?![0-9a-z])[^0-9a-f]*$")
_NOTION_HOST = re.compile(r"(?:^|\.)notion\.(?:so|com|site)$")


class FormatError(PostbrushError):
    """The format is unknown; the message lists the choices."""

    exit_code = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFormat:
    """The size of a finished image in pixels, and the name of its format."""

    width: int
    height: int
    name: str


def parse_format(text: str) -> ImageFormat:
    """Return the format of a text; case and spaces are ignored.

    Raises:
        FormatError: The text is not one of `CHOICES`.
    """
    name = re.sub(r"\s+", "", text).casefold().replace("\N{MULTIPLICATION SIGN}", "x")
    name = _RATIOS.get(name, name)
    if name in _NAMED:
        width, height = _NAMED[name]
        return ImageFormat(width=width, height=height, name=name)
    if sides := re.fullmatch(r"([0-9]{1,5})x([0-9]{1,5})", name):
        width, height = int(sides[1]), int(sides[2])
        if min(width, height) >= _SMALLEST and max(width, height) <= _LARGEST:
            return ImageFormat(width=width, height=height, name=name)
    raise FormatError(
        f"The format {text[:40]!r} does not exist. The formats are: {CHOICES}"
    )


def parse_duration(value: object) -> timedelta:
    """Return the timedelta of a text such as "500ms", "30s", "2m", "12h" or "1d".

    Raises:
        ValueError: It is not a duration, or is longer than ten years.
    """
    if isinstance(value, timedelta):
        return value
    pattern = r"\s*([0-9]{1,9}(?:\.[0-9]+)?)\s*(ms|s|m|h|d|w)\s*"
    match = re.fullmatch(pattern, value) if isinstance(value, str) else None
    if match is None:
        raise ValueError('must be a duration, such as "30s", "2m", "12h" or "1d"')
    seconds = float(match[1]) * _UNITS[match[2]]
    if seconds > _LONGEST.total_seconds():
        raise ValueError("must be at most 3650d, which is ten years")
    return timedelta(seconds=seconds)


def parse_duration_or_off(value: object) -> timedelta | None:
    """Return None for "off", else a timedelta.  Raises ValueError."""
    return None if value is None or value == "off" else parse_duration(value)


def parse_size(value: object) -> int:
    """Return the bytes of a text such as "100MiB" or "1 GB".  Raises ValueError."""
    if isinstance(value, int):
        return value
    match = re.fullmatch(r"\s*([0-9]{1,9}(?:\.[0-9]+)?)\s*([KMG]?i?B)\s*", str(value))
    if match is None or match[2].upper() not in _BYTES:
        raise ValueError('must be a size, such as "100MiB" or "1GB"')
    return int(float(match[1]) * _BYTES[match[2].upper()])


def show_duration(value: timedelta | None) -> str:
    """Return a duration as the configuration writes it."""
    if value is None:
        return "off"
    seconds = value.total_seconds()
    for unit in ("d", "h", "m", "s"):
        if seconds >= _UNITS[unit] and seconds % _UNITS[unit] == 0:
            return f"{seconds / _UNITS[unit]:.0f}{unit}"
    return f"{seconds * 1000:.0f}ms" if seconds else "0s"


def show_bytes(value: int) -> str:
    """Return a size in bytes as the configuration writes it."""
    for unit, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if value >= size and value % size == 0:
            return f"{value // size}{unit}"
    return str(value)


def parse_listen(text: str) -> tuple[str, int] | None:
    """Return (address, port) of "127.0.0.1:8787" or "[::1]:8787"; None for "off".

    Raises:
        ValueError: The text has another form.
    """
    if text == "off":
        return None
    match = re.fullmatch(
        r"(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+)):([0-9]{1,5})", text
    )
    if match is None:
        raise ValueError('must be ADDRESS:PORT, such as "127.0.0.1:8787", or "off"')
    if int(match[3]) > _LAST_PORT:
        raise ValueError(
            f"has the port {match[3]}, but ports go from 1 to {_LAST_PORT}. Port 0 "
            "takes any free one"
        )
    return match[1] or match[2], int(match[3])


def is_loopback(address: str) -> bool:
    """Return whether only this machine can connect to *address*."""
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return address.casefold() == "localhost"


def fill_template(
    template: str, words: str, title: str, columns: Mapping[str, str]
) -> str:
    """Return *template* with its placeholders replaced, or *words* if that is empty.

    Args:
        words: The replacement of {prompt}.
        columns: Property name to text, for {column:NAME}.
    """

    def replacement(placeholder: re.Match[str]) -> str:
        match placeholder[1]:
            case "prompt":
                return words
            case "title":
                return title
            case column:
                return columns.get(column.removeprefix("column:").strip(), "")

    return _PLACEHOLDER.sub(replacement, template).strip() or words


def template_problems(template: str) -> list[str]:
    """Return the problems of a template."""
    problems = [
        f"contains {{{inside}}}, which is not a placeholder. Use {{prompt}}, {{title}} "
        "or {column:Any Name}"
        for inside in _BRACES.findall(template)
        if not _PLACEHOLDER.fullmatch(f"{{{inside}}}")
    ]
    if not template.strip():
        problems.append("must not be empty. Use {prompt}")
    return problems


def list_columns(template: str) -> Iterator[str]:
    """Yield the names of the properties that a template inserts."""
    for name in _PLACEHOLDER.findall(template):
        if name.startswith("column:"):
            yield name.removeprefix("column:").strip()


def uses_placeholder(template: str, name: str) -> bool:
    """Return whether a template contains a placeholder, such as {title}."""
    return name in _PLACEHOLDER.findall(template)


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
    if re.fullmatch(_ID, plain):
        return plain_id(plain)
    try:
        link = urlsplit(plain if "//" in plain else f"https://{plain}")
    # A single bracket is not a valid address.
    except ValueError:
        return None
    if not _NOTION_HOST.search(link.hostname or ""):
        return None
    if prefer_open_page:
        for open_page in parse_qs(link.query).get("p", []):
            if re.fullmatch(_ID, open_page):
                return plain_id(open_page)
    path = link.path.rstrip("/")
    last = re.search(f"({_ID})$", path) or _LAST_ID.search(path)
    return plain_id(last[1]) if last else None


def plain_id(identifier: str) -> str:
    """Return a Notion ID as 32 lower-case hexadecimal digits."""
    return identifier.replace("-", "").casefold()
