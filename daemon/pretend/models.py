"""The objects of a pretend workspace, and the values of their properties."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from daemon.pretend.errors import validation_error

Json = dict[str, Any]

_TEXT_LIMIT = 2000
_PLAIN_ANNOTATIONS = {
    "bold": False,
    "italic": False,
    "strikethrough": False,
    "underline": False,
    "code": False,
    "color": "default",
}


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
        is_hidden: Queries list the page, but the page itself returns a 404.
        values: JSON values by property id.
    """

    id: str
    source: str
    created_at: datetime
    edited_at: datetime
    edited_by: str
    values: dict[str, Any]
    in_trash: bool = False
    is_hidden: bool = False
    cover: Json | None = None


@dataclass(slots=True)
class FakeProperty:
    """A property of a data source; its id stays when it is renamed."""

    id: str
    name: str
    type: str
    options: list[Json] = field(default_factory=list)
    #: Message of the error with which every write fails; empty: writes are accepted.
    refusal: str = ""

    def schema_json(self) -> Json:
        """Return the property as JSON of a data source's schema."""
        config: Json = {}
        if self.type in {"select", "multi_select", "status"}:
            config = {"options": self.options}
        if self.type == "status":
            config["groups"] = []
        if self.type == "number":
            config = {"format": "number"}
        return {
            "id": self.id,
            "name": self.name,
            "description": None,
            "type": self.type,
            self.type: config,
        }

    def find_option(self, name: str) -> Json | None:
        """Return the option with this name; upper and lower case differ."""
        return next((option for option in self.options if option["name"] == name), None)

    def add_option(self, name: str) -> Json:
        """Add an option and return it."""
        option = {"id": str(uuid.uuid4()), "name": name, "color": "default"}
        self.options.append(option)
        return option


def rich_text(text: str) -> list[Json]:
    """Return plain text as JSON of a rich text value."""
    if not text:
        return []
    return [
        {
            "type": "text",
            "text": {"content": text, "link": None},
            "annotations": dict(_PLAIN_ANNOTATIONS),
            "plain_text": text,
            "href": None,
        }
    ]


def empty_value(kind: str) -> Any:  # noqa: ANN401 - JSON
    """Return the value of a property of this type that was never set."""
    if kind in {"title", "rich_text", "files", "multi_select", "relation", "people"}:
        return []
    return False if kind == "checkbox" else None


def from_plain(column: FakeProperty, value: Any) -> Any:  # noqa: ANN401 - JSON
    """Return plain Python as a stored value; unknown options are added."""
    match column.type:
        case "title" | "rich_text":
            return rich_text(str(value or ""))
        case "select" | "status":
            if not value:
                return None
            return column.find_option(str(value)) or column.add_option(str(value))
        case "multi_select":
            return [column.find_option(v) or column.add_option(v) for v in value or ()]
        case "date":
            return {"start": value, "end": None, "time_zone": None} if value else None
        case "formula":
            return {"type": "string", "string": value}
        case _:
            return value


def to_plain(kind: str, value: Any) -> Any:  # noqa: ANN401 - JSON
    """Return a stored value as plain Python."""
    match kind:
        case "title" | "rich_text":
            return "".join(part["plain_text"] for part in value)
        case "select" | "status":
            return value["name"] if value else None
        case "multi_select" | "files":
            return [part["name"] for part in value]
        case "date":
            return value["start"] if value else None
        case "formula":
            return value["string"] if value else None
    return value


#: Returns the stored value of an entry of a files property, given its position.
FileOf = Callable[[Json, int], Json]


def parse_write(column: FakeProperty, entry: Json, file_of: FileOf) -> Any:  # noqa: ANN401 - JSON
    """Return the value that a PATCH of a page stores in a property.

    Raises a 400 if the value in *entry* has another type, is unknown or too long.
    """
    kind = column.type
    if column.refusal:
        raise validation_error(column.refusal)
    if kind in {"formula", "rollup", "created_time", "last_edited_time", "unique_id"}:
        raise validation_error(
            f"{column.name} is a computed property and cannot be updated."
        )
    if kind not in entry:
        raise validation_error(f"{column.name} is expected to be {kind}.")
    value = entry[kind]
    match kind:
        case "title" | "rich_text":
            return _parse_text(column, value)
        case "select":
            return _parse_select(column, value)
        case "status":
            return _parse_status(column, value)
        case "checkbox" if isinstance(value, bool):
            return value
        case "number" if value is None or isinstance(value, int | float):
            return value
        case "date":
            return _parse_date(column, value)
        case "url" | "email" | "phone_number" if value is None or isinstance(
            value, str
        ):
            return value
        case "files" if isinstance(value, list):
            return [file_of(file, position) for position, file in enumerate(value)]
    raise validation_error(
        f"body failed validation: body.properties.{column.name}.{kind} should be of "
        f"another type, instead was `{type(value).__name__}`."
    )


def _parse_text(column: FakeProperty, value: Any) -> list[Json]:  # noqa: ANN401 - JSON
    if not isinstance(value, list):
        raise validation_error(
            f"body.properties.{column.name}.{column.type} should be an array."
        )
    text = ""
    for position, part in enumerate(value):
        content = part.get("text", {}).get("content", "")
        if len(content) > _TEXT_LIMIT:
            raise validation_error(
                f"body failed validation: body.properties.{column.name}.{column.type}"
                f"[{position}].text.content.length should be ≤ `{_TEXT_LIMIT}`, "
                f"instead was `{len(content)}`."
            )
        text += content
    return rich_text(text)


def _parse_select(column: FakeProperty, value: Any) -> Json | None:  # noqa: ANN401 - JSON
    if value is None:
        return None
    name = value.get("name", "")
    if "," in name or not name:
        raise validation_error(f"Invalid select option, commas not allowed: {name}")
    return column.find_option(name) or column.add_option(name)


def _parse_status(column: FakeProperty, value: Any) -> Json | None:  # noqa: ANN401 - JSON
    if value is None:
        return column.options[0] if column.options else None
    option = column.find_option(value.get("name", ""))
    if option is None:
        raise validation_error(f'Status option "{value.get("name")}" does not exist".')
    return option


def _parse_date(column: FakeProperty, value: Any) -> Json | None:  # noqa: ANN401 - JSON
    if value is None:
        return None
    start = value.get("start")
    if not isinstance(start, str) or not start[:4].isdigit():
        raise validation_error(
            f"body failed validation: body.properties.{column.name}.date.start should "
            f"be a valid ISO 8601 date string, instead was `{start!r}`."
        )
    return {"start": start, "end": value.get("end"), "time_zone": None}
