"""Which data source is meant, and why it cannot be seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from daemon.config import notion_links
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
from daemon.notion.model import (
    SourceInfo,
    Urgency,
)
from daemon.notion.query_position import CursorTrail
from daemon.notion.transport import ApiError, NotionTransport, Request

_PAGE_SIZE = 100
_UNAUTHORIZED = 401
_FORBIDDEN = 403


async def send_request(
    wire: NotionTransport, urgency: Urgency, request: Request
) -> Any:  # noqa: ANN401 - JSON
    """Ask what is about no single page.  Raises NoAccessError, AwayError."""
    try:
        return await wire.send_with_retries(urgency, request)
    except ApiError as error:
        raise explain_no_access(error.answer) from error


async def list_sources(wire: NotionTransport) -> Sequence[SourceInfo]:
    """Return every data source the token sees."""
    found: list[SourceInfo] = []
    cursor = ""
    trail = CursorTrail()
    while True:
        wanted: dict[str, Any] = {
            "filter": {"property": "object", "value": "data_source"},
            "page_size": _PAGE_SIZE,
        }
        if cursor:
            wanted["start_cursor"] = cursor
        raw = await send_request(wire, Urgency.POLL, _search_request(wanted))
        with translate_shape_errors("search"):
            rows, cursor = results_of(raw), next_cursor(raw)
            found += [_to_source_info(one) for one in rows if one.get("id")]
        if not cursor:
            return [one for one in found if one.id]
        if not trail.follow_cursor(cursor, len(rows)):
            raise NotionUnavailableError("Notion's search cursors lead in a circle")


def _search_request(wanted: Mapping[str, Any]) -> Request:
    return lambda client: client.search(**wanted)


async def resolve_source(wire: NotionTransport, target: str) -> SourceInfo:
    """Return the data source *target* means: an id, a link, or the only one."""
    if not target:
        return await _resolve_only_source(wire)
    found = notion_links.database_id(target)
    if found is None:
        raise NoAccessError(
            f"notion.data_source is no id or link of Notion: {target[:80]!r}"
        )
    try:
        raw = await wire.send_with_retries(
            Urgency.POLL, lambda client: client.data_sources.retrieve(found)
        )
        with translate_shape_errors("data_sources.retrieve"):
            return _to_source_info(raw)
    except ApiError as error:
        if error.answer.kind is not ErrorClass.NOT_FOUND:
            raise explain_no_access(error.answer) from error
    return await _source_in_database(wire, found)


async def _source_in_database(wire: NotionTransport, database: str) -> SourceInfo:
    try:
        raw = await wire.send_with_retries(
            Urgency.POLL, lambda client: client.databases.retrieve(database)
        )
    except ApiError as error:
        if error.answer.kind is not ErrorClass.NOT_FOUND:
            raise explain_no_access(error.answer) from error
        seen = _format_names(await list_sources(wire))
        raise NoAccessError(
            explain_sharing(f"the database {database}", seen)
        ) from error
    with translate_shape_errors("databases.retrieve"):
        inside = raw["data_sources"]
        if len(inside) == 1:
            one = inside[0]
            url = str(raw.get("url") or "")
            return SourceInfo(
                id=notion_links.plain_id(one["id"]),
                title=str(one.get("name") or ""),
                url=url,
            )
        names = ", ".join(f"'{one.get('name')}' {one['id']}" for one in inside)
    raise NoAccessError(
        f"this database has {len(inside)} data sources ({names}): put the id of "
        "one into notion.data_source"
    )


async def _resolve_only_source(wire: NotionTransport) -> SourceInfo:
    seen = await list_sources(wire)
    if len(seen) == 1:
        return seen[0]
    if not seen:
        raise NoAccessError(explain_sharing("any database", ""))
    raise NoAccessError(
        f"the token sees {len(seen)} databases "
        f"({_format_names(seen)}): put the id of one "
        "into notion.data_source"
    )


def explain_no_access(answer: ErrorResponse) -> NotionError:
    """Return what a refusal that is about no single page means."""
    if answer.status == _UNAUTHORIZED:
        return NoAccessError(TOKEN_REFUSED)
    if answer.kind is ErrorClass.NO_ACCESS:
        return NoAccessError(f"{CAPABILITY_MISSING} ({answer.message})")
    if answer.kind is ErrorClass.NOT_FOUND:
        return NoAccessError(explain_sharing("the source"))
    return NoAccessError(f"Notion refuses the request: {answer.message}")


def explain_item_refusal(answer: ErrorResponse) -> NotionError:
    """Return what a refusal that is about one page or one file means."""
    if answer.status == _FORBIDDEN:
        return ItemRefusedError(f"Notion forbids it: {answer.message}")
    if answer.kind is ErrorClass.NO_ACCESS:
        return explain_no_access(answer)
    return ItemRefusedError(f"Notion refuses it: {answer.message}")


def _to_source_info(raw: Mapping[str, Any]) -> SourceInfo:
    title = raw.get("title") or ()
    return SourceInfo(
        id=notion_links.plain_id(raw["id"]),
        title="".join(str(part.get("plain_text") or "") for part in title),
        url=str(raw.get("url") or ""),
    )


def _format_names(sources: Sequence[SourceInfo]) -> str:
    return ", ".join(f"'{one.title}' {one.id}" for one in sources)
