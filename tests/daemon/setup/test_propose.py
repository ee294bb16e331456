"""What is proposed for any database: its columns stay as they are, ours fit beside."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.config.model import Properties
from daemon.notion.model import Column, Role
from daemon.notion.schema import REQUIRED, TYPES, read_schema
from daemon.setup.propose import Choice, Fate, Place, Proposal, propose

NAMES = {role: str(Properties.model_fields[role.value].default) for role in Role}


def _columns(**kinds: str) -> list[Column]:
    return [
        Column(id=f"c{n}", name=name.replace("_", " "), type=kind)
        for n, (name, kind) in enumerate(kinds.items())
    ]


def _place(found: Proposal, role: Role) -> Place:
    return next(one for one in found.places if one.role is role)


@pytest.mark.parametrize(
    ("columns", "role", "fate", "name"),
    [
        # There, however it is written.
        (_columns(image="files"), Role.IMAGE, Fate.HERE, "image"),
        (_columns(Image_status="rich_text"), Role.STATUS, Fate.HERE, "Image status"),
        # Under another name.
        (_columns(Picture="files"), Role.IMAGE, Fate.OTHER, "Picture"),
        (_columns(Anhang="files"), Role.IMAGE, Fate.OTHER, "Anhang"),
        (_columns(Caption="rich_text"), Role.POST, Fate.OTHER, "Caption"),
        (_columns(Prompt="rich_text"), Role.PROMPT, Fate.OTHER, "Prompt"),
        (_columns(Publish_on="date"), Role.DATE, Fate.OTHER, "Publish on"),
        (_columns(Redo_image="checkbox"), Role.REGENERATE, Fate.OTHER, "Redo image"),
        # Two could be meant, or a name says nothing: ours is made.
        (_columns(A="files", B="files"), Role.IMAGE, Fate.MISSING, "Image"),
        (_columns(Text="rich_text", Copy="rich_text"), Role.POST, Fate.MISSING, "Post"),
        (_columns(Notes="rich_text"), Role.POST, Fate.MISSING, "Post"),
        (_columns(A="date", B="date"), Role.DATE, Fate.MISSING, "Date"),
        # One is telling among several.
        (_columns(A="files", Photo="files"), Role.IMAGE, Fate.OTHER, "Photo"),
        # A box of another meaning is never un-ticked.
        (_columns(Published="checkbox"), Role.REGENERATE, Fate.MISSING, "Regenerate"),
        # People's own status is not ours to write.
        (_columns(Status="status"), Role.STATUS, Fate.MISSING, "Image status"),
        # The name is another column's.
        (_columns(Image="url"), Role.IMAGE, Fate.TAKEN, "Post image"),
        (
            _columns(Image="url", Post_image="number"),
            Role.IMAGE,
            Fate.TAKEN,
            "Image (postbrush)",
        ),
        (_columns(Regenerate="button"), Role.REGENERATE, Fate.TAKEN, "New image"),
        (_columns(Image_note="number"), Role.NOTE, Fate.TAKEN, "Post image note"),
        # The name is another column's, and one with another name fits.
        (_columns(Image="url", Picture="files"), Role.IMAGE, Fate.OTHER, "Picture"),
    ],
)
def test_each_column_has_its_fate(
    columns: list[Column], role: Role, fate: Fate, name: str
) -> None:
    found = _place(propose(columns, NAMES), role)
    assert (found.fate, found.name) == (fate, name)


def test_a_format_whose_options_are_none_is_left_alone() -> None:
    reel = Column(id="f", name="Format", type="select", options=("Reel", "Story post"))
    assert _place(propose([reel], NAMES), Role.FORMAT).fate is Fate.TAKEN
    some = Column(id="f", name="Format", type="select", options=("Reel", "Story"))
    assert _place(propose([some], NAMES), Role.FORMAT).fate is Fate.HERE


def test_what_is_chosen_is_what_is_added() -> None:
    found = propose(_columns(Picture="files"), NAMES)
    assert [one.name for one in found.absent(Choice.ADD)] == [
        "Regenerate",
        "Image status",
        "Image note",
    ]
    assert [one.name for one in found.absent(Choice.REQUIRED)] == ["Regenerate"]
    assert found.absent(Choice.KEEP) == ()


def test_what_the_owner_has_configured_stays() -> None:
    names = {**NAMES, Role.POST: "Name", Role.PROMPT: "Name", Role.IMAGE: "B"}
    found = propose(_columns(Name="title", A="files", B="files"), names).names
    assert (found[Role.POST], found[Role.PROMPT], found[Role.IMAGE]) == (
        "Name",
        "Name",
        "B",
    )


_KINDS = sorted(
    {kind for kinds in TYPES.values() for kind in kinds} | {"url", "people"}
)
_NAMES = st.sampled_from(
    [
        *NAMES.values(),
        *("picture", "Photo", "Text", "Caption", "prompt", "Alt", "Due", "Status"),
        *("Post image", "New image", "Image format", "Image (postbrush)"),
    ]
) | st.text(min_size=1, max_size=4)


def _by_case(table: Mapping[str, str]) -> dict[str, str]:
    """Names differ by more than their case, as in a table people can read."""
    folded = {(name.strip() or "x").casefold(): name.strip() or "x" for name in table}
    kinds = {name.strip() or "x": kind for name, kind in table.items()}
    return {name: kinds[name] for name in folded.values()}


#: Never without a property: every data source has a title.
_TABLES = st.dictionaries(_NAMES, st.sampled_from(_KINDS), min_size=1, max_size=14).map(
    _by_case
)


def _raw(table: Mapping[str, str]) -> dict[str, object]:
    properties = {
        name: {"id": f"p{n}", "type": kind, kind: {}}
        for n, (name, kind) in enumerate(table.items())
    }
    return {"id": "0" * 32, "title": [], "properties": properties}


@given(_TABLES, st.sampled_from(list(Choice)))
def test_any_database_gets_columns_that_fit_and_keeps_its_own(
    there: dict[str, str], choice: Choice
) -> None:
    columns = [Column(id=name, name=name, type=kind) for name, kind in there.items()]
    found = propose(columns, NAMES)

    added = {one.name: one.type for one in found.absent(choice)}
    assert not {name.casefold() for name in added} & {n.casefold() for n in there}
    schema = read_schema(_raw({**there, **added}), found.names, {})
    assert schema.warnings == ()
    if choice is not Choice.KEEP:
        assert schema.problems == ()
        assert set(REQUIRED) <= set(schema.roles)
    # Asked again, it proposes the same.
    after = [
        Column(id=name, name=name, type=kind)
        for name, kind in {**there, **added}.items()
    ]
    assert propose(after, found.names).names == found.names
