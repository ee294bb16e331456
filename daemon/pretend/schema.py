"""The schema of a pretend data source: what a PATCH of it does, and what it refuses."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from daemon.pretend.errors import validation_error
from daemon.pretend.models import DataSource, Json
from daemon.pretend.values import FakeProperty
from daemon.pretend.workspace import Workspace

_KINDS = frozenset(
    {
        *("title", "rich_text", "number", "select", "multi_select", "status", "date"),
        *("people", "files", "checkbox", "url", "email", "phone_number", "formula"),
        *("relation", "rollup", "created_time", "created_by", "last_edited_time"),
        *("last_edited_by", "unique_id", "button", "place"),
    }
)
_DEFAULT_STATUS = ("Not started", "In progress", "Done")
_CHOICES = ("select", "multi_select", "status")


def update_schema(
    space: Workspace, source: DataSource, given: Mapping[str, Json | None]
) -> None:
    """Carry out PATCH /v1/data_sources/{id}: all of it or nothing.

    What is not named stays.  None removes a column, {"name": ...} renames one; a
    column that is named with a type gets that type, whatever it was before.
    """
    for key, config in given.items():
        _validate_change(source, key, config)
    for key, config in given.items():
        found = _find_column(source, key)
        if config is None:
            space.remove_column(source.id, found.name if found else key)
        elif found is None:
            _add_column(space, source, key, config)
        else:
            _change_column(space, source, found, config)
    space.notify_changed()


def _find_column(source: DataSource, key: str) -> FakeProperty | None:
    columns = source.columns.values()
    return next((one for one in columns if key in {one.id, one.name}), None)


def _property_type(config: Json) -> str | None:
    named = [key for key in config if key in _KINDS]
    return config.get("type") or (named[0] if named else None)


def _validate_change(source: DataSource, key: str, config: object) -> None:
    found = _find_column(source, key)
    if config is None:
        if found is None:
            raise validation_error(f"Could not find property with name or id: {key}")
        if found.type == "title":
            raise validation_error("Cannot delete the title property.")
        return
    if not isinstance(config, dict):
        raise _schema_error(key, config)
    kind, name = _property_type(config), config.get("name")
    if name is not None and name != key and name in source.columns:
        raise validation_error(f"Property name {name} is already in use.")
    if kind is None and (found is None or name is None):
        raise _schema_error(key, config)
    if kind is not None and (
        kind not in _KINDS or not isinstance(config.get(kind), dict)
    ):
        raise _schema_error(key, config)
    if kind == "title" and (found is None or found.type != "title"):
        raise validation_error("Cannot create a second title property.")
    names = [one.get("name", "") for one in _given_options(config, kind)]
    if any(not one or "," in one for one in names):
        raise validation_error("Invalid select option, commas not allowed.")
    if len(set(names)) < len(names):
        raise validation_error("Select option names must be unique.")


def _schema_error(key: str, config: object) -> Exception:
    return validation_error(
        f"body failed validation: body.properties.{key} should be a property schema, "
        f"instead was `{config!r:.60}`."
    )


def _given_options(config: Json, kind: str | None) -> list[Json]:
    content = config.get(kind) if kind in _CHOICES else None
    return list((content or {}).get("options") or ())


def _add_column(space: Workspace, source: DataSource, key: str, config: Json) -> None:
    kind = _property_type(config) or ""
    column = FakeProperty(secrets.token_hex(4), key, kind)
    _set_options(column, config)
    if kind == "status" and not column.options:
        for name in _DEFAULT_STATUS:
            column.add_option(name)
    space.add_column(source.id, column)


def _change_column(
    space: Workspace, source: DataSource, found: FakeProperty, config: Json
) -> None:
    kind, name = _property_type(config), config.get("name")
    if kind is not None and kind != found.type:
        space.retype_column(source.id, found.name, kind)
        found.options = []
    if kind is not None and _given_options(config, kind):
        # The list that is given replaces the one there was.
        kept = {one["name"]: one for one in found.options}
        found.options = []
        _set_options(found, config)
        found.options = [kept.get(one["name"], one) for one in found.options]
    if name is not None and name != found.name:
        space.rename_column(source.id, found.name, name)


def _set_options(column: FakeProperty, config: Json) -> None:
    for option in _given_options(config, column.type):
        made = column.add_option(option["name"])
        made["color"] = option.get("color", "default")


def search_data_sources(space: Workspace, body: Json) -> list[DataSource]:
    """Return what POST /v1/search finds; pages are of no interest here."""
    narrowed = body.get("filter")
    if narrowed is not None and (
        not isinstance(narrowed, dict)
        or narrowed.get("property") != "object"
        or narrowed.get("value") not in {"data_source", "page"}
    ):
        raise validation_error("body failed validation: body.filter.value is wrong.")
    size = body.get("page_size", 1)
    if not isinstance(size, int) or size < 1:
        raise validation_error(
            f"body failed validation: body.page_size should be ≥ `1`, instead was "
            f"`{size}`."
        )
    if narrowed is not None and narrowed["value"] == "page":
        return []
    words = str(body.get("query") or "").casefold()
    every = space.sources.values()
    return [one for one in every if one.shared and words in one.title.casefold()]
