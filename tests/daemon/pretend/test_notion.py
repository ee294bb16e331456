"""The pretend Notion's rules: what it refuses, and in which words."""

from __future__ import annotations

from typing import Any

import pytest

from tests.daemon.house import MovingClock
from tests.daemon.pretend.caller import Caller, Json

_TICKED = {"property": "Regenerate", "checkbox": {"equals": True}}


async def _query(caller: Caller, body: Json) -> tuple[int, Json]:
    path = f"/v1/data_sources/{caller.town.source.id}/query"
    return await caller.ask("POST", path, body)


async def _patch(caller: Caller, **properties: Any) -> tuple[int, Json]:  # noqa: ANN401 - JSON
    body = {"properties": {k.replace("_", " "): v for k, v in properties.items()}}
    return await caller.ask("PATCH", f"/v1/pages/{caller.page}", body)


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ({"property": "Post", "rich_text": {"contains": "BAKE"}}, True),
        ({"property": "Post", "rich_text": {"contains": "fish"}}, False),
        ({"property": "Post", "rich_text": {"does_not_contain": "fish"}}, True),
        ({"property": "Post", "rich_text": {"is_empty": True}}, False),
        ({"property": "Alt text", "rich_text": {"is_empty": True}}, True),
        ({"property": "Name", "title": {"equals": "Bread"}}, True),
        ({"property": "Name", "title": {"does_not_equal": "Bread"}}, False),
        ({"property": "Image", "files": {"is_not_empty": True}}, False),
        (_TICKED, False),
        ({"or": [_TICKED, {"property": "Name", "title": {"equals": "Bread"}}]}, True),
        ({"and": [_TICKED, {"property": "Name", "title": {"equals": "Bread"}}]}, False),
        (
            {
                "timestamp": "created_time",
                "created_time": {"on_or_after": "2026-11-24T10:15:00.000Z"},
            },
            True,
        ),
        (
            {
                "timestamp": "last_edited_time",
                "last_edited_time": {"after": "2026-11-24T10:15:00.000Z"},
            },
            False,
        ),
    ],
)
async def test_filters(caller: Caller, condition: Json, found: bool) -> None:  # noqa: FBT001 - a parameter
    status, answer = await _query(caller, {"filter": condition})
    assert status == 200
    assert bool(answer["results"]) is found


@pytest.mark.parametrize(
    ("body", "tells"),
    [
        ({"filter": {"property": "Nobody", "checkbox": {"equals": True}}}, "Nobody"),
        ({"filter": {"property": "Name", "checkbox": {"equals": True}}}, "not match"),
        ({"filter": {"and": [{"or": [{"and": [_TICKED]}]}]}}, "two levels"),
        ({"page_size": 0}, "page_size should be"),
        ({"start_cursor": "s:gone:100"}, "start_cursor provided is invalid: s:gone"),
        (
            {"sorts": [{"timestamp": "created_time", "direction": "up"}]},
            "direction should be",
        ),
    ],
)
async def test_a_query_it_refuses(caller: Caller, body: Json, tells: str) -> None:
    status, answer = await _query(caller, body)
    assert (status, answer["code"]) == (400, "validation_error")
    assert tells in answer["message"]


async def test_a_query_ends_at_its_cap_and_says_so(caller: Caller) -> None:
    caller.town.workspace.query_cap = 5
    for number in range(9):
        caller.town.workspace.add_page(caller.town.source.id, {"Name": f"{number}"})
    _, answer = await _query(caller, {"page_size": 500})
    assert len(answer["results"]) == 5
    assert answer["request_status"] == {
        "type": "incomplete",
        "incomplete_reason": "query_result_limit_reached",
    }


@pytest.mark.parametrize(
    ("properties", "tells"),
    [
        ({"Nobody": {"checkbox": True}}, "is not a property that exists"),
        ({"Regenerate": {"rich_text": []}}, "Regenerate is expected to be checkbox"),
        (
            {"Post": {"rich_text": [{"text": {"content": "x" * 2001}}]}},
            "length should be ≤ `2000`",
        ),
        ({"Image_status": {"select": {"name": "a, b"}}}, "commas not allowed"),
        ({"Date": {"date": {"start": "soon"}}}, "valid ISO 8601 date"),
    ],
)
async def test_a_write_it_refuses_changes_nothing(
    caller: Caller,
    properties: Any,  # noqa: ANN401 - JSON
    tells: str,
) -> None:
    before = dict(caller.town.workspace.read_cells(caller.page))
    good = {"Image_note": {"rich_text": [{"text": {"content": "kept?"}}]}}
    status, answer = await _patch(caller, **good, **properties)
    assert status == 400
    assert tells in answer["message"]
    assert dict(caller.town.workspace.read_cells(caller.page)) == before


async def test_an_upload_that_is_not_there_is_404_and_not_about_the_page(
    caller: Caller,
) -> None:
    before = dict(caller.town.workspace.read_cells(caller.page))
    files = {"files": [{"file_upload": {"id": "b" * 32}}]}
    status, answer = await _patch(caller, Regenerate={"checkbox": True}, Image=files)
    assert status == 404
    assert dict(caller.town.workspace.read_cells(caller.page)) == before
    assert "Could not find file_upload" in answer["message"]
    assert "Confirm the status" in answer["message"]


async def test_a_page_in_the_trash_is_not_edited(caller: Caller) -> None:
    caller.town.workspace.trash_page(caller.page)
    status, answer = await _patch(caller, Regenerate={"checkbox": False})
    assert status == 400
    assert answer["message"].startswith("Can't edit block that is archived.")


async def test_a_page_that_is_hidden_is_listed_all_the_same(caller: Caller) -> None:
    space = caller.town.workspace
    space.hide_page(caller.page)
    status, answer = await _patch(caller, Regenerate={"checkbox": False})
    assert (status, answer["code"]) == (404, "object_not_found")
    assert caller.page in space.list_page_ids(caller.town.source.id)


async def test_a_page_that_was_moved_has_other_properties(caller: Caller) -> None:
    space = caller.town.workspace
    box = space.sources[caller.town.source.id].columns["Regenerate"].id
    there = space.add_database("Archive", {"Name": "title", "Regenerate": "checkbox"})
    space.move_page(caller.page, there.id)
    status, answer = await _patch(caller, **{box: {"checkbox": False}})
    assert status == 400
    assert "is not a property that exists" in answer["message"]


async def test_times_are_floored_to_the_minute_and_writes_move_them(
    caller: Caller, clock: MovingClock
) -> None:
    clock.move(seconds=200)
    _, page = await _patch(caller, Regenerate={"checkbox": True})
    assert page["created_time"] == "2026-11-24T10:15:00.000Z"
    assert page["last_edited_time"] == "2026-11-24T10:18:00.000Z"
    assert page["last_edited_by"]["id"] == caller.town.workspace.bot_id


async def test_an_upload_lives_for_an_hour_from_its_announcement(
    caller: Caller, clock: MovingClock
) -> None:
    done = await caller.upload()
    path = f"/v1/file_uploads/{done['made']['id']}"
    clock.move(minutes=61)
    _, late = await caller.ask("GET", path)
    assert (late["status"], late["expiry_time"]) == ("expired", None)
    files = [{"file_upload": {"id": done["made"]["id"]}}]
    status, _ = await _patch(caller, Image={"files": files})
    assert status == 400
    await caller.attach()
    clock.move(days=3)
    shown = caller.town.workspace.list_files(caller.page)
    assert len(shown) == 1


@pytest.mark.parametrize(
    ("body", "tells"),
    [
        ({"filename": "a"}, "extension"),
        ({"filename": "a.exe", "content_type": "application/x-msdownload"}, "support"),
        ({"filename": "a.png", "content_type": "image/jpeg"}, "does not match"),
    ],
)
async def test_an_upload_it_refuses(caller: Caller, body: Json, tells: str) -> None:
    status, answer = await caller.ask("POST", "/v1/file_uploads", body)
    assert status == 400
    assert tells in answer["message"]


async def test_the_budget_of_a_minute(caller: Caller, clock: MovingClock) -> None:
    caller.town.workspace.requests_per_minute = 4
    statuses = [(await caller.ask("GET", "/v1/users/me"))[0] for _ in range(6)]
    assert statuses == [200, 200, 200, 200, 429, 429]
    clock.move(seconds=61)
    assert (await caller.ask("GET", "/v1/users/me"))[0] == 200


async def test_without_a_version_it_says_what_is_missing(caller: Caller) -> None:
    status, answer = await caller.ask("GET", "/v1/users/me", version="")
    assert (status, answer["code"]) == (400, "missing_version")
