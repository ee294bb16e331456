"""Properties are found by their IDs, and what is wrong with them is said in words."""

from __future__ import annotations

from typing import Any

from daemon.notion.model import Role
from daemon.notion.schema import read_schema


def _raw(**columns: str) -> dict[str, Any]:
    return {
        "id": "1" * 32,
        "title": [],
        "properties": {
            name: {"id": f"id-{name}", "type": kind, kind: {}}
            for name, kind in columns.items()
        },
    }


_NAMES = {role: role.value for role in Role}


def test_a_renamed_column_is_found_again_by_its_id() -> None:
    first = read_schema(_raw(image="files", regenerate="checkbox"), _NAMES, {})
    assert not first.cannot_start
    renamed = _raw(picture="files", regenerate="checkbox")
    renamed["properties"]["picture"]["id"] = "id-image"
    again = read_schema(renamed, _NAMES, first.property_ids)
    assert again.roles[Role.IMAGE].name == "picture"


def test_what_is_wrong_with_the_columns_says_where_to_click() -> None:
    found = read_schema(_raw(image="checkbox", status="number"), _NAMES, {})
    assert found.cannot_start
    assert "needs Files & media" in found.problems[0]
    assert "'regenerate' is missing. In Notion, click +" in found.problems[1]
    assert "needs Select or Status or Text" in found.warnings[0]
