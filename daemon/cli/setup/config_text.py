"""The text of postbrush.toml with the chosen settings.  Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

import tomlkit
from tomlkit.container import Container
from tomlkit.items import AoT, InlineTable, SingleKey, Table

from daemon.config.load import parse_toml
from daemon.config.problems import current_key
from daemon.errors import SetupError

#: Sections and key, such as ("notion", "properties", "image").
KeyPath = tuple[str, ...]

_BOM = "\ufeff"
_HEAD = """\
# postbrush.toml, written by `postbrush init` for {title}
# Every setting is optional. `postbrush config --example` prints them all with their
# defaults. Do not put tokens in this file: they are in {secrets}.
"""
#: The settings that are changed most often.
_HINTS = """
# To change a setting, remove the # in front of it and in front of its [section].

# [prompt]
# style = "watercolour, warm light"  # added to every prompt

# [images]
# format = "square"  # square, portrait, landscape, story or WIDTHxHEIGHT

# [card]
# tag = "Oven & Oak"  # your name, in small letters at the bottom

# [budget]
# month = 5.0  # dollars per calendar month, at most
"""
_WORDS: Mapping[KeyPath, str] = {
    ("notion", "data_source"): "ID or link of the database",
    ("posts", "only"): "only these posts get an image automatically",
}


class CannotEditError(ValueError):
    """The file is not TOML, or writes a key in an unusual way."""


def new_config(
    title: str, wanted: Mapping[KeyPath, object], *, secrets: str = "secrets/"
) -> str:
    """Return a new file for the database *title*, with comments."""
    printable = "".join(char if char.isprintable() else " " for char in title)
    name = " ".join(printable.split()) or "a database without a title"
    return _HEAD.format(title=name, secrets=secrets) + format_keys(wanted) + _HINTS


def edit_config(text: str, wanted: Mapping[KeyPath, object], name: str) -> str:
    """Return *text* with the chosen keys and all other lines unchanged.

    Args:
        name: Name of the file, for the error.

    Raises:
        SetupError: The file cannot be edited; the message lists the lines to add.
    """
    try:
        return edit_toml(text, wanted)
    except CannotEditError as error:
        lines = " ".join(format_keys(wanted, comments=False).split("\n")).strip()
        raise SetupError(
            f"{name} sets {error} in a way that `postbrush init` cannot edit. Nothing "
            "was written. Add this to the file, and run `postbrush init` again: "
            f"{lines}"
        ) from error


def format_keys(wanted: Mapping[KeyPath, object], *, comments: bool = True) -> str:
    """Return the chosen keys as lines of TOML."""
    sections: dict[KeyPath, list[str]] = {}
    for path, value in wanted.items():
        comment = f"  # {_WORDS[path]}" if comments and path in _WORDS else ""
        line = f"{path[-1]} = {toml_literal(value)}{comment}\n"
        sections.setdefault(path[:-1], []).append(line)
    return "".join(
        f"\n[{'.'.join(table)}]\n{''.join(lines)}" for table, lines in sections.items()
    )


def edit_toml(text: str, wanted: Mapping[KeyPath, object]) -> str:
    """Return *text* with some keys set.

    A key that has its value already keeps its line.  A new key goes to the top of its
    section, and a new section to the end of the file.  A changed file ends with a
    newline.

    Raises:
        CannotEditError: The text is not TOML, or writes a key in an unusual way.
    """
    body = text.removeprefix(_BOM)
    for table in dict.fromkeys(path[:-1] for path in wanted):
        # Each new key goes to the top of its section, so the last one is set first.
        for path in reversed([path for path in wanted if path[:-1] == table]):
            body = _set_and_verify(body, path, wanted[path])
    return text[: len(text) - len(text.removeprefix(_BOM))] + body


def rename_keys(text: str) -> tuple[str, list[str]]:
    """Return *text* with the present names of renamed settings, and each change.

    Raises:
        SetupError: The text is not TOML, or a setting stands there under both names.
    """
    body = text.removeprefix(_BOM)
    try:
        values, document = parse_toml(body), tomlkit.parse(body)
        renamed = list(_rename_in(document, []))
        after = document.as_string()
        for path, current in renamed:
            section = values
            for name in path[:-1]:
                section = section[name]
            section[current] = section.pop(path[-1])
        if parse_toml(after) != values:
            raise CannotEditError
    except ValueError as error:
        raise SetupError(
            "The file is not valid TOML, or has a setting under both its old and its "
            "new name. `postbrush check` shows which; correct it by hand"
        ) from error
    changes = [
        f"{'.'.join(path)} is now {'.'.join([*path[:-1], current])}"
        for path, current in renamed
    ]
    return text[: len(text) - len(body)] + after, changes


def _rename_in(
    container: Container, parents: list[str]
) -> Iterator[tuple[list[str], str]]:
    """Rename the keys of a section and those below it; yield old path and new key."""
    for index, (key, item) in enumerate(container.body):
        if key is None:
            continue
        if isinstance(item, Table | InlineTable):
            yield from _rename_in(item.value, [*parents, key.key])
        elif (current := current_key(parents, key.key)) is not None:
            # With the quotes and spaces that the owner wrote.
            written = key.as_string().replace(key.key, current, 1)
            new_key = SingleKey(current, sep=key.sep, original=written)
            container.body[index] = (new_key, item)
            yield [*parents, key.key], current


def _set_and_verify(body: str, path: KeyPath, value: object) -> str:
    try:
        wanted = parse_toml(body)
        section = wanted
        for name in path[:-1]:
            section = section.setdefault(name, {})
        if section.get(path[-1]) == value:
            return body
        section[path[-1]] = value
        after = _set_key(body, path, value)
        if parse_toml(after) == wanted:
            return after
    # A section is no table, or the key is set in another way.
    except (AttributeError, TypeError, ValueError):
        pass
    raise CannotEditError(".".join(path))


def _set_key(body: str, path: KeyPath, value: object) -> str:
    *table, key = path
    newline = "\r\n" if "\r\n" in body else "\n"
    if body and not body.endswith("\n"):
        body += newline
    document = tomlkit.parse(body)
    # tomlkit moves tables that stand between elements of [[array]] tables.
    if document.as_string() != body:
        raise CannotEditError
    section = _find_section(document, table)
    if section is None:
        gap = newline if body else ""
        head = f"[{'.'.join(table)}]{newline}"
        return f"{body}{gap}{head}{key} = {toml_literal(value)}{newline}"
    item = tomlkit.value(toml_literal(value))
    item.trivia.trail = newline
    if key not in section:
        # The document is only printed now, so the index of the container may be stale.
        section.value.body.insert(0, (SingleKey(key), item))
    elif isinstance(section[key], Table | AoT):
        raise CannotEditError
    else:
        section[key] = item
        if item.trivia.comment:
            item.trivia.comment_ws = "  "
    return document.as_string()


def _find_section(container: Container, path: list[str]) -> Table | None:
    """Return the table of a [section] line, None without such a line."""
    first, *rest = path
    for key, item in container.body:
        if key is None or key.key != first or not isinstance(item, Table):
            continue
        if rest and (inner := _find_section(item.value, rest)) is not None:
            return inner
        if not rest and not item.is_super_table():
            return item
    return None


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
