"""Finds what can be painted in a post of any language, and says it in English.  Pure.

The text encoder of FLUX has learnt English; other scripts come out as lettering.  Nouns
of everyday business are therefore looked up in `scenes.txt`, and emoji are read by the
name that Unicode gives them.
"""

from __future__ import annotations

import functools
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

_FILE = Path(__file__).with_name("scenes.txt")
#: Scripts whose words are not set apart, or take prefixes, by first and last character.
_UNSPACED = (
    *(("\u0590", "\u07ff"), ("\u0e00", "\u0eff"), ("\u1100", "\u11ff")),
    *(("\u2e80", "\ud7ff"), ("\uf900", "\ufaff")),
)
#: Greek, Hebrew and Arabic, whose marks many writers leave out.
_UNMARKED = (("\u0370", "\u03ff"), ("\u0590", "\u07ff"))
#: Emoji of plants, food and animals.
_PAINTABLE = (
    *(("\U0001f32d", "\U0001f37f"), ("\U0001f400", "\U0001f43d")),
    *(("\U0001f950", "\U0001f96f"), ("\U0001f980", "\U0001f9ae")),
    *(("\U0001f9c0", "\U0001f9cb"), ("\U0001fad0", "\U0001fadb")),
)
_FIRST_EMOJI = "\U0001f300"
_TITLE_WEIGHT = 2
_MOST_THINGS = 2
#: Something named this many times less often than the subject is an aside.
_ASIDE = 3


@dataclass(frozen=True, slots=True)
class PaintableScene:
    """Something that can be painted.

    Attributes:
        kind: One of those that `scenes.txt` explains.
        phrase: An English noun phrase, or where it is: "by the sea".
        weight: An emoji may be an ornament, so it counts half as much as a word.
        partner: Where a thing is, or what is in a place, when nothing says it.
    """

    kind: str
    phrase: str
    weight: int = 2
    partner: str = ""


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    scene: PaintableScene
    inside: bool
    ends: bool

    def matches(self, text: str, at: int, *, is_inside: bool) -> bool:
        """Return whether *text* has the word at a place, which may be inside a word."""
        if (is_inside and not self.inside) or not text.startswith(self.text, at):
            return False
        after = at + len(self.text)
        return not (self.ends and text[after : after + 1].isalnum())


#: Words by their first two characters, the longest first.
_Index = dict[str, tuple[_Word, ...]]


def fold_text(text: str) -> str:
    """Return *text* in lower case, without marks that writers leave out."""
    lower = unicodedata.normalize("NFKC", text).casefold()
    lower = lower.replace("\ufe0f", "").replace("\u2019", "'")
    if lower.isascii():
        return lower
    kept, base = [], ""
    for char in unicodedata.normalize("NFD", lower):
        if not unicodedata.combining(char):
            base = char
        # "\u0307" is left of the Turkish capital I.
        elif _is_within(base, _UNMARKED) or (base, char) == ("i", "\u0307"):
            continue
        kept.append(char)
    return unicodedata.normalize("NFC", "".join(kept))


@functools.cache
def _load_words() -> _Index:
    """Return the words of the file."""
    index: dict[str, list[_Word]] = {}
    for line in _FILE.read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        kind, phrases, entries = (part.strip() for part in line.split("|"))
        phrase, _, partner = phrases.partition(" / ")
        of_word, of_emoji = (
            PaintableScene(kind, phrase, weight, partner) for weight in (2, 1)
        )
        for entry in entries.split():
            is_emoji = not entry.strip("=*_")[0].isalnum()
            word = _parse_word(entry, of_emoji if is_emoji else of_word)
            index.setdefault(word.text[:2], []).append(word)
    return {
        start: tuple(sorted(words, key=lambda word: -len(word.text)))
        for start, words in index.items()
    }


def _parse_word(entry: str, scene: PaintableScene) -> _Word:
    text = fold_text(entry.strip("=*_").replace("_", " "))
    is_unspaced = _is_within(text[0], _UNSPACED) or not text[0].isalnum()
    return _Word(
        text,
        scene,
        inside=not entry.startswith("=") and (entry.startswith("*") or is_unspaced),
        ends=entry.startswith("=") or entry.endswith("_"),
    )


def _is_within(char: str, ranges: Iterable[tuple[str, str]]) -> bool:
    return any(first <= char <= last for first, last in ranges)


@functools.lru_cache(maxsize=64)
def find_scenes(text: str) -> tuple[PaintableScene, ...]:
    """Return what the words and emoji of *text* name, in their order, repeats too."""
    index, folded = _load_words(), fold_text(text)
    found, at, is_inside = [], 0, False
    while at < len(folded):
        char = folded[at]
        word = _longest_at(folded, at, index, is_inside=is_inside)
        if word is not None:
            found.append(word.scene)
        elif char >= _FIRST_EMOJI and _is_within(char, _PAINTABLE):
            found.append(PaintableScene("thing", _name_emoji(char), weight=1))
        at += len(word.text) if word else 1
        is_inside = folded[at - 1].isalnum()
    return tuple(found)


def _name_emoji(char: str) -> str:
    name = unicodedata.name(char, "plant").lower().removesuffix(" face")
    return f"an {name}" if name[0] in "aeiou" else f"a {name}"


def _longest_at(text: str, at: int, index: _Index, *, is_inside: bool) -> _Word | None:
    for start in (text[at : at + 2], text[at]):
        for word in index.get(start, ()):
            if word.matches(text, at, is_inside=is_inside):
                return word
    return None


@dataclass(frozen=True, slots=True)
class KnownScenes:
    """What a picture may show, best first; each "" if nothing is known.

    Attributes:
        of_post: What the post names.
        of_occasion: The season, the business, or the news.
        is_sober: The post mourns, and shows nothing of the business.
    """

    of_post: str
    of_occasion: str
    is_sober: bool = False


def know_scenes(post: str, title: str, business: str) -> KnownScenes:
    """Return the scenes of a post, in English.

    Args:
        business: What is known of the owner's business, for a post that names nothing.
    """
    found = [*find_scenes(title) * _TITLE_WEIGHT, *find_scenes(post)]
    of_business = find_scenes(business)
    if grief := _choose_frequent(found, "grief"):
        return KnownScenes(grief[0].phrase, "", is_sober=True)
    place = _choose_frequent(found, "place")[:1]
    home = _choose_frequent(of_business, "place")[:1]
    light = _choose_frequent(found, "light")[:1]
    # What the business has to do with counts more.
    named = {scene.phrase for scene in found}
    found += [scene for scene in of_business if scene.phrase in named]
    things = _choose_frequent(found, "thing")
    instead = (
        _choose_frequent(found, "occasion")
        or _choose_frequent(of_business, "thing")
        or [
            PaintableScene("thing", where.partner)
            for where in place or home
            if where.partner
        ]
        or _choose_frequent(found, "notice")
        or [PaintableScene("thing", "an inviting corner") for _ in place or home]
    )[:1]
    usual = home or light
    return KnownScenes(_compose(things, place, usual), _compose(instead, place, usual))


def _compose(
    things: Sequence[PaintableScene],
    place: Sequence[PaintableScene],
    usual: Sequence[PaintableScene],
) -> str:
    """Return things, where the post says that they are, else where they usually are."""
    if not things:
        return ""
    if len(things) > 1 and _is_part(things[1], things[0]):
        things = things[:1]
    own = [thing.partner for thing in things if thing.partner]
    where = [scene.phrase for scene in place] or own or [one.phrase for one in usual]
    return " ".join([" beside ".join(thing.phrase for thing in things), *where[:1]])


def _is_part(part: PaintableScene, whole: PaintableScene) -> bool:
    """Return whether a thing is in another already: "prawns" in "soup with prawns"."""
    _, _, rest = whole.phrase.partition(" with ")
    return bool(rest) and rest.split()[-1] in part.phrase.split()


def _choose_frequent(
    found: Sequence[PaintableScene], kind: str
) -> list[PaintableScene]:
    """Return the scenes of a kind that are the post's subject, in their order."""
    counts: Counter[str] = Counter()
    scenes: dict[str, PaintableScene] = {}
    for scene in found:
        if scene.kind == kind:
            counts[scene.phrase] += scene.weight
            scenes.setdefault(scene.phrase, scene)
    top = max(counts.values(), default=0)
    frequent = {
        phrase
        for phrase, count in counts.most_common(_MOST_THINGS)
        if count * _ASIDE > top
    }
    return [scene for phrase, scene in scenes.items() if phrase in frequent]
