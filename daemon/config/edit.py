"""Changing single keys of an owner's postbrush.toml, every other line kept.  Pure.

It knows the usual way to write such a file only, and proves of every result that
it says what was there before plus what was wanted; otherwise it refuses.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from daemon.config.load import parse_toml

KeyPath = tuple[str, ...]
_BOM = "\ufeff"


class CannotEditError(ValueError):
    """The file is written in a way that is not understood well enough to touch it."""


def edit_toml(text: str, wanted: Mapping[KeyPath, object]) -> str:
    """Return *text* with some keys set.

    Args:
        wanted: ("posts", "only") to its value; what the file says already is left
            exactly as it is written.

    Raises:
        CannotEditError: Not TOML, or a key that is written in an unusual way.
    """
    mark = _BOM if text.startswith(_BOM) else ""
    body = text.removeprefix(_BOM)
    for table in dict.fromkeys(path[:-1] for path in wanted):
        # Each comes first in its section, so the last one is set first.
        for path in reversed([one for one in wanted if one[:-1] == table]):
            body = _set_and_verify(body, path, wanted[path])
    return mark + body


def _set_and_verify(body: str, path: KeyPath, value: object) -> str:
    try:
        before = parse_toml(body)
        if _get_value(before, path) == value:
            return body
        after = _set_key(body, path, value)
        if parse_toml(after) == _with_value(before, path, value):
            return after
    except ValueError:
        pass
    raise CannotEditError(".".join(path))


def _set_key(body: str, path: KeyPath, value: object) -> str:
    *table, key = path
    newline = "\r\n" if "\r\n" in body else "\n"
    written = f"{key} = {toml_literal(value)}"
    lines = body.splitlines(keepends=True)
    head, end = _find_section(lines, tuple(table))
    # A section that is not there yet goes to the end.
    if head is None:
        gap = newline if lines else ""
        open_end = newline if lines and not body.endswith(("\n", "\r")) else ""
        name = ".".join(table)
        return f"{body}{open_end}{gap}[{name}]{newline}{written}{newline}"
    for first in range(head + 1, end):
        last = _find_statement_end(lines, first, end, key)
        # The key is there: its value is replaced, its comment stays.
        if last is not None:
            comment = _trailing_comment(lines[first]) if last == first + 1 else ""
            space = "  " if comment else ""
            lines[first:last] = [f"{written}{space}{comment}{newline}"]
            return "".join(lines)
    # The section is there: the key comes first in it.
    if head >= 0 and not lines[head].endswith(("\n", "\r")):
        lines[head] += newline
    lines.insert(head + 1, f"{written}{newline}")
    return "".join(lines)


def _find_section(lines: list[str], table: KeyPath) -> tuple[int | None, int]:
    """Return the line of a section's head and where it ends; -1: the file's top."""
    head: int | None = None if table else -1
    for number, line in enumerate(lines):
        named = _section_name(line)
        if named is None:
            continue
        if head is not None:
            return head, number
        if named == table:
            head = number
    return head, len(lines)


def _section_name(line: str) -> KeyPath | None:
    """Return the section a line begins, as its parts; None for other lines."""
    if not line.lstrip().startswith("["):
        return None
    try:
        inner: Any = parse_toml(line)
    except ValueError:
        return None
    path: list[str] = []
    while isinstance(inner, dict) and inner:
        ((name, inner),) = inner.items()
        path.append(name)
    return tuple(path)


def _find_statement_end(lines: list[str], first: int, end: int, key: str) -> int | None:
    """Return where the statement that sets *key* ends, if it begins on this line."""
    name, sign, _ = lines[first].partition("=")
    if not sign or name.strip().strip("\"'") != key:
        return None
    for last in range(first + 1, end + 1):
        try:
            parse_toml("".join(lines[first:last]))
        except ValueError:
            continue
        return last
    return None


def _trailing_comment(line: str) -> str:
    """Return what a one-line statement has behind it."""
    places = [place for place, sign in enumerate(line) if sign == "#"]
    for place in places:
        try:
            parse_toml(line[:place])
        except ValueError:
            continue
        return line[place:].rstrip()
    return ""


def _get_value(data: object, path: KeyPath) -> object:
    for part in path:
        if not isinstance(data, dict) or part not in data:
            return None
        data = data[part]
    return data


def _with_value(
    data: Mapping[str, Any], path: KeyPath, value: object
) -> dict[str, Any]:
    first, *rest = path
    if not rest:
        return {**data, first: value}
    inner = data.get(first, {})
    if not isinstance(inner, dict):
        raise CannotEditError(first)
    return {**data, first: _with_value(inner, tuple(rest), value)}


def toml_literal(value: object) -> str:
    """Return a text, a tick, a list or a flat table as TOML writes it."""
    match value:
        case bool():
            return str(value).lower()
        case dict() if value:
            pairs = [
                f"{_quote_text(str(k))} = {toml_literal(v)}" for k, v in value.items()
            ]
            return f"{{ {', '.join(pairs)} }}"
        case dict():
            return "{}"
        case list():
            return f"[{', '.join(toml_literal(one) for one in value)}]"
    return _quote_text(str(value))


def _quote_text(value: str) -> str:
    # JSON's escapes are TOML's, but for one sign that JSON leaves as it is.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
