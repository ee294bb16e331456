"""Adds missing properties to a source, and never changes an existing one."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from daemon.notion import sources
from daemon.notion.answer_shapes import translate_shape_errors
from daemon.notion.error_classes import ErrorResponse
from daemon.notion.errors import NotionUnavailableError
from daemon.notion.model import Role, Urgency
from daemon.notion.transport import (
    ApiError,
    LostResponseError,
    NotionTransport,
    Request,
)

_TRIES = 4
_SAMPLE = 100
#: Options of each select property that postbrush adds, with Notion's colours.
_OPTIONS: Mapping[Role, Mapping[str, str]] = MappingProxyType(
    {
        Role.STATUS: {
            "Queued": "gray",
            "Waiting": "yellow",
            "Done": "green",
            "Card": "blue",
            "Failed": "red",
        }
    }
)


async def add_properties(
    wire: NotionTransport, source: str, wanted: Mapping[Role, tuple[str, str]]
) -> None:
    """Add the properties that do not exist yet, in one write.

    A PATCH that names an existing property would change its type.  The properties are
    therefore read just before each write, also after a lost answer.

    Args:
        wanted: Role to (name, type).

    Raises:
        NoAccessError: Notion refuses the write.
        NotionUnavailableError: Notion did not confirm the write.
    """
    lost: ErrorResponse | None = None
    for attempt in range(_TRIES):
        if lost is not None:
            await wire.sleep(2.0**attempt)
        raw = await sources.send_request(
            wire, Urgency.POLL, lambda client: client.data_sources.retrieve(source)
        )
        with translate_shape_errors("data_sources.retrieve"):
            existing = {name.casefold() for name in raw["properties"]}
        missing = {
            name: _property_definition(role, kind)
            for role, (name, kind) in wanted.items()
            if name.casefold() not in existing
        }
        if not missing:
            return
        try:
            await wire.send_once(Urgency.POLL, _update_request(source, missing))
        except LostResponseError as error:
            lost = error.answer
        except ApiError as error:
            raise sources.explain_no_access(error.answer) from error
        else:
            return
    raise NotionUnavailableError(
        f"Notion is away: {lost.message if lost else 'no answer'}"
    )


def _update_request(source: str, properties: Mapping[str, object]) -> Request:
    return lambda client: client.data_sources.update(source, properties=properties)


def _property_definition(role: Role, kind: str) -> dict[str, Any]:
    content: dict[str, Any] = {}
    if kind == "select" and role in _OPTIONS:
        colours = _OPTIONS[role].items()
        content = {"options": [{"name": name, "color": col} for name, col in colours]}
    return {"type": kind, kind: content}


def newest_query() -> dict[str, Any]:
    """Return the query for the newest 100 pages, which is the most one answer holds."""
    order = [{"timestamp": "created_time", "direction": "descending"}]
    return {"sorts": order, "page_size": _SAMPLE}
