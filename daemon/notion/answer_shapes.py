"""An answer with 200 that is not what was asked for: Notion is away, and says so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from daemon.notion.errors import NotionUnavailableError

_ODD = (KeyError, TypeError, ValueError, AttributeError, IndexError)


@contextmanager
def translate_shape_errors(endpoint: str) -> Iterator[None]:
    """Surround the reading of an answer.

    Raises:
        AwayError: Something in it is missing, or of another type.
    """
    try:
        yield
    except _ODD as error:
        raise NotionUnavailableError(
            f"Notion answered {endpoint} in an unknown shape ({error!r:.80})"
        ) from error


def require_object(raw: Any, kind: str) -> None:  # noqa: ANN401 - whatever JSON came
    """Make sure that an answer is of the kind that was asked for."""
    if raw["object"] != kind:
        raise TypeError(f"a {raw['object']!r} where a {kind} was expected")


def results_of(raw: Any) -> Sequence[Any]:  # noqa: ANN401 - whatever JSON came
    """Return the results of a list, which is never without them."""
    if not isinstance(raw, Mapping) or not isinstance(raw["results"], list):
        raise TypeError("no list of results")
    return raw["results"]


def next_cursor(raw: Mapping[str, Any]) -> str:
    """Return where the next part of a list begins; empty: this was the last."""
    has_more, cursor = raw["has_more"], raw.get("next_cursor")
    if not isinstance(has_more, bool):
        raise TypeError("has_more is not true or false")
    if not has_more:
        return ""
    if not isinstance(cursor, str) or not cursor:
        raise TypeError("has_more without a next_cursor")
    return cursor
