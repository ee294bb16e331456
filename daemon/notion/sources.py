"""Finds the configured data source, and explains why Notion does not show it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from daemon.config import parsing
from daemon.notion.answer_shapes import next_cursor, results_of, translate_shape_errors
from daemon.notion.error_classes import (
    CAPABILITY_MISSING,
    TOKEN_REFUSED,
    ErrorClass,
    ErrorResponse,
    explain_sharing,
)
from daemon.notion.errors import (
    ItemRefusedError,
    NoAccessError,
    NotionError,
    NotionUnavailableError,
)
from daemon.notion.model import SourceInfo, Urgency
from daemon.notion.query_position import CursorTrail
from daemon.notion.transport import ApiError, NotionTransport, Request

_PAGE_SIZE = 100
_UNAUTHORIZED = 401
_FORBIDDEN = 403


async def send_request(
    wire: NotionTransport, urgency: Urgency, request: Request
) -> Any:  # noqa: ANN401 - JSON
    """Send a request that is about no single page, and repeat it if it fails.

    Raises:
        NoAccessError: Notion refuses the request.
        NotionUnavailableError: Notion did not answer.
    """
    try:
        return await wire.send_with_retries(urgency, request)
    except ApiError as error:
        raise explain_no_access(error.answer) from error


async def list_sources(wire: NotionTransport) -> Sequence[SourceInfo]:
    """Return every data source that the token can read."""
    sources: list[SourceInfo] = []
    cursor = ""
    trail = CursorTrail()
    while True:
        body: dict[str, Any] = {
            "filter": {"property": "object", "value": "data_source"},
            "page_size": _PAGE_SIZE,
        }
        if cursor:
            body["start_cursor"] = cursor
        raw = await send_request(wire, Urgency.POLL, _search_request(body))
        with translate_shape_errors("search"):
            rows, cursor = results_of(raw), next_cursor(raw)
            sources += [_to_source_info(row) for row in rows if row.get("id")]
        if not cursor:
            return [source for source in sources if source.id]
        if not trail.follow_cursor(cursor, len(rows)):
            raise NotionUnavailableError("Notion's search cursors lead in a circle")


def _search_request(body: Mapping[str, Any]) -> Request:
    return lambda client: client.search(**body)


async def resolve_source(wire: NotionTransport, target: str) -> SourceInfo:
    """Return the data source of an ID or link; "" means the only one there is.

    Raises:
        NoAccessError: There is no such data source, or more than one.
        NotionUnavailableError: Notion did not answer.
    """
    if not target:
        return await _resolve_only_source(wire)
    source_id = parsing.database_id(target)
    if source_id is None:
        raise NoAccessError(
            f"notion.data_source is no id or link of Notion: {target[:80]!r}"
        )
    try:
        raw = await wire.send_with_retries(
            Urgency.POLL, lambda client: client.data_sources.retrieve(source_id)
        )
        with translate_shape_errors("data_sources.retrieve"):
            return _to_source_info(raw)
    except ApiError as error:
        if error.answer.kind is not ErrorClass.NOT_FOUND:
            raise explain_no_access(error.answer) from error
    return await _source_in_database(wire, source_id)


async def _source_in_database(wire: NotionTransport, database: str) -> SourceInfo:
    try:
        raw = await wire.send_with_retries(
            Urgency.POLL, lambda client: client.databases.retrieve(database)
        )
    except ApiError as error:
        if error.answer.kind is not ErrorClass.NOT_FOUND:
            raise explain_no_access(error.answer) from error
        visible = _format_names(await list_sources(wire))
        raise NoAccessError(
            explain_sharing(f"the database {database}", visible)
        ) from error
    with translate_shape_errors("databases.retrieve"):
        sources = raw["data_sources"]
        if len(sources) == 1:
            source = sources[0]
            return SourceInfo(
                id=parsing.plain_id(source["id"]),
                title=str(source.get("name") or ""),
                url=str(raw.get("url") or ""),
            )
        names = ", ".join(
            f"'{source.get('name')}' {source['id']}" for source in sources
        )
    raise NoAccessError(
        f"this database has {len(sources)} data sources ({names}): put the id of "
        "one into notion.data_source"
    )


async def _resolve_only_source(wire: NotionTransport) -> SourceInfo:
    visible = await list_sources(wire)
    if len(visible) == 1:
        return visible[0]
    if not visible:
        raise NoAccessError(explain_sharing("any database", ""))
    raise NoAccessError(
        f"the token sees {len(visible)} databases ({_format_names(visible)}): put the "
        "id of one into notion.data_source"
    )


def explain_no_access(answer: ErrorResponse) -> NotionError:
    """Return the error for a refusal that is about no single page."""
    if answer.status == _UNAUTHORIZED:
        return NoAccessError(TOKEN_REFUSED)
    if answer.kind is ErrorClass.NO_ACCESS:
        return NoAccessError(f"{CAPABILITY_MISSING} ({answer.message})")
    if answer.kind is ErrorClass.NOT_FOUND:
        return NoAccessError(explain_sharing("the source"))
    return NoAccessError(f"Notion refuses the request: {answer.message}")


def explain_item_refusal(answer: ErrorResponse) -> NotionError:
    """Return the error for a refusal that is about one page or one file."""
    if answer.status == _FORBIDDEN:
        return ItemRefusedError(f"Notion forbids it: {answer.message}")
    if answer.kind is ErrorClass.NO_ACCESS:
        return explain_no_access(answer)
    return ItemRefusedError(f"Notion refuses it: {answer.message}")


def _to_source_info(raw: Mapping[str, Any]) -> SourceInfo:
    title = raw.get("title") or ()
    return SourceInfo(
        id=parsing.plain_id(raw["id"]),
        title="".join(str(part.get("plain_text") or "") for part in title),
        url=str(raw.get("url") or ""),
    )


def _format_names(sources: Sequence[SourceInfo]) -> str:
    return ", ".join(f"'{source.title}' {source.id}" for source in sources)
