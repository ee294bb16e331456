"""`prompt.template`: placeholders and validation.  Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

_PLACEHOLDER = re.compile(r"\{(prompt|title|column:[^{}]*)\}")
_BRACES = re.compile(r"\{([^{}]*)\}")


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

    filled = _PLACEHOLDER.sub(replacement, template).strip()
    return filled or words


def template_problems(template: str) -> list[str]:
    """Return the problems of a template."""
    problems = [
        f"{{{inside}}} is not known: use {{prompt}}, {{title}} or {{column:Any Name}}"
        for inside in _BRACES.findall(template)
        if not _PLACEHOLDER.fullmatch(f"{{{inside}}}")
    ]
    if not template.strip():
        problems.append("it is empty: use {prompt}")
    return problems


def list_columns(template: str) -> Iterator[str]:
    """Yield the names of the properties that a template inserts."""
    for name in _PLACEHOLDER.findall(template):
        if name.startswith("column:"):
            yield name.removeprefix("column:").strip()


def uses_title(template: str) -> bool:
    """Return whether a template contains {title}."""
    return "title" in _PLACEHOLDER.findall(template)
