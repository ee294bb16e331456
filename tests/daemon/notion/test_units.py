"""Links, filters, the limiter, and what is written: each by itself."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.config import parsing
from daemon.notion.filters import PropertyValue, matches_filter
from daemon.notion.limiter import NotionRateLimiter
from daemon.notion.model import (
    File,
    PageUpdate,
    Property,
    Role,
    Schema,
    Urgency,
)
from daemon.notion.payload import TEXT_LIMIT, build_payload, property_value, rich_text
from daemon.notion.query import changed_filter
from daemon.notion.schema import read_schema
from daemon.pretend import query as pretend
from daemon.pretend.models import FakePage as PretendPage
from daemon.pretend.values import FakeProperty as PretendColumn
from daemon.pretend.values import from_plain

ID = "0123456789abcdef0123456789abcdef"
DASHED = "01234567-89ab-cdef-0123-456789abcdef"
OTHER = "f" * 32
NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        ID,
        ID.upper(),
        DASHED,
        f"  {ID} ",
        f"https://www.notion.so/{ID}",
        f"https://www.notion.so/My-page-{ID}",
        f"https://www.notion.so/my-space/My-page-{ID}?pvs=4",
        f"https://app.notion.com/p/Title-{ID}",
        f"notion.so/My-page-{ID}#block",
        f"https://my-space.notion.site/Page-{ID}",
        f"https://www.notion.so/x/{OTHER}?v={OTHER}&p={ID}&pm=s",
        f"https://www.notion.so/{DASHED}",
    ],
)
def test_a_page_as_people_paste_it(text: str) -> None:
    assert parsing.page_id(text) == ID


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Bread day",
        ID[:-1],
        f"{ID}0",
        f"https://example.org/{ID}",
        f"https://notion.so.example.org/{ID}",
        "https://www.notion.so/",
    ],
)
def test_what_is_no_page(text: str) -> None:
    assert parsing.page_id(text) is None


def test_a_database_link_is_the_database_whatever_is_open_over_it() -> None:
    text = f"https://www.notion.so/x/{ID}?v={OTHER}&p={OTHER}"
    assert parsing.database_id(text) == ID


@given(st.text(max_size=90))
def test_no_link_is_an_exception(text: str) -> None:
    page_id = parsing.page_id(text)
    assert page_id is None or len(page_id) == 32


_KINDS = {
    "Stage": "select",
    "State": "status",
    "Words": "rich_text",
    "Ready": "checkbox",
}
_SPELLINGS = ("Open", "open", "Opening", "Done", "DONE", "a Open b")
_VALUES = st.sampled_from(["", *_SPELLINGS])


def _schema(*options: str) -> Schema:
    columns = {
        name: Property(id=name.lower(), name=name, type=kind, options=options)
        for name, kind in _KINDS.items()
    }
    box = Property(id="box", name="Regenerate", type="checkbox")
    return Schema(source=ID, title="", columns=columns, roles={Role.REGENERATE: box})


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
    row = PretendPage(DASHED, ID, NOW, NOW, ID, values)
    ours = {
        name: PropertyValue(
            kind, str(cells[name]).lower() if kind == "checkbox" else cells[name]
        )
        for name, kind in _KINDS.items()
    }
    options = [one for one in _SPELLINGS if one == "Open" or one in cells.values()]
    asked = changed_filter(_schema(*options), NOW, only)
    test = pretend.build_filter(asked, columns | {"Regenerate": box})
    if matches_filter(ours, only):
        assert test(row)


class _Time:
    """Passes when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)
        self.now += seconds


async def test_no_minute_has_more_requests_than_notion_allows() -> None:
    time = _Time()
    limiter = NotionRateLimiter(3, monotonic=time.monotonic, sleep=time.sleep)
    turns: list[float] = []
    for _ in range(700):
        await limiter.wait_turn(Urgency.JOB)
        turns.append(time.now)
    await limiter.close()
    for start in turns:
        assert sum(start <= turn < start + 60 for turn in turns) <= 180
    assert turns[-1] < 700 / 3 * 1.1


async def test_the_most_urgent_goes_first_and_a_stop_stops_all() -> None:
    time = _Time()
    limiter = NotionRateLimiter(1, monotonic=time.monotonic, sleep=time.sleep)
    limiter.pause_all(30)
    served: list[Urgency] = []

    async def ask(urgency: Urgency) -> None:
        await limiter.wait_turn(urgency)
        served.append(urgency)
        assert time.now >= 30

    asked = [Urgency.SWEEP, Urgency.JOB, Urgency.POLL, Urgency.REGENERATION]
    await asyncio.gather(*(ask(one) for one in asked))
    await limiter.close()
    assert served == sorted(asked)


async def test_one_who_no_longer_waits_costs_no_budget() -> None:
    time = _Time()
    limiter = NotionRateLimiter(1, monotonic=time.monotonic, sleep=time.sleep)
    limiter.pause_all(5)
    gone = asyncio.create_task(limiter.wait_turn(Urgency.POLL))
    stays = asyncio.create_task(limiter.wait_turn(Urgency.JOB))
    await asyncio.sleep(0)
    gone.cancel()
    await stays
    await limiter.close()
    assert time.now < 7


@given(st.text(max_size=5000))
def test_text_stays_within_notions_limit(text: str) -> None:
    parts = rich_text(text)
    whole = "".join(part["text"]["content"] for part in parts)
    assert all(len(part["text"]["content"]) <= TEXT_LIMIT for part in parts)
    assert whole == text or (whole.endswith("…") and text.startswith(whole[:-1]))


@pytest.mark.parametrize(
    ("kind", "value", "written"),
    [
        ("checkbox", True, {"checkbox": True}),
        ("checkbox", "TRUE", {"checkbox": True}),
        ("checkbox", "maybe", None),
        ("select", "a, b", {"select": {"name": "a  b"}}),
        ("select", "", {"select": None}),
        ("status", "done", {"status": {"name": "Done"}}),
        ("status", "Nowhere", None),
        ("date", "2026-11-24", {"date": {"start": "2026-11-24"}}),
        ("number", "7", None),
        ("people", "me", None),
        ("rich_text", True, None),
    ],
)
def test_a_value_as_its_column_takes_it(kind: str, value: Any, written: object) -> None:  # noqa: ANN401 - any
    column = Property(id="x", name="X", type=kind, options=("Open", "Done"))
    assert property_value(column, value) == written


def test_a_persons_files_are_repeated_behind_ours() -> None:
    theirs = File(
        name="mine.jpg",
        raw={"type": "external", "external": {"url": "https://x.org/a"}},
    )
    image = Property(id="img", name="Image", type="files")
    schema = replace(_schema(), roles={Role.IMAGE: image})
    change = PageUpdate(uploads=(("u1", "a.png"), ("u2", "b.png")), keep=(theirs,))
    body, left_out = build_payload(change, schema)
    names = [one["name"] for one in body["properties"]["img"]["files"]]
    assert names == ["a.png", "b.png", "mine.jpg"]
    assert left_out == []


def _raw(**columns: str) -> dict[str, Any]:
    return {
        "id": DASHED,
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
    again = read_schema(renamed, _NAMES, first.column_ids)
    assert again.roles[Role.IMAGE].name == "picture"


def test_what_is_wrong_with_the_columns_says_where_to_click() -> None:
    schema = read_schema(_raw(image="checkbox", status="number"), _NAMES, {})
    assert schema.cannot_start
    assert "must be Files & media" in schema.problems[0]
    assert "'regenerate' is missing: in Notion, click +" in schema.problems[1]
    assert "must be Select or Status or Text" in schema.warnings[0]
