"""A pretend Notion workspace in memory; `daemon.pretend.notion_api` is its HTTP API."""

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
    Fault,
    FaultQueue,
    RecordedRequest,
    not_found,
    parse_uuid,
    validation_error,
)
from daemon.pretend.models import (
    DataSource,
    FakePage,
    FakeProperty,
    Json,
    ShownFile,
    StoredFile,
    empty_value,
    from_plain,
    parse_write,
    to_plain,
)
from daemon.pretend.uploads import UploadStore

PERSON = "1f2e3d4c-5b6a-4988-8776-655443322110"


@dataclass(slots=True)
class Workspace:
    """The whole pretend Notion.

    Attributes:
        upload_limit: Largest file in bytes, as users.me reports it.
        requests_per_minute: Rate limit of the token; None for no limit.
        latency: Seconds that each request takes.
        query_cap: Rows after which a query ends (10,000 in the real Notion).
        slow_above: Page size above which a query times out; None for no limit.
        version: Raised by every visible change.
    """

    now: Callable[[], datetime]
    token: str
    upload_limit: int = 5 * 2**20
    requests_per_minute: int | None = 180
    latency: float = 0.0
    query_cap: int = 10_000
    slow_above: int | None = None
    name: str = "Oven & Oak"
    bot_id: str = "7775f3a3-893f-43fa-b625-460c61094c78"
    sources: dict[str, DataSource] = field(default_factory=dict)
    rows: dict[str, FakePage] = field(default_factory=dict)
    stored: dict[str, StoredFile] = field(default_factory=dict)
    requests: list[RecordedRequest] = field(default_factory=list)
    faults: FaultQueue = field(default_factory=FaultQueue)
    version: int = 0
    uploads: UploadStore = field(init=False)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.uploads = UploadStore(self.now, self.upload_limit, self.bot_id)

    def add_database(
        self, title: str, columns: Mapping[str, str | Sequence[str]]
    ) -> DataSource:
        """Add a database with one data source.

        Args:
            columns: Type by name; ("select", "A", "B") is a type with options.
        """
        properties: dict[str, FakeProperty] = {}
        for name, spec in columns.items():
            kind, *options = [spec] if isinstance(spec, str) else spec
            column_id = "title" if kind == "title" else secrets.token_hex(4)
            properties[name] = FakeProperty(id=column_id, name=name, type=kind)
            for option in options:
                properties[name].add_option(option)
        source = DataSource(
            id=str(uuid.uuid4()),
            database_id=str(uuid.uuid4()),
            title=title,
            created_at=self.now(),
            columns=properties,
        )
        self.sources[source.id] = source
        self.notify_changed()
        return source

    def add_page(self, source_id: str, values: Mapping[str, Any]) -> str:
        """Add a page as a person; return its id (32 digits)."""
        source = self.sources[source_id]
        now = self.now()
        page = FakePage(
            id=str(uuid.uuid4()),
            source=source_id,
            created_at=now,
            edited_at=now,
            edited_by=PERSON,
            values={c.id: empty_value(c.type) for c in source.columns.values()},
        )
        self.rows[page.id] = page
        self._set_values(page, values)
        self.notify_changed()
        return page.id.replace("-", "")

    def edit_page(self, page_id: str, values: Mapping[str, Any]) -> None:
        """Set properties of a page as a person, from plain Python."""
        page = self.get_page(page_id)
        self._set_values(page, values)
        self._mark_edited(page)

    def _mark_edited(self, page: FakePage, editor: str = PERSON) -> None:
        page.edited_at, page.edited_by = self.now(), editor
        self.notify_changed()

    def _set_values(self, page: FakePage, values: Mapping[str, Any]) -> None:
        columns = self.sources[page.source].columns
        for name, value in values.items():
            page.values[columns[name].id] = from_plain(columns[name], value)

    def tick_box(self, page_id: str, column: str = "Regenerate") -> None:
        """Tick a box as a person."""
        self.edit_page(page_id, {column: True})

    def add_file(self, page_id: str, column: str, name: str, data: bytes) -> None:
        """Append a file to a files property as a person."""
        page = self.get_page(page_id)
        file = StoredFile(secrets.token_hex(16), name, data)
        self.stored[file.key] = file
        column_id = self.sources[page.source].columns[column].id
        files = page.values[column_id]
        page.values[column_id] = [*files, {"name": name, "key": file.key}]
        self._mark_edited(page)

    def trash_page(self, page_id: str, *, restore: bool = False) -> None:
        """Put a page in the trash as a person, or restore it."""
        page = self.get_page(page_id)
        page.in_trash = not restore
        self._mark_edited(page)

    def move_page(self, page_id: str, source_id: str) -> None:
        """Move a page to another source as a person.

        A value stays if the new source has a property of the same name and type.
        """
        page = self.get_page(page_id)
        old_columns = self.sources[page.source].columns.values()
        old = {(c.name, c.type): page.values[c.id] for c in old_columns}
        page.source = source_id
        page.values = {
            c.id: old.get((c.name, c.type), empty_value(c.type))
            for c in self.sources[source_id].columns.values()
        }
        self._mark_edited(page)

    def add_column(self, source_id: str, column: FakeProperty) -> None:
        """Add a property, with an empty value on every page."""
        self.sources[source_id].columns[column.name] = column
        for page in self.pages_of(source_id):
            page.values[column.id] = empty_value(column.type)
        self.notify_changed()

    def rename_column(self, source_id: str, name: str, new: str) -> None:
        """Rename a property; its id stays."""
        columns = self.sources[source_id].columns
        column = columns.pop(name)
        column.name = new
        columns[new] = column
        self.notify_changed()

    def retype_column(self, source_id: str, name: str, kind: str) -> None:
        """Change the type of a property; its values are lost."""
        column = self.sources[source_id].columns[name]
        column.type = kind
        for page in self.pages_of(source_id):
            page.values[column.id] = empty_value(kind)
        self.notify_changed()

    def remove_column(self, source_id: str, name: str) -> None:
        """Remove a property."""
        self.sources[source_id].columns.pop(name)
        self.notify_changed()

    def hide_page(self, page_id: str, *, hidden: bool = True) -> None:
        """Let the page itself return 404 while queries still list it, or undo that."""
        self.get_page(page_id).is_hidden = hidden

    def set_shared(self, source_id: str, *, shared: bool) -> None:
        """Give the integration access to a data source, or remove it."""
        self.sources[source_id].shared = shared

    def inject_fault(self, match: str, times: int | None = 1, **what: Any) -> None:  # noqa: ANN401 - fields of Fault
        """Inject a fault for *times* matching requests, None for all; see `Fault`."""
        self.faults.add(Fault(match=match, **what), times)

    def get_visible_page(self, page_id: str) -> FakePage:
        """Return a page as `get_page` does; a hidden page raises a 404, too."""
        page = self.get_page(page_id)
        if page.is_hidden:
            raise not_found("page", page.id)
        return page

    def get_page(self, page_id: str) -> FakePage:
        """Return a page by its id, with dashes or without; a 404 if it is unknown."""
        page = self.rows.get(parse_uuid(page_id, "page_id"))
        if page is None or not self.sources[page.source].shared:
            raise not_found("page", page_id)
        return page

    def pages_of(self, source_id: str) -> list[FakePage]:
        """Return a source's pages, oldest first, including those in the trash."""
        return [page for page in self.rows.values() if page.source == source_id]

    def list_page_ids(self, source_id: str) -> list[str]:
        """Return the ids of a source's pages, oldest first, without the trash."""
        pages = self.pages_of(source_id)
        return [page.id.replace("-", "") for page in pages if not page.in_trash]

    def read_cells(self, page_id: str) -> dict[str, Any]:
        """Return a page's values as plain Python, by property name."""
        page = self.get_page(page_id)
        columns = self.sources[page.source].columns.values()
        return {c.name: to_plain(c.type, page.values[c.id]) for c in columns}

    def list_files(self, page_id: str, column: str = "Image") -> list[ShownFile]:
        """Return the files of a property, without external ones."""
        page = self.get_page(page_id)
        files = page.values[self.sources[page.source].columns[column].id]
        return [
            ShownFile(file["name"], self.stored[file["key"]].data, file["key"])
            for file in files
            if "key" in file
        ]

    async def wait_changed(self, since: int, timeout: float) -> int:  # noqa: ASYNC109 - a long poll
        """Wait up to *timeout* seconds until `version` is not *since*; return it."""
        if self.version == since:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), timeout)
        return self.version

    def notify_changed(self) -> None:
        """Raise `version` and wake all that wait for a change."""
        self.version += 1
        self._changed.set()
        self._changed = asyncio.Event()

    def update_page(self, page_id: str, body: Json) -> FakePage:
        """Carry out PATCH /v1/pages/{id}, all of it or nothing.  Raises 404 or 400."""
        page = self.get_visible_page(page_id)
        # Only a request that restores a page from the trash is allowed.
        if page.in_trash and body.get("in_trash") is not False:
            raise validation_error(
                "Can't edit block that is archived. You must unarchive the block "
                "before editing."
            )
        columns = self.sources[page.source].columns
        by_key = {column.id: column for column in columns.values()} | dict(columns)
        values: dict[str, Any] = {}
        for key, entry in (body.get("properties") or {}).items():
            if key not in by_key:
                raise validation_error(f"{key} is not a property that exists.")
            column = by_key[key]
            values[column.id] = parse_write(column, entry, self._store_file_value)
        if (cover := body.get("cover")) is not None:
            page.cover = self._store_file_value({**cover, "name": "cover"}, 0)
        page.values |= values
        page.in_trash = bool(body.get("in_trash", page.in_trash))
        self._mark_edited(page, self.bot_id)
        return page

    def _store_file_value(self, entry: Json, position: int) -> Json:
        """Return the value that a files property stores for one entry of a write."""
        if "file_upload" in entry:
            upload = self.uploads.attach(entry["file_upload"].get("id"))
            file = StoredFile(upload.id, upload.filename, upload.data or b"")
            self.stored[file.key] = file
            return {"name": entry.get("name") or upload.filename, "key": file.key}
        if "external" in entry:
            return {"name": entry.get("name") or "file", "external": entry["external"]}
        if "file" in entry:
            key = str(entry["file"].get("url", "")).split("?")[0].rsplit("/", 2)[-2]
            if key in self.stored:
                return {"name": entry.get("name") or "file", "key": key}
        raise validation_error(
            f"body failed validation: body.properties.files[{position}] is wrong."
        )
