"""`--only`, and what can be chosen from."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from daemon.cli.setup import proposals
from daemon.errors import SetupError
from daemon.notion.model import Page, Property, PropertyValue, Wanted

COLUMNS = {
    one.name: one
    for one in (
        Property(id="1", name="Name", type="title"),
        Property(id="2", name="Kind", type="select", options=("Picture", "Reel")),
        Property(id="3", name="Status", type="status", options=("Draft", "Waiting")),
        Property(id="4", name="Image status", type="select", options=("Done",)),
        Property(id="5", name="Ready", type="checkbox"),
        Property(id="6", name="Files", type="files"),
    )
}


def _page(status: str) -> Page:
    now = datetime(2026, 11, 24, tzinfo=UTC)
    cells = {"Status": PropertyValue("status", status)}
    return Page(
        id="",
        source="",
        url="",
        title="",
        created_at=now,
        edited_at=now,
        properties=cells,
    )


@pytest.mark.parametrize(
    ("given", "only"),
    [
        (["Status=Waiting"], {"Status": "Waiting"}),
        (["status = waiting"], {"Status": "Waiting"}),
        (["Kind=Reel", "Kind=Picture"], {"Kind": ["Reel", "Picture"]}),
        (["Kind=Reel", "Ready=true"], {"Kind": "Reel", "Ready": True}),
        (["Ready=False"], {"Ready": False}),
        (["Name=a=b"], {"Name": "a=b"}),
    ],
)
def test_flags_are_posts_only(given: list[str], only: object) -> None:
    assert proposals.parse_only(given, COLUMNS) == only


@pytest.mark.parametrize(
    ("given", "tells"),
    [
        ("Status", "must have the form 'Status=Waiting'"),
        ("=x", "must have the form"),
        (
            "Stauts=Waiting",
            "'Stauts' is not a property. The properties are: Name, Kind",
        ),
        (
            "Status=Wating",
            "'Wating' is not an option of 'Status'. The options are: Draft, Waiting",
        ),
        ("Ready=perhaps", "true or false"),
        ("Files=x", "cannot be compared"),
    ],
)
def test_a_wrong_flag_is_one_line(given: str, tells: str) -> None:
    with pytest.raises(SetupError, match=tells):
        proposals.parse_only([given], COLUMNS)


def test_a_status_comes_first_and_is_counted() -> None:
    pages = [_page("Waiting"), _page("Waiting"), _page("Draft")]
    values = proposals.list_filter_values(COLUMNS, {"Image status"}, pages)
    assert [(value.column, value.value, value.count) for value in values] == [
        ("Status", "Draft", 1),
        ("Status", "Waiting", 2),
        ("Kind", "Picture", 0),
        ("Kind", "Reel", 0),
    ]


def test_what_is_chosen_is_said_in_words() -> None:
    only: dict[str, Wanted] = {
        "Kind": ["Reel", "Picture"],
        "Ready": True,
        "Draft": False,
        "A": "b",
    }
    said = "Kind = Reel or Picture, and Ready is ticked, and Draft is not ticked"
    assert proposals.format_only(only) == f"{said}, and A = b"
