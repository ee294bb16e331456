"""What is proposed for any database: its columns stay as they are, ours fit beside."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.cli.setup.proposals import (
    ColumnPolicy,
    ColumnProposal,
    ColumnSlot,
    ColumnStatus,
    propose_columns,
)
from daemon.config.model import PropertyNames
from daemon.notion.model import Property, Role
from daemon.notion.schema import REQUIRED, TYPES, read_schema

NAMES = {role: str(PropertyNames.model_fields[role.value].default) for role in Role}


def _columns(**kinds: str) -> list[Property]:
    return [
        Property(id=f"c{n}", name=name.replace("_", " "), type=kind)
        for n, (name, kind) in enumerate(kinds.items())
    ]


def _place(found: ColumnProposal, role: Role) -> ColumnSlot:
    return next(slot for slot in found.places if slot.role is role)


@pytest.mark.parametrize(
    ("columns", "role", "fate", "name"),
    [
        # There, however it is written.
        (_columns(image="files"), Role.IMAGE, ColumnStatus.HERE, "image"),
        (
            _columns(Image_status="rich_text"),
            Role.STATUS,
            ColumnStatus.HERE,
            "Image status",
        ),
        # Under another name.
        (_columns(Picture="files"), Role.IMAGE, ColumnStatus.OTHER, "Picture"),
        (_columns(Anhang="files"), Role.IMAGE, ColumnStatus.OTHER, "Anhang"),
        (_columns(Caption="rich_text"), Role.POST, ColumnStatus.OTHER, "Caption"),
        (_columns(Prompt="rich_text"), Role.PROMPT, ColumnStatus.OTHER, "Prompt"),
        (_columns(Publish_on="date"), Role.DATE, ColumnStatus.OTHER, "Publish on"),
        (
            _columns(Redo_image="checkbox"),
            Role.REGENERATE,
            ColumnStatus.OTHER,
            "Redo image",
        ),
        # Two could be meant, or a name says nothing: ours is made.
        (_columns(A="files", B="files"), Role.IMAGE, ColumnStatus.MISSING, "Image"),
        (
            _columns(Text="rich_text", Copy="rich_text"),
            Role.POST,
            ColumnStatus.MISSING,
            "Post",
        ),
        (_columns(Notes="rich_text"), Role.POST, ColumnStatus.MISSING, "Post"),
        (_columns(A="date", B="date"), Role.DATE, ColumnStatus.MISSING, "Date"),
        # One is telling among several.
        (_columns(A="files", Photo="files"), Role.IMAGE, ColumnStatus.OTHER, "Photo"),
        # A box of another meaning is never un-ticked.
        (
            _columns(Published="checkbox"),
            Role.REGENERATE,
            ColumnStatus.MISSING,
            "Regenerate",
        ),
        # People's own status is not ours to write.
        (_columns(Status="status"), Role.STATUS, ColumnStatus.MISSING, "Image status"),
        # The name is another column's.
        (_columns(Image="url"), Role.IMAGE, ColumnStatus.TAKEN, "Post image"),
        (
            _columns(Image="url", Post_image="number"),
            Role.IMAGE,
            ColumnStatus.TAKEN,
            "Image (postbrush)",
        ),
        (
            _columns(Regenerate="button"),
            Role.REGENERATE,
            ColumnStatus.TAKEN,
            "New image",
        ),
        (
            _columns(Image_note="number"),
            Role.NOTE,
            ColumnStatus.TAKEN,
            "Post image note",
        ),
        # The name is another column's, and one with another name fits.
        (
            _columns(Image="url", Picture="files"),
            Role.IMAGE,
            ColumnStatus.OTHER,
            "Picture",
        ),
    ],
)
def test_each_column_has_its_fate(
    columns: list[Property], role: Role, fate: ColumnStatus, name: str
) -> None:
    slot = _place(propose_columns(columns, NAMES), role)
    assert (slot.fate, slot.name) == (fate, name)


def test_a_format_whose_options_are_none_is_left_alone() -> None:
    reel = Property(
        id="f", name="Format", type="select", options=("Reel", "Story post")
    )
    assert (
        _place(propose_columns([reel], NAMES), Role.FORMAT).fate is ColumnStatus.TAKEN
    )
    some = Property(id="f", name="Format", type="select", options=("Reel", "Story"))
    assert _place(propose_columns([some], NAMES), Role.FORMAT).fate is ColumnStatus.HERE


def test_what_is_chosen_is_what_is_added() -> None:
    proposal = propose_columns(_columns(Picture="files"), NAMES)
    added = {
        column.role: column for column in proposal.columns_to_add(ColumnPolicy.ADD)
    }
    assert {*added} == {*Role} - {Role.IMAGE}
    assert (added[Role.FORMAT].name, added[Role.FORMAT].type) == ("Format", "select")
    assert added[Role.PICK].type == "number"
    assert [
        column.name for column in proposal.columns_to_add(ColumnPolicy.REQUIRED)
    ] == ["Regenerate"]
    assert proposal.columns_to_add(ColumnPolicy.KEEP) == ()


def test_what_the_owner_has_configured_stays() -> None:
    names = {**NAMES, Role.POST: "Name", Role.PROMPT: "Name", Role.IMAGE: "B"}
    proposed = propose_columns(
        _columns(Name="title", A="files", B="files"), names
    ).names
    assert (proposed[Role.POST], proposed[Role.PROMPT], proposed[Role.IMAGE]) == (
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


@given(_TABLES, st.sampled_from(list(ColumnPolicy)))
def test_any_database_gets_columns_that_fit_and_keeps_its_own(
    there: dict[str, str], choice: ColumnPolicy
) -> None:
    columns = [Property(id=name, name=name, type=kind) for name, kind in there.items()]
    proposal = propose_columns(columns, NAMES)

    added = {column.name: column.type for column in proposal.columns_to_add(choice)}
    assert not {name.casefold() for name in added} & {n.casefold() for n in there}
    schema = read_schema(_raw({**there, **added}), proposal.names, {})
    assert schema.warnings == ()
    if choice is not ColumnPolicy.KEEP:
        assert schema.problems == ()
        assert set(REQUIRED) <= set(schema.roles)
    # Asked again, it proposes the same.
    after = [
        Property(id=name, name=name, type=kind)
        for name, kind in {**there, **added}.items()
    ]
    assert propose_columns(after, proposal.names).names == proposal.names
