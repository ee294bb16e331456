"""The pretend Notion answers in the shapes the real one was recorded to answer in."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.daemon.pretend.caller import Caller, Json

FOLDER = Path(__file__).parent / "recordings"
#: Fields that only an older API version answered, or that need a feature of Notion
#: postbrush has no use for.
_OLDER = {"archived"}


def recorded(name: str) -> Json:
    return dict(json.loads((FOLDER / f"{name}.json").read_text()))


def _kind(value: object) -> str:
    """Say what sort of value it is; times and ids have their exact form."""
    if isinstance(value, str):
        for form, name in (
            (r"\d{4}-\d\d-\d\dT\d\d:\d\d:00\.000Z", "minute"),
            (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|\+00:00)", "moment"),
            (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "uuid"),
        ):
            if re.fullmatch(form, value):
                return name
        return "text"
    return type(value).__name__


def differences(
    real: object, ours: object, where: str = "", *, exact: bool = True
) -> list[str]:
    """Return where *ours* has another shape; *exact*: and nothing more than *real*."""
    # Absent values say nothing about their type.
    if real is None or ours is None:
        return []
    if isinstance(real, Mapping) and isinstance(ours, Mapping):
        if where.endswith(".properties"):
            return _properties(real, ours, where, exact=exact)
        # Another member of the same union: a parent that is a page or a workspace.
        if "type" in real and real["type"] != ours.get("type", real["type"]):
            return []
        missing = set(real) - set(ours) - (set() if exact else _OLDER)
        extra = set(ours) - set(real) - {"request_id"} if exact else set()
        lines = [f"{where}.{key} is missing" for key in sorted(missing)]
        lines += [f"{where}.{key} is invented" for key in sorted(extra)]
        for key in set(real) & set(ours):
            lines += differences(real[key], ours[key], f"{where}.{key}", exact=exact)
        return lines
    if isinstance(real, list) and isinstance(ours, list):
        pairs = [(real[0], one) for one in ours] if real else []
        return [
            line
            for one, other in pairs
            for line in differences(one, other, f"{where}[]", exact=exact)
        ]
    # A cursor is opaque, and has changed its form.
    if where == ".next_cursor":
        return []
    if _kind(real) != _kind(ours):
        return [f"{where}: {_kind(real)} in Notion, {_kind(ours)} here"]
    return []


def _properties(
    real: Mapping[str, Any], ours: Mapping[str, Any], where: str, *, exact: bool
) -> list[str]:
    by_type = {one["type"]: one for one in real.values()}
    return [
        line
        for name, one in ours.items()
        if one["type"] in by_type and one[one["type"]]
        for line in differences(
            by_type[one["type"]], one, f"{where}[{name}]", exact=exact
        )
    ]


@pytest.mark.parametrize(
    ("name", "method", "path"),
    [
        ("users_me", "GET", "/v1/users/me"),
        ("data_source", "GET", "/v1/data_sources/{source}"),
        ("database", "GET", "/v1/databases/{database}"),
        ("page", "GET", "/v1/pages/{page}"),
        ("page_update", "PATCH", "/v1/pages/{page}"),
        ("search_nothing", "POST", "/v1/search"),
        ("upload_list", "GET", "/v1/file_uploads"),
    ],
)
async def test_answers_have_the_recorded_shape(
    caller: Caller, name: str, method: str, path: str
) -> None:
    await caller.upload()
    source = caller.town.source
    url = path.format(source=source.id, database=source.database_id, page=caller.page)
    real = recorded(name)
    status, ours = await caller.ask(method, url, {} if method != "GET" else None)
    assert status == real["status"]
    assert differences(real["body"], ours) == []


async def test_a_query_and_its_pages_have_the_recorded_shape(caller: Caller) -> None:
    for number in range(3):
        caller.town.workspace.add_page(caller.town.source.id, {"Name": f"{number}"})
    await caller.attach()
    path = f"/v1/data_sources/{caller.town.source.id}/query"
    _, first = await caller.ask("POST", path, {"page_size": 2})
    assert differences(recorded("query_page")["body"], first, exact=False) == []
    assert first["has_more"] is True
    _, rest = await caller.ask(
        "POST", path, {"page_size": 2, "start_cursor": first["next_cursor"]}
    )
    assert (rest["has_more"], rest["next_cursor"]) == (False, None)
    nothing = {"filter": {"property": "Name", "title": {"equals": "none"}}}
    _, empty = await caller.ask("POST", path, nothing)
    assert differences(recorded("query_nothing")["body"], empty) == []
    assert empty["results"] == []


async def test_the_life_of_a_file_has_the_recorded_shape(caller: Caller) -> None:
    done = await caller.upload()
    assert differences(recorded("upload_create")["body"], done["made"]) == []
    assert differences(recorded("upload_send")["body"], done["sent"]) == []
    _, found = await caller.ask("GET", f"/v1/file_uploads/{done['made']['id']}")
    assert differences(recorded("upload")["body"], found) == []
    await caller.attach()
    _, page = await caller.ask("GET", f"/v1/pages/{caller.page}")
    real = recorded("page_with_file")["body"]
    assert differences(real, page, exact=False) == []
    (shown,) = page["properties"]["Image"]["files"]
    (wanted,) = real["properties"]["files"]["files"]
    assert differences(wanted, shown) == []


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("error_url", "/v1/invalid"),
        ("error_page_id", "/v1/pages/AAA"),
        ("error_page_unshared", "/v1/pages/2600ce2a-6520-801c-86cb-fd0b73eb91de"),
        ("error_source_id", "/v1/data_sources/AAA"),
        (
            "error_source_unshared",
            "/v1/data_sources/00da364b-aaca-4b3b-94f5-21db691d804a",
        ),
    ],
)
async def test_refusals_have_the_recorded_words(
    caller: Caller, name: str, path: str
) -> None:
    real = recorded(name)
    status, ours = await caller.ask("GET", path)
    assert (status, ours["code"]) == (real["status"], real["body"]["code"])
    said = real["body"]["message"].partition(" Make sure")[0]
    assert ours["message"].startswith(said.rstrip("."))
    assert differences(real["body"], ours, exact=False) == []


async def test_a_wrong_token_has_the_recorded_words(caller: Caller) -> None:
    real = recorded("error_token")
    status, ours = await caller.ask("GET", "/v1/users/me", token="ntn_no")
    assert status == real["status"]
    assert ours["message"] == real["body"]["message"]
    assert differences(real["body"], ours) == []


async def test_a_newer_version_knows_no_archived(caller: Caller) -> None:
    path = f"/v1/pages/{caller.page}"
    _, newer = await caller.ask("GET", path, version="2026-03-11")
    assert "archived" not in newer
    assert newer["in_trash"] is False


async def test_the_comparison_would_notice() -> None:
    real = {"a": 1, "b": [{"at": "2026-07-04T09:11:00.000Z"}]}
    assert differences(real, {"a": 1, "b": [{"at": "2026-07-04T09:11:07.000Z"}]})
    assert differences(real, {"a": "1", "b": []}) == [".a: int in Notion, text here"]
    assert differences(real, {"b": []}) == [".a is missing"]
    assert differences(real, {"a": 1, "b": [], "c": 1}) == [".c is invented"]
