"""The objects of a pretend workspace."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from daemon.pretend.values import FakeProperty

Json = dict[str, Any]


@dataclass(slots=True)
class StoredFile:
    """A file in Notion's storage; files properties refer to it by `key`."""

    key: str
    filename: str
    data: bytes

    @property
    def content_type(self) -> str:
        """The media type, by the first bytes: PNG or else JPEG."""
        return "image/png" if self.data.startswith(b"\x89PNG") else "image/jpeg"


@dataclass(frozen=True, slots=True)
class ShownFile:
    """One file that a page shows, for tests and the board."""

    name: str
    data: bytes
    key: str


@dataclass(slots=True)
class DataSource:
    """A data source, in a database of the same title.

    Attributes:
        columns: Properties by name.
        shared: Whether the integration has access.
    """

    id: str
    database_id: str
    title: str
    created_at: datetime
    columns: dict[str, FakeProperty]
    shared: bool = True


@dataclass(slots=True)
class FakePage:
    """A page of a data source.

    Attributes:
        source: Id of the data source.
        edited_by: Id of the user or bot that edited the page last.
        values: JSON values by property id.
    """

    id: str
    source: str
    created_at: datetime
    edited_at: datetime
    edited_by: str
    values: dict[str, Any]
    in_trash: bool = False
    cover: Json | None = None
