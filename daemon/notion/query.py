"""Queries of a source: all changed pages, or all pages batch by batch.

A query that times out is repeated with half as many rows, down to 10.  The page size
that Notion can answer is kept for a day.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from daemon.config import parsing
from daemon.notion.errors import NotionUnavailableError, SchemaOutdatedError
from daemon.notion.filters import NotionFilter, since_filter
from daemon.notion.model import Page, Schema, Urgency
from daemon.notion.pages import UnparsablePageError, read_page
from daemon.notion.responses import (
    CursorTrail,
    ErrorResponse,
    explain_query,
    rows_and_cursor,
    translate_shape_errors,
)
from daemon.notion.schema import ONLY_WRITTEN
from daemon.notion.transport import ApiError, NotionTransport

_LARGEST, _SMALLEST = 100, 10
_DAY = 86400.0
#: Pages parsed, in some milliseconds, before other tasks run.
_STRETCH = 20
_TIMED_OUT = 504
_RESTARTS = 3
#: Notion ends a query after so many rows, and says that it is incomplete.
_QUERY_ROWS = 10_000
_LOOP = "Notion's query cursors form a loop"
_STALE = "Notion's query cursors expire before they can be used"

Json = Mapping[str, Any]


class _StaleCursorError(Exception):
    """The cursor of a query expired, so the query must restart."""


@dataclass(slots=True)
class PageQuery:
    """Queries a data source for its pages.

    Every method raises SchemaOutdatedError if the properties have changed since they
    were read, NoAccessError if Notion refuses access to the source, and
    NotionUnavailableError if Notion did not answer every part of the query.

    Attributes:
        report_unparsable: Called with (page ID, reason) for each such page.
    """

    transport: NotionTransport
    report_unparsable: Callable[[str, str], None]
    _reported: frozenset[str] = frozenset()
    _page_size: int = _LARGEST
    _page_size_until: float = 0.0

    async def fetch_changed(self, schema: Schema, wanted: NotionFilter) -> list[Page]:
        """Return all pages that a poll's filter matches."""
        for _ in range(_RESTARTS):
            with suppress(_StaleCursorError):
                return await self._fetch_all(schema, {"filter": wanted})
        raise NotionUnavailableError(_STALE)

    async def fetch_newest(self, schema: Schema) -> tuple[list[Page], bool]:
        """Return at most the newest hundred pages, and whether those are all."""
        raw = await self._send(schema, _by_creation("descending"), "", Urgency.POLL)
        rows, cursor = _rows_and_cursor(raw)
        return await self._read_rows(rows, schema), not cursor

    async def iterate_batches(
        self, schema: Schema
    ) -> AsyncIterator[tuple[list[Page], bool]]:
        """Yield the pages of each response, oldest first, and whether more follow."""
        position = _Position()
        has_more = True
        while has_more:
            raw = await self._send_from(schema, position)
            rows, cursor = _rows_and_cursor(raw)
            pages = await self._read_rows(rows, schema)
            has_more = position.advance(raw, pages, cursor)
            # A response takes 3 MB.
            del raw, rows
            yield pages, has_more

    async def _send_from(self, schema: Schema, position: _Position) -> Any:  # noqa: ANN401 - JSON
        while True:
            body = _by_creation("ascending")
            if position.created_from is not None:
                body["filter"] = since_filter("created_time", position.created_from)
            with suppress(_StaleCursorError):
                return await self._send(schema, body, position.cursor, Urgency.SWEEP)
            position.restart()

    async def _fetch_all(self, schema: Schema, body: Json) -> list[Page]:
        pages: dict[str, Page] = {}
        trail, cursor = CursorTrail(), ""
        while True:
            page_count = len(pages)
            cursor = await self._add_batch(pages, schema, body, cursor)
            if not cursor:
                return list(pages.values())
            if not trail.follow_cursor(cursor, len(pages) - page_count):
                raise NotionUnavailableError(_LOOP)

    async def _add_batch(
        self, pages: dict[str, Page], schema: Schema, body: Json, cursor: str
    ) -> str:
        """Add the pages of one response, which is freed before the next one."""
        raw = await self._send(schema, body, cursor, Urgency.POLL)
        rows, cursor = _rows_and_cursor(raw)
        self._check_properties(rows, schema)
        pages |= {page.id: page for page in await self._read_rows(rows, schema)}
        return cursor

    async def _send(
        self, schema: Schema, body: Json, cursor: str, urgency: Urgency
    ) -> Any:  # noqa: ANN401 - JSON
        start = {"start_cursor": cursor} if cursor else {}
        size = self._current_page_size()

        def shrink_on_timeout(lost: ErrorResponse) -> None:
            nonlocal size
            if lost.status == _TIMED_OUT:
                size = max(_SMALLEST, size // 2)

        try:
            raw = await self.transport.send_with_retries(
                urgency,
                lambda client: client.data_sources.query(
                    schema.source, **body, **start, page_size=size
                ),
                on_lost=shrink_on_timeout,
            )
        except ApiError as error:
            if error.response.is_stale_cursor:
                raise _StaleCursorError from error
            raise explain_query(error.response) from error
        if size < self._current_page_size():
            self._page_size = size
            self._page_size_until = self.transport.monotonic() + _DAY
        return raw

    def _current_page_size(self) -> int:
        is_kept = self.transport.monotonic() < self._page_size_until
        return self._page_size if is_kept else _LARGEST

    async def _read_rows(self, rows: Sequence[Any], schema: Schema) -> list[Page]:
        """Parse the rows of a response, and report each that cannot be parsed."""
        pages: dict[str, Page] = {}
        for number, raw in enumerate(rows):
            if number % _STRETCH == 0:
                await asyncio.sleep(0)
            try:
                page = read_page(raw, schema)
            except UnparsablePageError as error:
                name = raw.get("id") if isinstance(raw, Mapping) else None
                self.report_unparsable(str(name), str(error))
            else:
                pages[page.id] = page
        return list(pages.values())

    def _check_properties(self, rows: Sequence[Any], schema: Schema) -> None:
        """Detect properties that were deleted and added again, with another ID.

        Raises:
            SchemaOutdatedError: A property is missing.  It is raised once for each
                property, because a new schema may lack it as well.
        """
        for raw in rows:
            missing = _missing_properties(raw, schema)
            if not missing.keys() <= self._reported:
                self._reported |= missing.keys()
                names = ", ".join(f"'{name}'" for name in sorted(missing.values()))
                raise SchemaOutdatedError(
                    f"The pages in Notion no longer have the properties {names}"
                )


@dataclass(slots=True)
class _Position:
    """Where a query of all pages continues, oldest first.

    Attributes:
        created_from: The creation time from which the query reads; None for all.
        cursor: The cursor of the next response; "" before the first one.
        newest: The creation time of the newest page read so far.
        rows: The number of rows that the query has returned.
        restarts: Restarts in a row because of an expired cursor.
    """

    created_from: datetime | None = None
    cursor: str = ""
    newest: datetime | None = None
    rows: int = 0
    restarts: int = 0
    trail: CursorTrail = field(default_factory=CursorTrail)

    def advance(self, raw: Json, pages: Sequence[Page], cursor: str) -> bool:
        """Move behind a response; return False if it is the last one.

        Raises:
            NotionUnavailableError: The query cannot be continued.
        """
        row_count = len(raw["results"])
        self.rows += row_count
        before = self.newest
        times = [page.created_at for page in pages]
        self.newest = max([*times, *([before] if before else [])], default=None)
        # Notion ends a query after _QUERY_ROWS, so a new query continues from there.
        if not cursor or self.rows >= _QUERY_ROWS:
            return bool(cursor or _is_incomplete(raw)) and self._begin_next_query()
        if not self.trail.follow_cursor(cursor, row_count):
            raise NotionUnavailableError(_LOOP)
        self.cursor = cursor
        if self.newest != before:
            self.restarts = 0
        return True

    def _begin_next_query(self) -> bool:
        """Continue with the query that follows an incomplete one, if it has a start."""
        if self.newest is None:
            return False
        if self.created_from is not None and self.newest <= self.created_from:
            raise NotionUnavailableError(
                "more pages were created in one minute than Notion returns in one query"
            )
        self._begin_query(restarts=0)
        return True

    def restart(self) -> None:
        """Continue with a new query, because the cursor expired.

        Raises:
            NotionUnavailableError: It has expired too often.
        """
        if self.restarts >= _RESTARTS:
            raise NotionUnavailableError(_STALE)
        self._begin_query(restarts=self.restarts + 1)

    def _begin_query(self, restarts: int) -> None:
        self.created_from, self.cursor, self.rows = self.newest, "", 0
        self.restarts, self.trail = restarts, CursorTrail()


def _by_creation(direction: str) -> dict[str, Any]:
    return {"sorts": [{"timestamp": "created_time", "direction": direction}]}


def _rows_and_cursor(raw: Any) -> tuple[Sequence[Any], str]:  # noqa: ANN401 - JSON
    with translate_shape_errors("data_sources.query"):
        return rows_and_cursor(raw)


def _is_incomplete(raw: Json) -> bool:
    """Return whether Notion ended the query before its last row."""
    with translate_shape_errors("data_sources.query"):
        return (raw.get("request_status") or {}).get("type") == "incomplete"


def _missing_properties(raw: Any, schema: Schema) -> Mapping[str, str]:  # noqa: ANN401 - JSON
    """Return the read properties that a page of the source lacks, ID to name."""
    try:
        ids = {value["id"] for value in raw["properties"].values()}
        source = parsing.plain_id(raw["parent"]["data_source_id"])
    # The row is not a page of the source.
    except (KeyError, TypeError, AttributeError):
        return {}
    if source != schema.source:
        return {}
    read = [found for role, found in schema.roles.items() if role not in ONLY_WRITTEN]
    used = [*read, *schema.configured.values()]
    return {found.id: found.name for found in used if found.id not in ids}
