"""PATCH of a data source in the pretend Notion, and searching for one."""

from __future__ import annotations

import pytest

from tests.daemon.pretend.caller import Caller, Json


async def _patch(caller: Caller, properties: Json) -> tuple[int, Json]:
    path = f"/v1/data_sources/{caller.town.source.id}"
    return await caller.ask("PATCH", path, {"properties": properties})


async def test_a_column_is_added_empty_and_nothing_else_changes(caller: Caller) -> None:
    before = dict(caller.town.workspace.read_cells(caller.page))
    options = [{"name": "Draft", "color": "gray"}, {"name": "Ready"}]
    status, answer = await _patch(
        caller,
        {
            "Done": {"type": "checkbox", "checkbox": {}},
            "Picture": {"files": {}},
            "State": {"type": "select", "select": {"options": options}},
            "Flow": {"status": {}},
        },
    )
    assert (status, answer["object"]) == (200, "data_source")
    made = answer["properties"]["State"]["select"]["options"]
    assert [(one["name"], one["color"]) for one in made] == [
        ("Draft", "gray"),
        ("Ready", "default"),
    ]
    assert caller.town.workspace.read_cells(caller.page) == {
        **before,
        "Done": False,
        "Picture": [],
        "State": None,
        "Flow": None,
    }


async def test_a_type_for_a_column_that_is_there_changes_it_and_loses_its_values(
    caller: Caller,
) -> None:
    """As in Notion, so that a test would see postbrush do it."""
    status, answer = await _patch(
        caller, {"Post": {"type": "checkbox", "checkbox": {}}}
    )
    assert (status, answer["properties"]["Post"]["type"]) == (200, "checkbox")
    assert caller.town.workspace.read_cells(caller.page)["Post"] is False


async def test_options_that_are_given_replace_all_there_were(caller: Caller) -> None:
    options = {"select": {"options": [{"name": "square"}, {"name": "wide"}]}}
    _, answer = await _patch(caller, {"Format": options})
    made = answer["properties"]["Format"]["select"]["options"]
    assert [one["name"] for one in made] == ["square", "wide"]


async def test_a_column_is_renamed_or_removed_by_its_id(caller: Caller) -> None:
    columns = caller.town.source.columns
    wanted = {columns["Date"].id: {"name": "Due"}, columns["Alt text"].id: None}
    status, answer = await _patch(caller, wanted)
    assert status == 200
    assert "Due" in answer["properties"]
    assert not {"Date", "Alt text"} & set(answer["properties"])


@pytest.mark.parametrize(
    ("properties", "tells"),
    [
        ({"New": {"type": "picture", "picture": {}}}, "should be a property schema"),
        ({"New": {"type": "checkbox"}}, "should be a property schema"),
        ({"New": "checkbox"}, "should be a property schema"),
        ({"New": {}}, "should be a property schema"),
        ({"Nobody": None}, "Could not find property"),
        ({"Name": None}, "Cannot delete the title"),
        ({"Second": {"title": {}}}, "second title"),
        ({"Date": {"name": "Post"}}, "already in use"),
        ({"New": {"select": {"options": [{"name": "a,b"}]}}}, "commas not allowed"),
        (
            {"New": {"select": {"options": [{"name": "a"}, {"name": "a"}]}}},
            "must be unique",
        ),
    ],
)
async def test_what_it_refuses_changes_nothing(
    caller: Caller, properties: Json, tells: str
) -> None:
    before = list(caller.town.source.columns)
    good: Json = {"Before": {"checkbox": {}}}
    status, answer = await _patch(caller, {**good, **properties})
    assert (status, answer["code"]) == (400, "validation_error")
    assert tells in answer["message"]
    assert list(caller.town.source.columns) == before


async def test_a_search_shows_what_is_shared_page_by_page(caller: Caller) -> None:
    space = caller.town.workspace
    for number in range(4):
        space.add_database(f"Table {number}", {"Name": "title"})
    hidden = space.add_database("Hidden", {"Name": "title"})
    space.set_shared(hidden.id, shared=False)
    wanted: Json = {
        "filter": {"property": "object", "value": "data_source"},
        "page_size": 2,
    }
    found, cursor = [], None
    while True:
        more: Json = {"start_cursor": cursor} if cursor else {}
        _, answer = await caller.ask("POST", "/v1/search", {**wanted, **more})
        assert len(answer["results"]) <= 2
        found += [row["title"][0]["plain_text"] for row in answer["results"]]
        cursor = answer["next_cursor"]
        if not answer["has_more"]:
            break
    assert found == [caller.town.source.title, *(f"Table {n}" for n in range(4))]
    _, named = await caller.ask("POST", "/v1/search", {"query": "table 3"})
    assert len(named["results"]) == 1
    for wrong in ({"filter": {"value": "data_source"}}, {"page_size": 0}):
        status, _ = await caller.ask("POST", "/v1/search", wrong)
        assert status == 400
