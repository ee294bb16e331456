"""Links and IDs of Notion as people paste them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.config import parsing

ID = "0123456789abcdef0123456789abcdef"
DASHED = "01234567-89ab-cdef-0123-456789abcdef"
OTHER = "f" * 32


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
    found = parsing.page_id(text)
    assert found is None or len(found) == 32
