"""What posts.only and posts.skip compare, what is wrong with them; exact numbers."""

from __future__ import annotations

from typing import Any

import pytest

from daemon.notion.filter_check import (
    filter_problems,
    format_unmet,
    uncomparable_properties,
)
from daemon.notion.filters import PropertyValue, Wanted, matches_filter
from daemon.notion.model import Property, Role, Schema
from daemon.notion.pages import plain_number, read_page
from daemon.notion.query import changed_filter
from daemon.notion.schema import read_schema
from tests.daemon.notion.test_units import DASHED, NOW

_NAMES = {role: role.value for role in Role}


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1234567, "1234567"),
        (1234567.0, "1234567"),
        (1234567.89, "1234567.89"),
        (0.1, "0.1"),
        (1e-7, "0.0000001"),
        (1e21, "1000000000000000000000"),
        (12345678901234567, "12345678901234567"),
        (-2.5, "-2.5"),
        (-0.0, "0"),
        (100, "100"),
    ],
)
def test_a_number_is_read_exactly(number: float, text: str) -> None:
    assert plain_number(number) == text
    formula = {"type": "formula", "formula": {"type": "number", "number": number}}
    values: dict[str, Any] = {
        "Price": {"type": "number", "number": number},
        "Twice": formula,
    }
    columns = read_page(_page(values), _schema()).columns
    assert (columns["Price"].text, columns["Twice"].text) == (text, text)


@pytest.mark.parametrize(
    ("value", "wanted", "found"),
    [
        ({"type": "multi_select", "multi_select": [{"name": "Facebook"}]}, "ace", 0),
        (
            {
                "type": "multi_select",
                "multi_select": [{"name": "Facebook"}, {"name": "Instagram"}],
            },
            "facebook",
            1,
        ),
        (
            {"type": "people", "people": [{"name": "Ada, Lady"}, {"name": "Bob"}]},
            "Ada, Lady",
            1,
        ),
        ({"type": "people", "people": [{"name": "Ada"}]}, ["Bob", "Ada"], 1),
        ({"type": "people", "people": []}, "Ada", 0),
    ],
)
def test_of_several_names_any_one_matches(
    value: dict[str, Any], wanted: Wanted, *, found: bool
) -> None:
    page = read_page(_page({"Where": value}), _schema())
    assert matches_filter(page.columns, {"Where": wanted}) is bool(found)


def test_a_filter_goes_on_by_id_after_a_rename() -> None:
    raw = _raw({"Status": ("s1", "select"), "Price": ("p1", "number")})
    first = read_schema(raw, _NAMES, {}, ["Status", "Price"])
    renamed = _raw({"State": ("s1", "select"), "Status": ("s2", "select")})
    later = read_schema(renamed, _NAMES, first.column_ids, ["Status", "Price"])
    assert later.named["Status"].name == "State"
    assert "Price" not in later.named
    values = {
        "State": {"id": "s1", "type": "select", "select": {"name": "Ready"}},
        "Status": {"id": "s2", "type": "select", "select": {"name": "Idea"}},
    }
    page = read_page(_page(values), later)
    assert matches_filter(page.columns, {"Status": "Ready"})
    asked = changed_filter(_with_box(later), NOW, {"Status": "Ready"})
    (_, narrowed) = asked["or"]
    assert [one.get("property") for one in narrowed["and"]] == [None, "s1"]


def test_of_two_properties_that_differ_in_case_the_exact_one_is_used() -> None:
    raw = _raw(
        {
            "post ": ("a", "rich_text"),
            "post": ("b", "rich_text"),
            "POST": ("c", "title"),
        }
    )
    schema = read_schema(raw, _NAMES, {})
    assert schema.roles[Role.POST].id == "b"
    (note,) = schema.notes
    assert note == (
        '"post" and "post " and "POST" differ only in case or in blanks. postbrush '
        'uses "post"'
    )
    alone = read_schema(_raw({"Post ": ("a", "rich_text")}), _NAMES, {})
    assert (alone.roles[Role.POST].id, alone.notes) == ("a", ())


@pytest.mark.parametrize(
    ("wanted", "problem"),
    [
        ({"Status": "ready"}, None),
        ({"Status": ["Ready", "Idea"]}, None),
        ({"Done": True}, None),
        ({"Done": "TRUE"}, None),
        ({"Price": "7"}, None),
        (
            {"Stauts": "Ready"},
            'property "Stauts", which the source does not have. Did you mean "Status"?',
        ),
        (
            {"Xyz": "Ready"},
            'have. Its properties are: "Status", "Done", "Price", "Link"',
        ),
        ({"Status": "Redy"}, 'which is not one of its options. Did you mean "Ready"?'),
        (
            {"Status": ["Ready", "Zzz"]},
            'be "Zzz", which is not one of its options. They are: "Ready", "Idea".',
        ),
        ({"Status": True}, 'the property "Status" is not a Checkbox'),
        ({"Done": "yes"}, "write true or false"),
    ],
)
def test_a_filter_that_never_matches_is_named(
    wanted: dict[str, Wanted], problem: str | None
) -> None:
    schema = _checked_schema()
    only, skip = (
        filter_problems(schema, wanted, {}),
        filter_problems(schema, {}, wanted),
    )
    if problem is None:
        assert (only, skip) == ([], [])
    else:
        assert problem in only[0]
        assert (only[0].split()[0], skip[0].split()[0]) == ("posts.only", "posts.skip")
        assert len(only) == 1


def test_what_cannot_be_compared_is_refused_with_what_can() -> None:
    schema = _checked_schema()
    (line,) = uncomparable_properties(schema, {"Link": "x", "Status": "Ready"}, {})
    assert line.startswith(
        'posts.only cannot compare the property "Link" (type relation)'
    )
    assert "Text, Title, Select, Status, Multi-select, Person" in line
    assert uncomparable_properties(schema, {}, {"Link": "x"}) != []


def test_why_names_what_is_wanted_and_what_is_there() -> None:
    columns = {
        "Status": PropertyValue("select", "Idea"),
        "Done": PropertyValue("checkbox", "false"),
    }
    wanted: dict[str, Wanted] = {"Status": ["Ready", "Go"], "Done": True, "Price": "7"}
    assert format_unmet(columns, wanted) == (
        'needs Status = "Ready" or "Go", this post has "Idea"; '
        "needs Done = true, this post has false; "
        'needs Price = "7", this post has no such property'
    )


def _checked_schema() -> Schema:
    kinds = {"Status": "select", "Done": "checkbox", "Price": "number"}
    columns = {
        name: Property(
            id=name,
            name=name,
            type=kind,
            options=("Ready", "Idea") * (kind == "select"),
        )
        for name, kind in [*kinds.items(), ("Link", "relation")]
    }
    return Schema(source="0" * 32, title="", columns=columns, roles={})


def _raw(columns: dict[str, tuple[str, str]]) -> dict[str, Any]:
    options = {"options": [{"name": "Ready"}, {"name": "Idea"}]}
    return {
        "id": DASHED,
        "title": [],
        "properties": {
            name: {"id": key, "type": kind, kind: options if kind == "select" else {}}
            for name, (key, kind) in columns.items()
        },
    }


def _with_box(schema: Schema) -> Schema:
    box = Property(id="box", name="Regenerate", type="checkbox")
    return Schema(
        source=schema.source,
        title="",
        columns=schema.columns,
        roles={Role.REGENERATE: box},
        named=schema.named,
    )


def _schema() -> Schema:
    return Schema(source="0" * 32, title="", columns={}, roles={})


def _page(values: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {
        "object": "page",
        "id": DASHED,
        "created_time": "2026-11-24T10:00:00.000Z",
        "last_edited_time": "2026-11-24T10:00:00.000Z",
        "properties": {name: {"id": name, **one} for name, one in values.items()},
    }
