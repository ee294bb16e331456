"""Changes of a data source's schema, and the search for data sources."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from daemon.pretend.errors import validation_error
from daemon.pretend.models import DataSource, FakeProperty, Json
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
    space: Workspace, source: DataSource, changes: Mapping[str, Json | None]
) -> None:
    """Carry out PATCH /v1/data_sources/{id}, all of it or nothing.

    Args:
        changes: By name or id of a property.  None removes the property, {"name": ...}
            renames it, and a type gives it that type, whatever it was before.  Other
            properties stay.

    Raises:
        ApiResponseError: 400, a change is invalid.
    """
    for key, config in changes.items():
        _validate_change(source, key, config)
    for key, config in changes.items():
        column = _find_column(source, key)
        if config is None:
            space.remove_column(source.id, column.name if column else key)
        elif column is None:
            _add_column(space, source, key, config)
        else:
            _change_column(space, source, column, config)
    space.notify_changed()


def _find_column(source: DataSource, key: str) -> FakeProperty | None:
    columns = source.columns.values()
    return next((c for c in columns if key in {c.id, c.name}), None)


def _property_type(config: Json) -> str | None:
    return config.get("type") or next((key for key in config if key in _KINDS), None)


def _validate_change(source: DataSource, key: str, config: object) -> None:
    column = _find_column(source, key)
    if config is None:
        if column is None:
            raise validation_error(f"Could not find property with name or id: {key}")
        if column.type == "title":
            raise validation_error("Cannot delete the title property.")
        return
    if not isinstance(config, dict):
        raise _schema_error(key, config)
    kind, name = _property_type(config), config.get("name")
    if name is not None and name != key and name in source.columns:
        raise validation_error(f"Property name {name} is already in use.")
    if kind is None and (column is None or name is None):
        raise _schema_error(key, config)
    if kind is not None and (
        kind not in _KINDS or not isinstance(config.get(kind), dict)
    ):
        raise _schema_error(key, config)
    if kind == "title" and (column is None or column.type != "title"):
        raise validation_error("Cannot create a second title property.")
    names = [option.get("name", "") for option in _options_in(config, kind)]
    if any(not option or "," in option for option in names):
        raise validation_error("Invalid select option, commas not allowed.")
    if len(set(names)) < len(names):
        raise validation_error("Select option names must be unique.")


def _schema_error(key: str, config: object) -> Exception:
    return validation_error(
        f"body failed validation: body.properties.{key} should be a property schema, "
        f"instead was `{config!r:.60}`."
    )


def _options_in(config: Json, kind: str | None) -> list[Json]:
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
    space: Workspace, source: DataSource, column: FakeProperty, config: Json
) -> None:
    kind, name = _property_type(config), config.get("name")
    if kind is not None and kind != column.type:
        space.retype_column(source.id, column.name, kind)
        column.options = []
    if kind is not None and _options_in(config, kind):
        # A list of options replaces the old list; options that stay keep their ids.
        old = {option["name"]: option for option in column.options}
        column.options = []
        _set_options(column, config)
        column.options = [old.get(new["name"], new) for new in column.options]
    if name is not None and name != column.name:
        space.rename_column(source.id, column.name, name)


def _set_options(column: FakeProperty, config: Json) -> None:
    for option in _options_in(config, column.type):
        added = column.add_option(option["name"])
        added["color"] = option.get("color", "default")


def search_data_sources(space: Workspace, body: Json) -> list[DataSource]:
    """Return the data sources that POST /v1/search finds; it never returns pages.

    Raises:
        ApiResponseError: 400, the body is invalid.
    """
    search_filter = body.get("filter")
    if search_filter is not None and (
        not isinstance(search_filter, dict)
        or search_filter.get("property") != "object"
        or search_filter.get("value") not in {"data_source", "page"}
    ):
        raise validation_error("body failed validation: body.filter.value is wrong.")
    size = body.get("page_size", 1)
    if not isinstance(size, int) or size < 1:
        raise validation_error(
            f"body failed validation: body.page_size should be ≥ `1`, instead was "
            f"`{size}`."
        )
    if search_filter is not None and search_filter["value"] == "page":
        return []
    text = str(body.get("query") or "").casefold()
    sources = space.sources.values()
    return [s for s in sources if s.shared and text in s.title.casefold()]
