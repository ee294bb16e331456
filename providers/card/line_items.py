"""Splits a text into what a line holds together: words, and phrases of ideographs.

The width of a `LineItem` is measured once at a size of 100 pixels and scales with the
size.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from providers.card import hyphenation
from providers.card.font_files import FontChoice, script_of
from providers.card.fonts import split_runs, width_at_100
from providers.card.graphemes import split_graphemes
from providers.card.language import guess_language
from providers.card.line_ends import hold_together, split_at_spaces
from providers.card.phrases import split_phrase, split_phrases

_CHUNK = 13
_UNSPACED = frozenset({"JAPANESE", "HAN", "THAI"})
_DASHES = frozenset("–—-|·/")
#: Penalties of a line that ends in a number, before one, at a hyphen, and between the
#: words of a compound.
_AFTER_NUMBER, _BEFORE_NUMBER, _HYPHEN, _JOINT = 0.4, 0.3, 1.0, 0.35


@dataclass(frozen=True, slots=True, kw_only=True)
class LineItem:
    """A word, or a phrase of ideographs with its punctuation.

    Attributes:
        width: Width in pixels at a size of 100.
        space: Width of the gap before the item, unless it begins a line.
        starts_line: The item must begin a line.
        break_penalty: The penalty of a line break before the item, 0 to 1.
        hyphen: Width of the hyphen that a line break before the item needs.
    """

    text: str
    width: float
    space: float = 0.0
    starts_line: bool = False
    break_penalty: float = 0.0
    hyphen: float = 0.0


@dataclass(frozen=True, slots=True)
class _Part:
    text: str
    penalty: float = 0.0
    has_hyphen: bool = False


def split_line_items(
    paragraphs: Sequence[str],
    base: FontChoice,
    *,
    divided: bool = False,
    chopped: bool = False,
) -> list[LineItem]:
    """Return the items of a text with their widths.

    Args:
        base: The font of the text.
        divided: Divide long words at their syllables.
        chopped: Break words of more than 13 characters anywhere, and hold nothing
            together.
    """
    divisions = _divide_words(paragraphs) if divided else {}
    items: list[LineItem] = []
    for paragraph in paragraphs:
        starts_line = bool(items)
        before = ""
        for word in _split_words(paragraph, held=not chopped):
            # An emoji that no font has.
            if not split_runs(word, base):
                continue
            penalty = _AFTER_NUMBER if before[-1:].isdecimal() else 0.0
            if word[0].isdecimal() and before[-1:].isalpha():
                penalty = _BEFORE_NUMBER
            for index, part in enumerate(_split_word(word, divisions, chopped=chopped)):
                item = LineItem(
                    text=part.text,
                    width=width_at_100(part.text, base),
                    space=0.0 if index else width_at_100(" ", base),
                    starts_line=starts_line,
                    break_penalty=part.penalty if index else penalty,
                    hyphen=width_at_100("-", base) if part.has_hyphen else 0.0,
                )
                items.append(item)
                starts_line = False
            before = word
    return items


def has_wide_word(paragraphs: Sequence[str], base: FontChoice, measure: float) -> bool:
    """Return True if a word that may be divided takes most of a line.

    *measure* is the line's width in pixels at a size of 100.
    """
    return any(
        width_at_100(word, base) > 0.7 * measure
        for paragraph in paragraphs
        for word in split_at_spaces(paragraph)
        if _may_be_divided(word)
    )


def _divide_words(paragraphs: Sequence[str]) -> dict[str, tuple[str, ...]]:
    words = (word for text in paragraphs for word in split_at_spaces(text))
    long = tuple(filter(_may_be_divided, words))
    language = guess_language(" ".join(paragraphs))
    return hyphenation.divide_words(long, language) if long else {}


def _may_be_divided(word: str) -> bool:
    return hyphenation.is_long_word(word) and not _is_unspaced(word)


def _split_words(paragraph: str, *, held: bool) -> Iterator[str]:
    """Yield words; a dash joins the word before it."""
    pending = ""
    for word in split_at_spaces(hold_together(paragraph) if held else paragraph):
        if word in _DASHES and pending:
            pending = f"{pending}\N{NO-BREAK SPACE}{word}"
            continue
        if pending:
            yield pending
        pending = word
    if pending:
        yield pending


def _split_word(
    word: str, divisions: dict[str, tuple[str, ...]], *, chopped: bool
) -> Iterator[_Part]:
    """Yield the parts of a word; spaces that are held become spaces."""
    shown = word.replace("\N{NO-BREAK SPACE}", " ").replace("\u202f", " ")
    parts = divisions.get(word, ())
    if _is_unspaced(word):
        for text, penalty in split_phrases(shown):
            chunks = split_phrase(text) if chopped else [text]
            yield from (_Part(chunk, penalty) for chunk in chunks)
    elif len(parts) > 1:
        joints = (None, *parts)
        for before, text in zip(joints, parts, strict=False):
            is_hyphenated = before is not None and before[-1].isalpha()
            is_joint = before is not None and hyphenation.is_joint(before)
            yield _Part(text, _JOINT if is_joint else _HYPHEN, is_hyphenated)
    elif chopped and len(word) > _CHUNK:
        clusters = split_graphemes(shown)
        for start in range(0, len(clusters), _CHUNK):
            yield _Part("".join(clusters[start : start + _CHUNK]), float(start > 0))
    else:
        yield _Part(shown)


def _is_unspaced(word: str) -> bool:
    """Return True for scripts that put no space between words."""
    return any(script_of(char) in _UNSPACED for char in word)
