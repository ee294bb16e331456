"""Which data source is meant, and why it cannot be seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from daemon.notion import links
from daemon.notion.answers import (
    CAPABILITY_MISSING,
    WHO_IS_THAT,
    Answer,
    Kind,
    share,
)
from daemon.notion.errors import (
    AwayError,
    NoAccessError,
    NotionError,
    RowRefusedError,
)
from daemon.notion.model import (
    SourceInfo,
    Urgency,
)
from daemon.notion.position import CursorTrail
from daemon.notion.shapes import listed, next_cursor, understood
from daemon.notion.wire import AnswerError, Request, Wire

_PAGE_SIZE = 100
_UNAUTHORIZED = 401
_FORBIDDEN = 403


async def ask(wire: Wire, urgency: Urgency, request: Request) -> Any:  # noqa: ANN401 - JSON
    """Ask what is about no single page.  Raises NoAccessError, AwayError."""
    try:
        return await wire.ask(urgency, request)
    except AnswerError as error:
        raise no_access(error.answer) from error


async def visible(wire: Wire) -> Sequence[SourceInfo]:
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
        raw = await ask(wire, Urgency.POLL, _search(wanted))
        with understood("search"):
            rows, cursor = listed(raw), next_cursor(raw)
            found += [_source(one) for one in rows if one.get("id")]
        if not cursor:
            return [one for one in found if one.id]
        if not trail.leads_on(cursor, len(rows)):
            raise AwayError("Notion's search cursors lead in a circle")


def _search(wanted: Mapping[str, Any]) -> Request:
    return lambda client: client.search(**wanted)


async def resolve(wire: Wire, target: str) -> SourceInfo:
    """Return the data source *target* means: an id, a link, or the only one."""
    if not target:
        return await _only_one(wire)
    found = links.database_id(target)
    if found is None:
        raise NoAccessError(
            f"notion.data_source is no id or link of Notion: {target[:80]!r}"
        )
    try:
        raw = await wire.ask(
            Urgency.POLL, lambda client: client.data_sources.retrieve(found)
        )
        with understood("data_sources.retrieve"):
            return _source(raw)
    except AnswerError as error:
        if error.answer.kind is not Kind.NOT_FOUND:
            raise no_access(error.answer) from error
    return await _of_database(wire, found)


async def _of_database(wire: Wire, database: str) -> SourceInfo:
    try:
        raw = await wire.ask(
            Urgency.POLL, lambda client: client.databases.retrieve(database)
        )
    except AnswerError as error:
        if error.answer.kind is not Kind.NOT_FOUND:
            raise no_access(error.answer) from error
        seen = _names(await visible(wire))
        raise NoAccessError(share(f"the database {database}", seen)) from error
    with understood("databases.retrieve"):
        inside = raw["data_sources"]
        if len(inside) == 1:
            one = inside[0]
            url = str(raw.get("url") or "")
            return SourceInfo(
                id=links.plain(one["id"]), title=str(one.get("name") or ""), url=url
            )
        names = ", ".join(f"'{one.get('name')}' {one['id']}" for one in inside)
    raise NoAccessError(
        f"this database has {len(inside)} data sources ({names}): put the id of "
        "one into notion.data_source"
    )


async def _only_one(wire: Wire) -> SourceInfo:
    seen = await visible(wire)
    if len(seen) == 1:
        return seen[0]
    if not seen:
        raise NoAccessError(share("any database", ""))
    raise NoAccessError(
        f"the token sees {len(seen)} databases ({_names(seen)}): put the id of one "
        "into notion.data_source"
    )


def no_access(answer: Answer) -> NotionError:
    """Return what a refusal that is about no single page means."""
    if answer.status == _UNAUTHORIZED:
        return NoAccessError(WHO_IS_THAT)
    if answer.kind is Kind.NO_ACCESS:
        return NoAccessError(f"{CAPABILITY_MISSING} ({answer.message})")
    if answer.kind is Kind.NOT_FOUND:
        return NoAccessError(share("the source"))
    return NoAccessError(f"Notion refuses the request: {answer.message}")


def about_row(answer: Answer) -> NotionError:
    """Return what a refusal that is about one page or one file means."""
    if answer.status == _FORBIDDEN:
        return RowRefusedError(f"Notion forbids it: {answer.message}")
    if answer.kind is Kind.NO_ACCESS:
        return no_access(answer)
    return RowRefusedError(f"Notion refuses it: {answer.message}")


def _source(raw: Mapping[str, Any]) -> SourceInfo:
    title = raw.get("title") or ()
    return SourceInfo(
        id=links.plain(raw["id"]),
        title="".join(str(part.get("plain_text") or "") for part in title),
        url=str(raw.get("url") or ""),
    )


def _names(sources: Sequence[SourceInfo]) -> str:
    return ", ".join(f"'{one.title}' {one.id}" for one in sources)
