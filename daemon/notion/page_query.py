"""Queries of a source: all pages of a poll, or a sweep's pages answer by answer.

A query that times out is repeated with half as many rows, down to 10.  The page size
that Notion answers is kept for a day.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from daemon.config import parsing
from daemon.notion import query, sources
from daemon.notion.answer_shapes import next_cursor, results_of, translate_shape_errors
from daemon.notion.error_classes import ErrorClass, ErrorResponse, is_stale_cursor
from daemon.notion.errors import (
    NotionError,
    NotionUnavailableError,
    SchemaOutdatedError,
)
from daemon.notion.model import Page, Role, Schema, Urgency
from daemon.notion.pages import UnparsablePageError, read_page
from daemon.notion.query_position import CursorTrail, QueryPosition
from daemon.notion.transport import ApiError, NotionTransport

_LARGEST, _SMALLEST = 100, 10
_DAY = 86400.0
#: Pages parsed, in some milliseconds, before other tasks run.
_STRETCH = 20
_TIMED_OUT = 504
_RESTARTS = 3
#: Notion ends a query after so many rows, and says that it is incomplete.
_QUERY_ROWS = 10_000
#: Properties that postbrush only writes; a refused write reloads the schema.
_ONLY_WRITTEN = frozenset({Role.STATUS, Role.NOTE, Role.PROVIDER, Role.ALT})
_CIRCLE = "Notion's query cursors lead in a circle, so no answer is the last"
_STALE = "Notion's query cursors go stale faster than they are read"

Json = Mapping[str, Any]


@dataclass(slots=True)
class PageSize:
    """The number of rows that a query requests."""

    _size: int = _LARGEST
    _until: float = 0.0

    def current_size(self, moment: float) -> int:
        """Return the size at *moment*, in seconds of the monotonic clock."""
        return self._size if moment < self._until else _LARGEST

    def remember_size(self, size: int, moment: float) -> None:
        """Keep a smaller size that Notion answered for a day."""
        if size < self.current_size(moment):
            self._size, self._until = size, moment + _DAY


@dataclass(slots=True)
class _QueryAttempt:
    """One query, which requests fewer rows each time it times out."""

    size: int

    def shrink_on_timeout(self, lost: ErrorResponse) -> None:
        if lost.status == _TIMED_OUT:
            self.size = max(_SMALLEST, self.size // 2)


@dataclass(slots=True)
class PageQuery:
    """Queries a data source for its pages.

    Attributes:
        odd: Called with (page id, reason) for each page that cannot be parsed.
    """

    wire: NotionTransport
    odd: Callable[[str, str], None]
    size: PageSize = field(default_factory=PageSize)
    _reported: frozenset[str] = frozenset()

    async def collect_changed(self, schema: Schema, wanted: query.Filter) -> list[Page]:
        """Return all pages that a poll's filter matches.

        Raises:
            SchemaOutdatedError: The properties have changed since they were read.
            NoAccessError: Notion refuses access to the source.
            NotionUnavailableError: Notion did not answer every part of the query.
        """
        for _ in range(_RESTARTS):
            try:
                return await self._collect_pages(schema, {"filter": wanted})
            except ApiError as error:
                if not is_stale_cursor(error.answer):
                    raise explain_query(error.answer) from error
        raise NotionUnavailableError(_STALE)

    async def fetch_next_pages(
        self, schema: Schema, after: QueryPosition
    ) -> tuple[Sequence[Page], QueryPosition | None]:
        """Return the pages of one answer, oldest first, and the position after them.

        Raises:
            SchemaOutdatedError, NoAccessError, NotionUnavailableError: As
                `collect_changed`.
        """
        body: dict[str, Any] = {"sorts": query.OLDEST_FIRST}
        if (window := query.created_since_filter(after.created_from)) is not None:
            body["filter"] = window
        try:
            raw = await self._send_query(schema, body, after.cursor, Urgency.SWEEP)
        except ApiError as error:
            if not is_stale_cursor(error.answer):
                raise explain_query(error.answer) from error
            return await self.fetch_next_pages(schema, _restart_position(after))
        by_id: dict[str, Page] = {}
        rows, cursor = rows_and_cursor(raw)
        await self.read_rows(rows, schema, into=by_id)
        pages = list(by_id.values())
        after = replace(after, rows=after.rows + len(rows))
        # Notion ends a query after _QUERY_ROWS, so a new query continues from there.
        if cursor and after.rows < _QUERY_ROWS:
            return pages, _continue_position(after, cursor, pages, is_empty=not rows)
        return pages, _next_query_position(after, pages) if cursor or _is_incomplete(
            raw
        ) else None

    async def _collect_pages(self, schema: Schema, body: Json) -> list[Page]:
        pages: dict[str, Page] = {}
        trail, cursor = CursorTrail(), ""
        while True:
            page_count = len(pages)
            cursor = await self._collect_batch(pages, schema, body, cursor)
            if not cursor:
                return list(pages.values())
            if not trail.follow_cursor(cursor, len(pages) - page_count):
                raise NotionUnavailableError(_CIRCLE)

    async def _collect_batch(
        self, pages: dict[str, Page], schema: Schema, body: Json, cursor: str
    ) -> str:
        """Add the pages of one answer.

        Each answer takes 3 MB, and is freed before the next one.
        """
        raw = await self._send_query(schema, body, cursor, Urgency.POLL)
        rows, cursor = rows_and_cursor(raw)
        self._check_properties(rows, schema)
        await self.read_rows(rows, schema, into=pages)
        return cursor

    async def _send_query(
        self, schema: Schema, body: Json, cursor: str, urgency: Urgency
    ) -> Any:  # noqa: ANN401 - JSON
        start = {"start_cursor": cursor} if cursor else {}
        attempt = _QueryAttempt(self.size.current_size(self.wire.monotonic()))
        raw = await self.wire.send_with_retries(
            urgency,
            lambda client: client.data_sources.query(
                schema.source, **body, **start, page_size=attempt.size
            ),
            lost=attempt.shrink_on_timeout,
        )
        self.size.remember_size(attempt.size, self.wire.monotonic())
        return raw

    async def read_rows(
        self, results: Sequence[Any], schema: Schema, *, into: dict[str, Page]
    ) -> None:
        """Parse rows into pages by ID, and report each row that cannot be parsed."""
        for number, raw in enumerate(results):
            if number % _STRETCH == 0:
                await asyncio.sleep(0)
            try:
                page = read_page(raw, schema)
            except UnparsablePageError as error:
                name = raw.get("id") if isinstance(raw, Mapping) else None
                self.odd(str(name), str(error))
            else:
                into[page.id] = page

    def _check_properties(self, results: Sequence[Any], schema: Schema) -> None:
        """Detect properties that were deleted and added again, with another ID.

        Raises:
            SchemaOutdatedError: A property is missing.  It is raised once for each
                property, because a new schema may lack it as well.
        """
        for raw in results:
            missing = _missing_properties(raw, schema)
            if not missing.keys() <= self._reported:
                self._reported |= missing.keys()
                names = ", ".join(f"'{name}'" for name in sorted(missing.values()))
                raise SchemaOutdatedError(
                    f"Notion's pages no longer have the properties {names} that the "
                    "database had"
                )


def _missing_properties(raw: Any, schema: Schema) -> Mapping[str, str]:  # noqa: ANN401 - JSON
    """Return the read properties that a page of the source lacks, ID to name."""
    try:
        ids = {value["id"] for value in raw["properties"].values()}
        is_here = parsing.plain_id(raw["parent"]["data_source_id"]) == schema.source
    # The row is not a page of the source.
    except (KeyError, TypeError, AttributeError):
        return {}
    roles = schema.roles.items()
    read = [column for role, column in roles if role not in _ONLY_WRITTEN]
    used = [*read, *schema.named.values()] if is_here else []
    return {column.id: column.name for column in used if column.id not in ids}


def rows_and_cursor(raw: Json) -> tuple[Sequence[Any], str]:
    """Return the rows of an answer and the next cursor, which is "" after the last.

    Raises:
        NotionUnavailableError: The answer is not one to a query.
    """
    with translate_shape_errors("data_sources.query"):
        return results_of(raw), next_cursor(raw)


def explain_query(answer: ErrorResponse) -> NotionError:
    """Return the error for the refusal of a query."""
    if answer.kind is ErrorClass.REFUSED:
        return SchemaOutdatedError(f"Notion refuses the request: {answer.message}")
    return sources.explain_no_access(answer)


def _restart_position(after: QueryPosition) -> QueryPosition:
    """Return where to restart a query whose cursor expired."""
    if after.restarts >= _RESTARTS:
        raise NotionUnavailableError(_STALE)
    return QueryPosition(
        created_from=after.newest, newest=after.newest, restarts=after.restarts + 1
    )


def _newest_created(after: QueryPosition, pages: Sequence[Page]) -> datetime | None:
    times = [page.created_at for page in pages]
    return max([*times, *([after.newest] if after.newest else [])], default=None)


def _continue_position(
    after: QueryPosition, cursor: str, pages: Sequence[Page], *, is_empty: bool
) -> QueryPosition:
    """Return where the query under way continues."""
    if not after.trail.follow_cursor(cursor, 0 if is_empty else 1):
        raise NotionUnavailableError(_CIRCLE)
    newest = _newest_created(after, pages)
    restarts = after.restarts if newest == after.newest else 0
    return replace(after, cursor=cursor, newest=newest, restarts=restarts)


def _is_incomplete(raw: Json) -> bool:
    """Return whether Notion ended the query before its last row."""
    with translate_shape_errors("data_sources.query"):
        return (raw.get("request_status") or {}).get("type") == "incomplete"


def _next_query_position(
    after: QueryPosition, pages: Sequence[Page]
) -> QueryPosition | None:
    """Return where to begin the query that follows an incomplete one."""
    newest = _newest_created(after, pages)
    if newest is None:
        return None
    if after.created_from is not None and newest <= after.created_from:
        raise NotionUnavailableError(
            "more pages were made in one minute than Notion lists in one query"
        )
    return QueryPosition(created_from=newest, newest=newest)
