"""What posts.only and posts.skip compare, what is wrong with them; exact numbers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.notion.filters import (
    changed_filter,
    filter_problems,
    format_unmet,
    matches_filter,
    uncomparable_properties,
)
from daemon.notion.model import Property, PropertyValue, Role, Schema, Wanted
from daemon.notion.pages import plain_number, read_page
from daemon.notion.schema import read_schema
from daemon.pretend import data_sources as pretend
from daemon.pretend.models import FakePage as PretendPage
from daemon.pretend.models import FakeProperty as PretendColumn
from daemon.pretend.models import from_plain

DASHED = "01234567-89ab-cdef-0123-456789abcdef"
NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
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
    columns = read_page(_page(values), _schema()).properties
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
    assert matches_filter(page.properties, {"Where": wanted}) is bool(found)


def test_a_filter_goes_on_by_id_after_a_rename() -> None:
    raw = _raw({"Status": ("s1", "select"), "Price": ("p1", "number")})
    first = read_schema(raw, _NAMES, {}, ["Status", "Price"])
    renamed = _raw({"State": ("s1", "select"), "Status": ("s2", "select")})
    later = read_schema(renamed, _NAMES, first.property_ids, ["Status", "Price"])
    assert later.configured["Status"].name == "State"
    assert "Price" not in later.configured
    values = {
        "State": {"id": "s1", "type": "select", "select": {"name": "Ready"}},
        "Status": {"id": "s2", "type": "select", "select": {"name": "Idea"}},
    }
    page = read_page(_page(values), later)
    assert matches_filter(page.properties, {"Status": "Ready"})
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
        '"post" and "post " and "POST" differ only in case or spaces. postbrush '
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
            '"Stauts", which the database does not have. Did you mean "Status"?',
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
    return Schema(source="0" * 32, title="", properties=columns, roles={})


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
        properties=schema.properties,
        roles={Role.REGENERATE: box},
        configured=schema.configured,
    )


def _schema() -> Schema:
    return Schema(source="0" * 32, title="", properties={}, roles={})


def _page(values: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {
        "object": "page",
        "id": DASHED,
        "created_time": "2026-11-24T10:00:00.000Z",
        "last_edited_time": "2026-11-24T10:00:00.000Z",
        "properties": {name: {"id": name, **one} for name, one in values.items()},
    }


_KINDS = {
    "Stage": "select",
    "State": "status",
    "Words": "rich_text",
    "Ready": "checkbox",
}
_SPELLINGS = ("Open", "open", "Opening", "Done", "DONE", "a Open b")
_VALUES = st.sampled_from(["", *_SPELLINGS])


def _with_options(*options: str) -> Schema:
    columns = {
        name: Property(id=name.lower(), name=name, type=kind, options=options)
        for name, kind in _KINDS.items()
    }
    box = Property(id="box", name="Regenerate", type="checkbox")
    return Schema(
        source="0" * 32, title="", properties=columns, roles={Role.REGENERATE: box}
    )


@given(
    cells=st.fixed_dictionaries(
        {"Stage": _VALUES, "State": _VALUES, "Words": _VALUES, "Ready": st.booleans()}
    ),
    only=st.dictionaries(
        st.sampled_from(list(_KINDS)),
        st.sampled_from(["Open", "open", "Done", True, False]) | st.just(("Open", "x")),
        max_size=3,
    ),
)
def test_notion_is_never_asked_for_less_than_we_would_take(
    cells: dict[str, Any], only: dict[str, Any]
) -> None:
    """What our own rule accepts, the pushed filter returns."""
    columns = {
        name: PretendColumn(name.lower(), name, kind) for name, kind in _KINDS.items()
    }
    box = PretendColumn("box", "Regenerate", "checkbox")
    for column in columns.values():
        for option in _SPELLINGS:
            column.add_option(option)
    values = {
        column.id: from_plain(column, cells.get(name, False) or None)
        if column.type in {"select", "status"}
        else from_plain(column, cells.get(name, False))
        for name, column in [*columns.items(), ("Regenerate", box)]
    }
    row = PretendPage(DASHED, DASHED, NOW, NOW, DASHED, values)
    ours = {
        name: PropertyValue(
            kind, str(cells[name]).lower() if kind == "checkbox" else cells[name]
        )
        for name, kind in _KINDS.items()
    }
    options = [one for one in _SPELLINGS if one == "Open" or one in cells.values()]
    asked = changed_filter(_with_options(*options), NOW, only)
    test = pretend.build_filter(asked, columns | {"Regenerate": box})
    if matches_filter(ours, only):
        assert test(row)
