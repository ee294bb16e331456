"""The text of postbrush.toml with the chosen settings.  Pure."""

from __future__ import annotations

from collections.abc import Mapping

from daemon.config.edit import CannotEditError, KeyPath, edit_toml, toml_literal
from daemon.errors import SetupError

_HEAD = """\
# postbrush.toml, written by `postbrush init` for {title}
# Everything here is optional. All settings with their defaults:
# postbrush config --example. Tokens do not belong here: they are in secrets/.
"""
#: The settings that are changed most often.
_HINTS = """
# To change one of these, take away its # and the one of its [section].

# [prompt]
# style = "watercolour, warm light"  # added to every prompt

# [images]
# format = "square"  # square, portrait, landscape, story or WIDTHxHEIGHT

# [card]
# tag = "Oven & Oak"  # the small line at the foot: your name

# [budget]
# month = 5.0  # dollars a calendar month, never more
"""
_WORDS: Mapping[KeyPath, str] = {
    ("notion", "data_source"): "id or link of the database",
    ("posts", "only"): "only posts like this get an image by themselves",
}


def new_config(title: str, wanted: Mapping[KeyPath, object]) -> str:
    """Return a new file for the database *title*, with comments."""
    printable = "".join(
        character if character.isprintable() else " " for character in title
    )
    name = " ".join(printable.split()) or "a database without a title"
    return _HEAD.format(title=name) + format_keys(wanted) + _HINTS


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
            f"{name} writes {error} in a way that init does not touch; nothing was "
            f"written. Put this into it, and run init again: {lines}"
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
