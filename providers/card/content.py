"""What a card shows: its words, and the parts of a list, a table or an event.  Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from providers.card.card_text import CardText, prepare_text
from providers.card.list_marks import TextLine
from providers.card.sentences import join_sentences, split_sentences

_HEADING_LIMIT = 90
_COLON = re.compile(r"[ \N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}]?[:：]$")


@dataclass(frozen=True, slots=True)
class ListItem:
    """An item of a list: its number, "✓", "✗" or emoji, "" for a dot; its text."""

    mark: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a card shows, and how it is arranged.

    Attributes:
        layout: One of "statement", "quote", "list", "table", "event", "review" and
            "versus".
        words: The text, or the heading of the other parts.
        announces: The last sentence of the heading announces what follows.
        items: Items of a list.
        rows: Rows of a table: label and value.
        stars: Stars of a review, and how many there could be.
        date: Day and month of an event, as they are written.
        details: Time and place of an event.
        sides: The two sides of a versus, and the word between them.
    """

    layout: str
    words: CardText
    announces: bool = False
    items: tuple[ListItem, ...] = ()
    rows: tuple[tuple[str, str], ...] = ()
    stars: tuple[int, int] = (0, 0)
    date: tuple[str, str] = ("", "")
    details: tuple[str, ...] = ()
    sides: tuple[str, str, str] = ("", "", "")


def as_statement(content: Content) -> Content:
    """Return the heading of *content* alone, without what announces more."""
    paragraphs = list(content.words.paragraphs)
    sentences = [split_sentences(text) for text in paragraphs]
    # "From now on. We offer:" is shown without the offer.
    if content.announces and sum(map(len, sentences)) > 1:
        sentences[-1].pop()
        paragraphs = [join_sentences(parts) for parts in sentences if parts]
    elif content.announces and paragraphs:
        paragraphs[-1] = f"{_COLON.sub('', paragraphs[-1])}\N{NO-BREAK SPACE}…"
    words = replace(content.words, paragraphs=tuple(paragraphs))
    return Content(layout="statement", words=words)


def clean_part(text: str) -> str:
    """Return a part of a post as a card shows it."""
    return prepare_text(text).text


def heading_of(lines: Sequence[TextLine]) -> CardText:
    """Return the words that announce a list: all that is before it, if that is short.

    Else its last line if that ends in a colon, or its first one.
    """
    filled = [line.whole for line in lines]
    announced = [line for line in filled[-1:] if line.endswith((":", "："))]
    for text in ("\n".join(filled), *announced, *filled[:1]):
        if 0 < len(text) <= _HEADING_LIMIT:
            heading = replace(prepare_text(text), is_quotation=False)
            return _keep_colon(heading, filled[-1])
    return first_sentence("\n".join(filled))


def first_sentence(text: str) -> CardText:
    """Return the words of a text, without all but the first sentence."""
    words = prepare_text(text)
    sentences = split_sentences(words.paragraphs[0]) if words.paragraphs else []
    return replace(words, paragraphs=tuple(sentences[:1]), is_quotation=False)


def announces(lines: Sequence[TextLine]) -> bool:
    """Return whether the last of the lines ends in a colon."""
    return bool(lines) and _COLON.search(lines[-1].text) is not None


def _keep_colon(heading: CardText, announced: str) -> CardText:
    """Return a heading that ends in "From now on. We offer:" with its colon.

    A title needs none, but what follows a sentence is not understood without.
    """
    *before, last = heading.paragraphs or ("",)
    colon = _COLON.search(announced)
    is_its_end = bool(last) and announced.startswith(last[:8])
    if colon is None or not is_its_end or len(split_sentences(last)) < 2:
        return heading
    return replace(heading, paragraphs=(*before, last + colon[0]))


def heading_alone(lines: Sequence[TextLine]) -> Content | None:
    """Return the heading of a list that is not shown, or None if there is none."""
    words = heading_of(lines)
    content = Content(layout="list", words=words, announces=announces(lines))
    return as_statement(content) if words.paragraphs else None
