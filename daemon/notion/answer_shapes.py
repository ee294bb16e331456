"""Checks the shape of successful answers.

An answer with status 200 and an unknown shape counts as Notion being unavailable.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from daemon.notion.errors import NotionUnavailableError

_SHAPE_ERRORS = (KeyError, TypeError, ValueError, AttributeError, IndexError)


@contextmanager
def translate_shape_errors(endpoint: str) -> Iterator[None]:
    """Translate errors raised while an answer of *endpoint* is read.

    Raises:
        NotionUnavailableError: A value is missing or has another type.
    """
    try:
        yield
    except _SHAPE_ERRORS as error:
        raise NotionUnavailableError(
            f"Notion answered {endpoint} in an unknown shape ({error!r:.80})"
        ) from error


def require_object(raw: Any, kind: str) -> None:  # noqa: ANN401 - whatever JSON came
    """Raise TypeError if an answer is not an object of type *kind*."""
    if raw["object"] != kind:
        raise TypeError(f"a {raw['object']!r} where a {kind} was expected")


def results_of(raw: Any) -> Sequence[Any]:  # noqa: ANN401 - whatever JSON came
    """Return the rows of a list answer.  Raises KeyError, TypeError."""
    if not isinstance(raw, Mapping) or not isinstance(raw["results"], list):
        raise TypeError("no list of results")
    return raw["results"]


def next_cursor(raw: Mapping[str, Any]) -> str:
    """Return the cursor of the next part of a list; "" after the last part.

    Raises:
        KeyError, TypeError: The answer is not a list answer.
    """
    has_more, cursor = raw["has_more"], raw.get("next_cursor")
    if not isinstance(has_more, bool):
        raise TypeError("has_more is not true or false")
    if not has_more:
        return ""
    if not isinstance(cursor, str) or not cursor:
        raise TypeError("has_more without a next_cursor")
    return cursor
