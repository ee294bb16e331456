"""Each value as its property takes it; a property that Notion refuses is named."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.notion.errors import WriteRefusedError
from daemon.notion.model import (
    File,
    Page,
    PageUpdate,
    Property,
    Role,
    Schema,
    WriteResult,
)
from daemon.notion.page_writes import (
    TEXT_LIMIT,
    RefusedProperties,
    build_payload,
    property_value,
    rich_text,
    write_accepted_parts,
)
from tests.daemon.house import START, House

_COLUMNS = {
    Role.IMAGE: "files",
    Role.REGENERATE: "checkbox",
    Role.STATUS: "select",
    Role.NOTE: "rich_text",
    Role.PROVIDER: "rich_text",
    Role.DETAILS: "rich_text",
    Role.ALT: "rich_text",
}
_ROLES = {
    role: Property(id=role.value, name=role.name.title(), type=kind)
    for role, kind in _COLUMNS.items()
}
_SCHEMA = Schema(
    source="1" * 32,
    title="",
    properties={one.name: one for one in _ROLES.values()},
    roles=_ROLES,
)
_PAGE = Page(
    id="2" * 32, source="1" * 32, url="", title="", created_at=START, edited_at=START
)


class _Notion:
    """Refuses writes that hold some properties, and notes what it takes."""

    def __init__(self, *refused: str) -> None:
        self.refused = set(refused)
        self.asked = 0
        self.taken: dict[str, object] = {}

    async def write(self, schema: Schema, change: PageUpdate) -> WriteResult:
        self.asked += 1
        body = build_payload(change, schema)[0]["properties"]
        if self.refused & body.keys():
            raise WriteRefusedError("Invalid status option.")
        self.taken |= body
        return WriteResult(page=_PAGE)

    async def read_again(self, _error: WriteRefusedError) -> Schema:
        return _SCHEMA

    async def update(
        self, change: PageUpdate, known: RefusedProperties, now: float
    ) -> WriteResult:
        return await write_accepted_parts(
            change,
            _SCHEMA,
            known,
            write=self.write,
            read_again=self.read_again,
            now=now,
        )


async def test_the_tick_goes_without_the_status_that_is_refused() -> None:
    notion, known = _Notion("status"), RefusedProperties()
    untick = PageUpdate(regenerate=False, status="Queued")
    written = await notion.update(untick, known, 0.0)
    assert notion.taken == {"regenerate": {"checkbox": False}}
    assert written.left_out == ("Status",)
    assert notion.asked == 3
    # For an hour it is left out at once, and then tried again.
    await notion.update(untick, known, 3599.0)
    assert notion.asked == 4
    notion.refused.clear()
    assert (await notion.update(untick, known, 3601.0)).left_out == ()
    assert "status" in notion.taken


async def test_an_image_goes_with_all_but_what_the_note_names() -> None:
    notion, known = _Notion("status", "alt"), RefusedProperties()
    change = PageUpdate(
        uploads=(("3" * 32, "a.png"),), status="Done", note="", provider="F", alt="A"
    )
    written = await notion.update(change, known, 0.0)
    assert set(notion.taken) == {"image", "provider", "note"}
    assert written.left_out == ("Status", "Alt")
    assert "Notion refused to write 'Status', 'Alt'." in str(notion.taken["note"])
    asked = notion.asked
    await notion.update(change, known, 60.0)
    assert notion.asked == asked + 1


@pytest.mark.parametrize("refused", ["regenerate", "image"])
async def test_what_a_write_is_about_is_not_left_out(refused: str) -> None:
    notion = _Notion(refused)
    change = PageUpdate(
        regenerate=False if refused == "regenerate" else None,
        uploads=(("3" * 32, "a.png"),) if refused == "image" else (),
        status="Queued",
    )
    with pytest.raises(WriteRefusedError):
        await notion.update(change, RefusedProperties(), 0.0)


async def test_a_note_that_is_refused_is_not_asked_for_again_within_the_hour() -> None:
    notion, known = _Notion("note", "status"), RefusedProperties()
    change = PageUpdate(status="Failed", note="No.")
    with pytest.raises(WriteRefusedError):
        await notion.update(change, known, 0.0)
    asked = notion.asked
    with pytest.raises(WriteRefusedError):
        await notion.update(change, known, 60.0)
    assert notion.asked == asked


async def test_a_status_that_notion_refuses_does_not_hold_the_tick(home: House) -> None:
    page = home.add()
    await home.live()
    columns = home.space.sources[home.town.source.id].columns
    columns["Image status"].refusal = "Invalid status option."
    home.space.tick_box(page)
    await home.live(10)
    await home.live(10)
    cells = home.read(page)
    assert cells["Regenerate"] is False
    assert home.hub.painted == 2
    assert "Notion refused to write 'Image status'" in cells["Image note"]
    (line,) = [line for line in home.warned if line.startswith("property.refused")]
    assert "'Image status'" in line
    assert (await home.jobs())[-1].state == "done"


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
    schema = replace(_SCHEMA, roles={Role.IMAGE: image})
    change = PageUpdate(uploads=(("u1", "a.png"), ("u2", "b.png")), keep=(theirs,))
    body, left_out = build_payload(change, schema)
    names = [one["name"] for one in body["properties"]["img"]["files"]]
    assert names == ["a.png", "b.png", "mine.jpg"]
    assert left_out == []
