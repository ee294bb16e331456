"""Data sources: finding the configured one, and adding missing properties to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from daemon.config import parsing
from daemon.notion.errors import NoAccessError, NotionUnavailableError
from daemon.notion.model import Role, SourceInfo, Urgency
from daemon.notion.responses import (
    CursorTrail,
    ErrorClass,
    explain_no_access,
    explain_sharing,
    rows_and_cursor,
    translate_shape_errors,
)
from daemon.notion.transport import (
    ApiError,
    LostResponseError,
    NotionTransport,
    Request,
)

_PAGE_SIZE = 100
_WRITES = 4
#: Options of each select property that postbrush adds, with Notion's colours.
_OPTIONS: Mapping[Role, Mapping[str, str]] = MappingProxyType(
    {
        Role.STATUS: {
            "Queued": "gray",
            "Waiting": "yellow",
            "Waiting for approval": "orange",
            "Done": "green",
            "Card": "blue",
            "Failed": "red",
        },
        Role.FORMAT: {
            "square": "blue",
            "portrait": "green",
            "landscape": "orange",
            "story": "purple",
        },
    }
)


async def send_request(transport: NotionTransport, request: Request) -> Any:  # noqa: ANN401 - JSON
    """Send a request that is about no single page, and repeat it if it fails.

    Raises:
        NoAccessError: Notion refuses the request.
        NotionUnavailableError: Notion did not answer.
    """
    try:
        return await transport.send_with_retries(Urgency.POLL, request)
    except ApiError as error:
        raise explain_no_access(error.response) from error


async def list_sources(transport: NotionTransport) -> Sequence[SourceInfo]:
    """Return every data source that the token can read."""
    sources: list[SourceInfo] = []
    trail, cursor = CursorTrail(), ""
    while True:
        raw = await send_request(transport, _search_request(cursor))
        with translate_shape_errors("search"):
            rows, cursor = rows_and_cursor(raw)
            sources += [_to_source_info(row) for row in rows if row.get("id")]
        if not cursor:
            return [source for source in sources if source.id]
        if not trail.follow_cursor(cursor, len(rows)):
            raise NotionUnavailableError("Notion's search cursors form a loop")


def _search_request(cursor: str) -> Request:
    start = {"start_cursor": cursor} if cursor else {}
    wanted = {"property": "object", "value": "data_source"}
    return lambda client: client.search(filter=wanted, page_size=_PAGE_SIZE, **start)


async def resolve_source(transport: NotionTransport, target: str) -> SourceInfo:
    """Return the data source of an ID or link; "" means the only one there is.

    Raises:
        NoAccessError: There is no such data source, or more than one.
        NotionUnavailableError: Notion did not answer.
    """
    if not target:
        return await _resolve_only_source(transport)
    source_id = parsing.database_id(target)
    if source_id is None:
        raise NoAccessError(
            f"notion.data_source is not a Notion ID or link: {target[:80]!r}"
        )
    try:
        raw = await transport.send_with_retries(
            Urgency.POLL, lambda client: client.data_sources.retrieve(source_id)
        )
    except ApiError as error:
        if error.response.kind is not ErrorClass.NOT_FOUND:
            raise explain_no_access(error.response) from error
        return await _source_in_database(transport, source_id)
    with translate_shape_errors("data_sources.retrieve"):
        return _to_source_info(raw)


async def _source_in_database(transport: NotionTransport, database: str) -> SourceInfo:
    try:
        raw = await transport.send_with_retries(
            Urgency.POLL, lambda client: client.databases.retrieve(database)
        )
    except ApiError as error:
        if error.response.kind is not ErrorClass.NOT_FOUND:
            raise explain_no_access(error.response) from error
        await _refuse_page(transport, database)
        visible = _format_names(await list_sources(transport))
        raise NoAccessError(
            explain_sharing(f"the database {database}", visible)
        ) from error
    with translate_shape_errors("databases.retrieve"):
        sources = raw["data_sources"]
        if len(sources) == 1:
            return SourceInfo(
                id=parsing.plain_id(sources[0]["id"]),
                title=str(sources[0].get("name") or ""),
                url=str(raw.get("url") or ""),
            )
        names = ", ".join(
            f"'{source.get('name')}' {source['id']}" for source in sources
        )
    raise NoAccessError(
        f"This database has {len(sources)} data sources ({names}). Set "
        "notion.data_source to the ID of one of them"
    )


async def _refuse_page(transport: NotionTransport, target: str) -> None:
    """Raise NoAccessError if *target* is a page, whose link is easily copied."""
    try:
        await transport.send_with_retries(
            Urgency.POLL, lambda client: client.pages.retrieve(target)
        )
    except ApiError:
        return
    raise NoAccessError(
        "This link leads to a page, not to a database. Open the database itself as a "
        "full page in Notion, and copy its link"
    )


async def _resolve_only_source(transport: NotionTransport) -> SourceInfo:
    visible = await list_sources(transport)
    if len(visible) == 1:
        return visible[0]
    if not visible:
        raise NoAccessError(explain_sharing("any database"))
    raise NoAccessError(
        f"The Notion token has access to {len(visible)} databases "
        f"({_format_names(visible)}). Set notion.data_source to the ID of one of them"
    )


def _to_source_info(raw: Mapping[str, Any]) -> SourceInfo:
    title = raw.get("title") or ()
    return SourceInfo(
        id=parsing.plain_id(raw["id"]),
        title="".join(str(part.get("plain_text") or "") for part in title),
        url=str(raw.get("url") or ""),
    )


def _format_names(sources: Sequence[SourceInfo]) -> str:
    return ", ".join(f"'{source.title}' {source.id}" for source in sources)


async def add_properties(
    transport: NotionTransport, source: str, wanted: Mapping[Role, tuple[str, str]]
) -> None:
    """Add the properties that do not exist yet, in one write.

    A PATCH that names an existing property would change its type.  The properties are
    therefore read just before each write, also after a lost response.

    Args:
        wanted: Role to (name, type).

    Raises:
        NoAccessError: Notion refuses the write.
        NotionUnavailableError: Notion did not confirm the write.
    """
    message = ""
    for attempt in range(_WRITES):
        if attempt:
            await transport.sleep(2.0**attempt)
        missing = await _missing_definitions(transport, source, wanted)
        if not missing:
            return
        try:
            await transport.send_once(Urgency.POLL, _update_request(source, missing))
        except LostResponseError as error:
            message = error.response.message
        except ApiError as error:
            raise explain_no_access(error.response) from error
        else:
            return
    raise NotionUnavailableError(f"Notion is unavailable ({message})")


async def _missing_definitions(
    transport: NotionTransport, source: str, wanted: Mapping[Role, tuple[str, str]]
) -> dict[str, Any]:
    """Return the JSON of each property that the source does not have, by name."""
    raw = await send_request(
        transport, lambda client: client.data_sources.retrieve(source)
    )
    with translate_shape_errors("data_sources.retrieve"):
        existing = {name.casefold() for name in raw["properties"]}
    return {
        name: _property_definition(role, kind)
        for role, (name, kind) in wanted.items()
        if name.casefold() not in existing
    }


def _update_request(source: str, properties: Mapping[str, Any]) -> Request:
    return lambda client: client.data_sources.update(source, properties=properties)


def _property_definition(role: Role, kind: str) -> dict[str, Any]:
    content: dict[str, Any] = {}
    if kind == "select" and role in _OPTIONS:
        colours = _OPTIONS[role].items()
        content = {"options": [{"name": name, "color": col} for name, col in colours]}
    return {"type": kind, kind: content}
