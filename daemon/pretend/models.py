"""What a pretend workspace is made of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from daemon.pretend.values import FakeProperty

Json = dict[str, Any]


@dataclass(slots=True)
class StoredFile:
    """Bytes in Notion's storage; a files property names them."""

    key: str
    filename: str
    data: bytes


@dataclass(frozen=True, slots=True)
class ShownFile:
    """One file of a page, for tests and the board."""

    name: str
    data: bytes
    key: str


@dataclass(slots=True)
class DataSource:
    """A table, inside a database of the same title."""

    id: str
    database_id: str
    title: str
    created_at: datetime
    columns: dict[str, FakeProperty]
    shared: bool = True


@dataclass(slots=True)
class FakePage:
    """A row; `values` by column id."""

    id: str
    source: str
    created_at: datetime
    edited_at: datetime
    edited_by: str
    values: dict[str, Any]
    in_trash: bool = False
    cover: Json | None = None
