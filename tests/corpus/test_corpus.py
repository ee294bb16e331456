"""The corpus has what its users rely on: all kinds, all scripts, nothing twice."""

from __future__ import annotations

import unicodedata

from tests.corpus import load_corpus

_KINDS = {
    *("closure", "condolence", "event", "hiring", "hours", "list", "quote", "review"),
    *("sale", "statement", "table", "versus"),
}
_SCRIPTS = {
    *("LATIN", "CYRILLIC", "GREEK", "ARABIC", "HEBREW", "DEVANAGARI", "THAI"),
    *("HIRAGANA", "KATAKANA", "CJK", "HANGUL"),
}


def test_there_are_sixty_posts_of_every_kind() -> None:
    posts = load_corpus().values()

    assert len(posts) == 60
    assert {post.kind for post in posts} == _KINDS
    assert len({post.post for post in posts}) == 60
    assert all(post.title and post.tag and post.post for post in posts)


def test_every_script_of_the_world_that_a_card_knows_is_there() -> None:
    letters = {char for post in load_corpus().values() for char in post.post}
    scripts = {unicodedata.name(char, "").split(" ")[0] for char in letters}

    assert scripts >= _SCRIPTS
    assert letters >= set("ßłşęțđőåñç'“”«»„①⭐★✅•₪₹€\N{COMBINING ENCLOSING KEYCAP}")
