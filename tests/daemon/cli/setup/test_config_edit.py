"""An owner's file keeps every line; a key that cannot be set safely is refused."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon import config
from daemon.cli.setup.config_text import CannotEditError, edit_toml, toml_literal

ONLY = ("posts", "only")
SOURCE = ("notion", "data_source")
WAITING = {"Status": "Waiting"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        # Nothing there yet.
        ("", '[posts]\nonly = { "Status" = "Waiting" }\n'),
        # A section of its own goes to the end.
        (
            "# mine\nconcurrency = 2",
            '# mine\nconcurrency = 2\n\n[posts]\nonly = { "Status" = "Waiting" }\n',
        ),
        # The section is there: first in it, everything else as it was.
        (
            "[posts] # which\napprove_above = 3\n\n[card]\n",
            (
                '[posts] # which\nonly = { "Status" = "Waiting" }\n'
                "approve_above = 3\n\n[card]\n"
            ),
        ),
        ("[posts]", '[posts]\nonly = { "Status" = "Waiting" }\n'),
        # The key is there: its comment stays, a # in the text is none.
        (
            '[posts]\nonly = { "A" = "#1" } # but why\napprove_above = 3\n',
            '[posts]\nonly = { "Status" = "Waiting" }  # but why\napprove_above = 3\n',
        ),
        # As far in, and as far from its value, as its owner has it.
        (
            '[posts]\n  only  =  "A"\n',
            '[posts]\n  only  =  { "Status" = "Waiting" }\n',
        ),
        # Over several lines.
        (
            (
                '[posts]\nonly = { "A" = [\n  "B", # first\n  "C",\n] }\n'
                "approve_above = 3\n"
            ),
            '[posts]\nonly = { "Status" = "Waiting" }\napprove_above = 3\n',
        ),
        # As a Windows editor writes it.
        (
            "\ufeff[posts]\r\napprove_above = 3\r\n",
            '\ufeff[posts]\r\nonly = { "Status" = "Waiting" }\r\napprove_above = 3\r\n',
        ),
        # Said already, in whatever way.
        ("[posts.only]\nStatus = 'Waiting'\n", "[posts.only]\nStatus = 'Waiting'\n"),
        # A section inside it is not it.
        (
            '[posts.on_done]\nA = "B"\n',
            '[posts.on_done]\nA = "B"\n\n[posts]\nonly = { "Status" = "Waiting" }\n',
        ),
    ],
)
def test_one_key_is_set_and_every_other_line_is_kept(before: str, after: str) -> None:
    assert edit_toml(before, {ONLY: WAITING}) == after


@pytest.mark.parametrize(
    "text",
    [
        "posts = { approve_above = 3 }\n",
        "posts.approve_above = 3\n",
        "[posts.only]\nStatus = 'Other'\n",
        'style = """\n[posts]\nonly = 3\n"""\n[[posts]]\n',
        "not toml",
        "posts = 3\n",
        # Its tables would change their order.
        "[[x]]\n[posts]\n[[x]]\n",
    ],
)
def test_what_is_written_unusually_is_refused(text: str) -> None:
    with pytest.raises(CannotEditError, match="posts"):
        edit_toml(text, {ONLY: WAITING})


def test_text_that_looks_like_a_section_is_not_taken_for_one() -> None:
    text = '[prompt]\nstyle = """\n[posts]\nonly = 3\n"""\n'
    try:
        after = tomllib.loads(edit_toml(text, {ONLY: WAITING}))
    except CannotEditError:
        return
    assert after["prompt"] == tomllib.loads(text)["prompt"]


def test_the_example_can_be_filled_in() -> None:
    text = config.example_text()
    after = edit_toml(text, {ONLY: WAITING, SOURCE: "0" * 32})
    changed = [
        (old, new)
        for old, new in zip(text.splitlines(), after.splitlines(), strict=True)
        if old != new
    ]
    assert [new.partition(" = ")[0] for _, new in changed] == ["data_source", "only"]
    assert all(
        old.partition(" # ")[2] == new.partition(" # ")[2] for old, new in changed
    )


@given(
    st.dictionaries(
        st.text(st.characters(codec="utf-8"), min_size=1),
        st.one_of(
            st.text(st.characters(codec="utf-8")),
            st.booleans(),
            st.lists(st.text(st.characters(codec="utf-8"))),
        ),
    )
)
def test_any_value_is_read_as_it_was_written(value: dict[str, object]) -> None:
    assert tomllib.loads(f"x = {toml_literal(value)}") == {"x": value}
    text = "[posts]\napprove_above = 3 # mine\n"
    assert tomllib.loads(edit_toml(text, {ONLY: value})) == {
        "posts": {"approve_above": 3, "only": value}
    }
