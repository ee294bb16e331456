"""Changes single keys of a postbrush.toml and keeps every other line.  Pure.

The editor only covers the usual ways to write such a file.  It parses each result, and
refuses a change that does not give the old values plus the new one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from daemon.config.load import parse_toml

KeyPath = tuple[str, ...]
_BOM = "\ufeff"


class CannotEditError(ValueError):
    """The file is written in a way that the editor does not cover."""


def edit_toml(text: str, wanted: Mapping[KeyPath, object]) -> str:
    """Return *text* with some keys set.

    Args:
        wanted: Key paths such as ("posts", "only"), to their values.  A key that has
            its value already keeps its line.

    Raises:
        CannotEditError: The text is not TOML, or writes a key in an unusual way.
    """
    bom = _BOM if text.startswith(_BOM) else ""
    body = text.removeprefix(_BOM)
    for table in dict.fromkeys(path[:-1] for path in wanted):
        # Each new key goes to the top of its section, so the last one is set first.
        for path in reversed([path for path in wanted if path[:-1] == table]):
            body = _set_and_verify(body, path, wanted[path])
    return bom + body


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
    statement = f"{key} = {toml_literal(value)}"
    lines = body.splitlines(keepends=True)
    head, end = _find_section(lines, tuple(table))
    # A new section goes to the end of the file.
    if head is None:
        blank_line = newline if lines else ""
        line_end = newline if lines and not body.endswith(("\n", "\r")) else ""
        name = ".".join(table)
        return f"{body}{line_end}{blank_line}[{name}]{newline}{statement}{newline}"
    for first in range(head + 1, end):
        last = _find_statement_end(lines, first, end, key)
        # The key exists: replace its value and keep its comment.
        if last is not None:
            comment = _trailing_comment(lines[first]) if last == first + 1 else ""
            gap = "  " if comment else ""
            lines[first:last] = [f"{statement}{gap}{comment}{newline}"]
            return "".join(lines)
    # Only the section exists: the key goes to its top.
    if head >= 0 and not lines[head].endswith(("\n", "\r")):
        lines[head] += newline
    lines.insert(head + 1, f"{statement}{newline}")
    return "".join(lines)


def _find_section(lines: list[str], table: KeyPath) -> tuple[int | None, int]:
    """Return the line of a section's head and its end; -1 is the top of the file."""
    head: int | None = None if table else -1
    for number, line in enumerate(lines):
        name = _section_name(line)
        if name is None:
            continue
        if head is not None:
            return head, number
        if name == table:
            head = number
    return head, len(lines)


def _section_name(line: str) -> KeyPath | None:
    """Return the path of the section that a line begins, None for other lines."""
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
    """Return the end of the statement that sets *key*, if it begins on this line."""
    name, separator, _ = lines[first].partition("=")
    if not separator or name.strip().strip("\"'") != key:
        return None
    for last in range(first + 1, end + 1):
        try:
            parse_toml("".join(lines[first:last]))
        except ValueError:
            continue
        return last
    return None


def _trailing_comment(line: str) -> str:
    """Return the comment after a one-line statement, "" without one."""
    for start in [match.start() for match in re.finditer("#", line)]:
        try:
            parse_toml(line[:start])
        except ValueError:
            continue
        return line[start:].rstrip()
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
    """Return a text, a bool, a list or a flat table in TOML."""
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
            return f"[{', '.join(toml_literal(item) for item in value)}]"
    return _quote_text(str(value))


def _quote_text(value: str) -> str:
    # TOML has the escapes of JSON, and must also escape DEL.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
