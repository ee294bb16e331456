"""The file of scenes can be read, and each of its words means one thing."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

import pytest

from daemon.jobs.scene_lexicon import _FILE, find_scenes, fold_text

_LINES = [
    tuple(part.strip() for part in line.split("|"))
    for line in _FILE.read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]
_WORDS = [word for _, _, words in _LINES for word in words.split()]
#: Scripts that stand side by side in a word.
_JAPANESE = {"CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"}


@pytest.mark.parametrize("line", _LINES, ids=lambda line: line[1])
def test_a_phrase_is_plain_english_that_can_be_painted(line: tuple[str, ...]) -> None:
    kind, phrases, _ = line
    phrase, _, partner = phrases.partition(" / ")

    assert kind in {"thing", "place", "light", "occasion", "notice", "grief"}
    assert re.fullmatch(r"[A-Za-zé' -]+", phrase + partner)
    assert not re.search(r"\b(?:no|not|without|sign|letters?|text|menu)\b", phrases)
    where = r"(?:in|on|at|by|along|over|under) "
    assert bool(re.match(where, phrase)) == (kind in {"place", "light"})
    # What a place is shown with is a thing, and where a thing is, a place.
    assert not partner or bool(re.match(where, partner)) == (kind != "place")


def test_no_word_stands_for_two_scenes() -> None:
    meanings = {
        (fold_text(word.strip("=*_")), phrase)
        for _, phrase, words in _LINES
        for word in words.split()
    }
    counts = Counter(word for word, _ in meanings)

    assert [word for word, count in counts.items() if count > 1] == []


def test_a_word_is_written_in_one_script() -> None:
    """A letter of another script that looks the same never matches."""
    for word in _WORDS:
        letters = [char for char in word if char.isalpha()]
        scripts = {unicodedata.name(char).split()[0] for char in letters}
        assert len(scripts) <= 1 or scripts <= _JAPANESE, word


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        # A whole word, and a part of another.
        ("tea", "a teapot and a cup of tea"),
        ("team", ""),
        # The end of a compound, and its middle.
        ("Weißbier", "a glass of golden beer with foam"),
        ("abiertas", ""),
        # The longest word counts.
        ("fried rice", "a plate of golden fried rice"),
        # Scripts without spaces, or with prefixes.
        ("今日の餃子です", "crisp pan-fried dumplings on a plate"),
        ("والقهوة", "a cup of fresh coffee with rising steam"),
    ],
)
def test_where_a_word_matches(text: str, phrase: str) -> None:
    assert "".join(scene.phrase for scene in find_scenes(text)) == phrase
