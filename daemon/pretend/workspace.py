"""A pretend Notion workspace, in memory: what people and the integration do to it.

The HTTP side is `daemon.pretend.notion_api`; both see the same pages.
"""

from __future__ import annotations

import asyncio
import secrets
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from daemon.pretend.errors import (
    archived_error,
    not_found,
    parse_uuid,
    validation_error,
)
from daemon.pretend.faults import Fault, FaultQueue, RecordedRequest
from daemon.pretend.models import DataSource, FakePage, Json, ShownFile, StoredFile
from daemon.pretend.uploads import UploadStore
from daemon.pretend.values import (
    FakeProperty,
    empty_value,
    from_plain,
    parse_write,
    to_plain,
)

PERSON = "1f2e3d4c-5b6a-4988-8776-655443322110"


@dataclass(slots=True)
class Workspace:
    """The whole pretend Notion.

    Attributes:
        upload_limit: What users.me reports, bytes.
        requests_per_minute: Of the token; None: no limit.
        query_cap: Rows after which a query ends (10,000 in the real one).
        slow_above: Rows of an answer above which a query times out; None: none.
        unreachable: Pages (dashed ids) that queries list and that answer 404.
        version: Grows with every change somebody could see.
    """

    now: Callable[[], datetime]
    token: str
    upload_limit: int = 5 * 2**20
    requests_per_minute: int | None = 180
    query_cap: int = 10_000
    slow_above: int | None = None
    name: str = "Oven & Oak"
    bot_id: str = "7775f3a3-893f-43fa-b625-460c61094c78"
    sources: dict[str, DataSource] = field(default_factory=dict)
    rows: dict[str, FakePage] = field(default_factory=dict)
    stored: dict[str, StoredFile] = field(default_factory=dict)
    requests: list[RecordedRequest] = field(default_factory=list)
    faults: FaultQueue = field(default_factory=FaultQueue)
    unreachable: set[str] = field(default_factory=set)
    version: int = 0
    uploads: UploadStore = field(init=False)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.uploads = UploadStore(self.now, self.upload_limit, self.bot_id)

    # What people do.

    def add_database(
        self, title: str, columns: Mapping[str, str | Sequence[str]]
    ) -> DataSource:
        """Make a database with one data source.

        Args:
            columns: Name to type; ("select", "A", "B") also names options.
        """
        made: dict[str, FakeProperty] = {}
        for name, kind in columns.items():
            words = [kind] if isinstance(kind, str) else list(kind)
            column_id = "title" if words[0] == "title" else secrets.token_hex(4)
            column = FakeProperty(id=column_id, name=name, type=words[0])
            for option in words[1:]:
                column.add_option(option)
            made[name] = column
        source = DataSource(
            id=str(uuid.uuid4()),
            database_id=str(uuid.uuid4()),
            title=title,
            created_at=self.now(),
            columns=made,
        )
        self.sources[source.id] = source
        self.notify_changed()
        return source

    def add_page(self, source_id: str, values: Mapping[str, Any]) -> str:
        """Add a row as a person; return its id (32 digits)."""
        source = self.sources[source_id]
        now = self.now()
        page = FakePage(
            id=str(uuid.uuid4()),
            source=source_id,
            created_at=now,
            edited_at=now,
            edited_by=PERSON,
            values={one.id: empty_value(one.type) for one in source.columns.values()},
        )
        self.rows[page.id] = page
        self._set_values(page, values)
        self.notify_changed()
        return page.id.replace("-", "")

    def edit_page(self, page_id: str, values: Mapping[str, Any]) -> None:
        """Change cells as a person."""
        page = self.get_page(page_id)
        self._set_values(page, values)
        page.edited_at, page.edited_by = self.now(), PERSON
        self.notify_changed()

    def _set_values(self, page: FakePage, values: Mapping[str, Any]) -> None:
        columns = self.sources[page.source].columns
        for name, value in values.items():
            page.values[columns[name].id] = from_plain(columns[name], value)

    def tick_box(self, page_id: str, column: str = "Regenerate") -> None:
        """Tick a box as a person."""
        self.edit_page(page_id, {column: True})

    def add_file(self, page_id: str, column: str, name: str, data: bytes) -> None:
        """Put a file into a files column as a person."""
        page = self.get_page(page_id)
        kept = StoredFile(secrets.token_hex(16), name, data)
        self.stored[kept.key] = kept
        found = self.sources[page.source].columns[column]
        page.values[found.id] = [
            *page.values[found.id],
            {"name": name, "key": kept.key},
        ]
        page.edited_at, page.edited_by = self.now(), PERSON
        self.notify_changed()

    def trash_page(self, page_id: str, *, restore: bool = False) -> None:
        """Put a page into the trash, or take it out."""
        page = self.get_page(page_id)
        page.in_trash = not restore
        page.edited_at, page.edited_by = self.now(), PERSON
        self.notify_changed()

    def move_page(self, page_id: str, source_id: str) -> None:
        """Move a row to another source: what has a namesake of its type there stays."""
        page = self.get_page(page_id)
        old = self.sources[page.source].columns
        kept = {one.name: (one.type, page.values[one.id]) for one in old.values()}
        page.source = source_id
        page.values = {}
        for column in self.sources[source_id].columns.values():
            kind, value = kept.get(column.name, ("", None))
            fits = kind == column.type
            page.values[column.id] = value if fits else empty_value(column.type)
        page.edited_at, page.edited_by = self.now(), PERSON
        self.notify_changed()

    def add_column(self, source_id: str, column: FakeProperty) -> None:
        """Add a column; it is empty on every page."""
        self.sources[source_id].columns[column.name] = column
        for page in self.pages_of(source_id):
            page.values[column.id] = empty_value(column.type)
        self.notify_changed()

    def rename_column(self, source_id: str, name: str, new: str) -> None:
        """Rename a column; its id stays."""
        columns = self.sources[source_id].columns
        column = columns.pop(name)
        column.name = new
        columns[new] = column
        self.notify_changed()

    def retype_column(self, source_id: str, name: str, kind: str) -> None:
        """Give a column another type: its values are lost."""
        column = self.sources[source_id].columns[name]
        column.type = kind
        for page in self.pages_of(source_id):
            page.values[column.id] = empty_value(kind)
        self.notify_changed()

    def remove_column(self, source_id: str, name: str) -> None:
        """Remove a column with its values."""
        self.sources[source_id].columns.pop(name)
        self.notify_changed()

    def hide_page(self, page_id: str, *, hidden: bool = True) -> None:
        """Take a page from the integration, which still lists it, or give it back."""
        page = {self.get_page(page_id).id}
        self.unreachable = self.unreachable - page | (page if hidden else set())

    def set_shared(self, source_id: str, *, shared: bool) -> None:
        """Show a database to the integration, or hide it."""
        self.sources[source_id].shared = shared

    def inject_fault(self, match: str, times: int | None = 1, **what: Any) -> None:  # noqa: ANN401 - fields of Fault
        """Order a fault, for ever when *times* is None; see `Fault`."""
        self.faults.add(Fault(match=match, **what), times)

    # What can be seen.

    def get_visible_page(self, page_id: str) -> FakePage:
        """Return a page as the integration gets it by its id.  Raises 404."""
        page = self.get_page(page_id)
        if page.id in self.unreachable:
            raise not_found("page", page.id)
        return page

    def get_page(self, page_id: str) -> FakePage:
        """Return a page, by either form of its id.  Raises 404."""
        found = self.rows.get(parse_uuid(page_id, "page_id"))
        if found is None or not self.sources[found.source].shared:
            raise not_found("page", page_id)
        return found

    def pages_of(self, source_id: str) -> list[FakePage]:
        return [page for page in self.rows.values() if page.source == source_id]

    def list_page_ids(self, source_id: str) -> list[str]:
        """Return the ids of a source's pages, oldest first."""
        rows = self.pages_of(source_id)
        return [page.id.replace("-", "") for page in rows if not page.in_trash]

    def read_cells(self, page_id: str) -> dict[str, Any]:
        """Return a page's cells as plain Python, by column name."""
        page = self.get_page(page_id)
        columns = self.sources[page.source].columns.values()
        return {one.name: to_plain(one.type, page.values[one.id]) for one in columns}

    def list_files(self, page_id: str, column: str = "Image") -> list[ShownFile]:
        """Return the files of a column."""
        page = self.get_page(page_id)
        cells = page.values[self.sources[page.source].columns[column].id]
        return [
            ShownFile(cell["name"], self.stored[cell["key"]].data, cell["key"])
            for cell in cells
            if "key" in cell
        ]

    async def wait_changed(self, since: int, timeout: float) -> int:  # noqa: ASYNC109 - a long poll
        """Wait until `version` is no longer *since*; return it."""
        if self.version == since:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), timeout)
        return self.version

    def notify_changed(self) -> None:
        """Tell whoever waits that there is something new to see."""
        self.version += 1
        self._changed.set()
        self._changed = asyncio.Event()

    # What the integration does.

    def update_page(self, page_id: str, body: Json) -> FakePage:
        """Carry out PATCH /v1/pages/{id}: all of it or nothing."""
        page = self.get_visible_page(page_id)
        # Only what takes it out of the trash is allowed.
        if page.in_trash and body.get("in_trash") is not False:
            raise archived_error()
        columns = self.sources[page.source].columns
        by_key = {one.id: one for one in columns.values()} | dict(columns)
        values: dict[str, Any] = {}
        for key, given in (body.get("properties") or {}).items():
            if key not in by_key:
                raise validation_error(f"{key} is not a property that exists.")
            column = by_key[key]
            values[column.id] = parse_write(column, given, self._store_file_value)
        if (cover := body.get("cover")) is not None:
            page.cover = self._store_file_value({**cover, "name": "cover"}, 0)
        page.values |= values
        page.in_trash = bool(body.get("in_trash", page.in_trash))
        page.edited_at, page.edited_by = self.now(), self.bot_id
        self.notify_changed()
        return page

    def _store_file_value(self, given: Json, place: int) -> Json:
        """Return what a files property stores for one entry of a write."""
        if "file_upload" in given:
            upload = self.uploads.attach(given["file_upload"].get("id"))
            kept = StoredFile(upload.id, upload.filename, upload.data or b"")
            self.stored[kept.key] = kept
            return {"name": given.get("name") or upload.filename, "key": kept.key}
        if "external" in given:
            return {"name": given.get("name") or "file", "external": given["external"]}
        if "file" in given:
            key = str(given["file"].get("url", "")).split("?")[0].rsplit("/", 2)[-2]
            if key in self.stored:
                return {"name": given.get("name") or "file", "key": key}
        raise validation_error(
            f"body failed validation: body.properties.files[{place}] is wrong."
        )
