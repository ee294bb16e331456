"""Chooses the words of a post for a card: no links, markup or hashtags.  Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from providers.card.graphemes import is_emoji, plain_emoji, split_graphemes
from providers.card.language import guess_language
from providers.card.list_marks import TextLine, parse_lines
from providers.card.post_markup import (
    extract_hashtags,
    has_words,
    normalize_text,
    strip_markup,
)
from providers.card.sentences import join_sentences, split_sentences
from providers.card.typography import set_marks

#: Lengths in characters: no sentence is added to more than `_ENOUGH`; a text of less
#: than `_SHORT` may grow to `_LIMIT`.
_ENOUGH, _LIMIT, _SHORT = 110, 170, 60
#: A list of more characters or items is not shown beside other text, but its heading.
_LIST_LIMIT, _MAX_ITEMS = 220, 7
#: A shorter last sentence is not shown if more sentences would follow it.
_STRANDED = 12
#: A first sentence of at most so many characters is never shown alone.
_GREETING = 30
_MAX_EMBLEMS = 3
_NAME_LIMIT = 40

#: Marks that stay on the line of what is before them.
_CLOSERS = tuple(".,:;!?)»”")
_OPENING, _CLOSING = '“„«「『"‹‘', '”“»」』"›’'
_QUOTED = re.compile(
    rf"^[{_OPENING}](?P<quotation>.{{12,}}?)[{_CLOSING}]"
    rf"\s*(?:[–—―-]+\s*(?P<author>[^\n]{{2,{_NAME_LIMIT}}}?))?[.\s]*$",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CardText:
    """The text of a card.

    Attributes:
        paragraphs: Texts that each begin a new line: the first whole sentences.  A
            list is in them with all its items, or not at all.
        lines: All lines of the post, with the marks of its lists; a rating is a row of
            "★" and "☆".
        emblem: Emoji from the edges of sentences, at most three.
        kicker: The words of a hashtag that are not in the text.
        is_quotation: The whole post is a quotation.
        author: The author of the quotation, if the post names one.
        is_shouted: Most letters are capitals.
    """

    paragraphs: tuple[str, ...]
    lines: tuple[TextLine, ...] = ()
    emblem: tuple[str, ...] = ()
    kicker: str = ""
    is_quotation: bool = False
    author: str = ""
    is_shouted: bool = False

    @property
    def text(self) -> str:
        """The paragraphs, joined by spaces."""
        return " ".join(self.paragraphs)


def prepare_text(post: str) -> CardText:
    """Return the card's text of a post; without paragraphs if no words are left."""
    text, tags = extract_hashtags(strip_markup(normalize_text(post)))
    text = set_marks(text, guess_language(text))
    lines, emblem = _extract_emblem(parse_lines(text))
    quotation, author = _match_quotation("\n".join(line.whole for line in lines))
    shown = [TextLine(text=quotation)] if quotation else lines
    paragraphs = _choose_paragraphs(shown)
    kicker = _choose_kicker(tags, " ".join(paragraphs))
    # A post of hashtags only shows them as its text.
    if not paragraphs and tags:
        paragraphs, kicker = (" · ".join(tags[:3]),), ""
    # A text of punctuation only is not shown.
    if not has_words("".join(paragraphs)):
        paragraphs = ()
    letters = filter(str.isalpha, "".join(paragraphs))
    cased = [char for char in letters if char.lower() != char.upper()]
    capitals = sum(char.isupper() for char in cased)
    return CardText(
        paragraphs=paragraphs,
        lines=tuple(lines),
        emblem=tuple(emblem),
        kicker=kicker,
        is_quotation=bool(quotation and paragraphs),
        author=author,
        is_shouted=len(cased) > 5 and capitals > 0.7 * len(cased),
    )


def one_line(text: str) -> str:
    """Return a short text on one line; "" if it has no letter or digit."""
    plain = " ".join(normalize_text(text).split())
    return plain if has_words(plain) else ""


def _extract_emblem(lines: Sequence[TextLine]) -> tuple[list[TextLine], list[str]]:
    """Return the lines without emoji at edges of sentences, and these emoji."""
    kept: list[TextLine] = []
    emblem: list[str] = []
    for line in lines:
        parts = _split_at_emoji(line.text, emblem)
        # Only the first part has the line's mark.
        kept += [replace(line, text=part) for part in parts[:1]]
        kept += [TextLine(text=part) for part in parts[1:]]
    return kept, emblem


def _split_at_emoji(line: str, emblem: list[str]) -> list[str]:
    """Return a line's sentences that an emoji separates; add the emoji to *emblem*."""
    kept = ""
    parts = split_graphemes(line)
    while parts:
        row = _leading_emoji(parts)
        if not row:
            kept += parts.pop(0)
            continue
        before, after = kept.rstrip(" "), "".join(parts[len(row) :]).lstrip(" ")
        starts = not before or before[-1] in ".!?…\n。！？:"
        shown = [part for part in row if part != " "]
        del parts[: len(row)]
        # One emoji between two words belongs to the sentence.
        if after and not starts and len(shown) == 1:
            kept += "".join(row)
            continue
        for part in shown:
            is_new = plain_emoji(part) not in map(plain_emoji, emblem)
            if is_new and len(emblem) < _MAX_EMBLEMS:
                emblem.append(part)
        if after[:1] in _CLOSERS:
            kept = before
        elif before and not starts:
            kept += "\n"
    texts = (re.sub(" +", " ", text).strip() for text in kept.split("\n"))
    return [text for text in texts if text]


def _leading_emoji(parts: Sequence[str]) -> list[str]:
    """Return the emoji at the beginning of *parts*, with the spaces between them."""
    row: list[str] = []
    for part in parts:
        if not (is_emoji(part) or (row and part == " ")):
            break
        row.append(part)
    while row and row[-1] == " ":
        row.pop()
    return row


def _match_quotation(text: str) -> tuple[str, str]:
    """Return quotation and author if *text* is a quotation, else two empty texts."""
    match = _QUOTED.match(text)
    if match is None or any(mark in match["quotation"] for mark in "“„«"):
        return "", ""
    return match["quotation"].strip(), (match["author"] or "").strip(" .")


def _choose_paragraphs(lines: Sequence[TextLine]) -> tuple[str, ...]:
    """Return the first whole sentences, as many as fit on a card.

    The items of a list are all shown, or only what is before them.
    """
    items = [line for line in lines if line.mark]
    if not items:
        return _shorten_text([line.text for line in lines])
    first = lines.index(items[0])
    heading, rest = lines[:first], lines[first:]
    length = sum(len(line.whole) for line in (*heading, *items))
    if length <= _LIST_LIMIT and len(items) <= _MAX_ITEMS:
        last = lines.index(items[-1])
        return tuple(line.whole for line in lines[: last + 1])
    prose = [line.text for line in (heading or rest) if not line.mark]
    return _shorten_text(prose) or tuple(line.whole for line in items)


def _shorten_text(lines: Sequence[str]) -> tuple[str, ...]:
    paragraphs: list[str] = []
    length = 0
    is_cut = False
    for index, line in enumerate(lines):
        sentences = split_sentences(line)
        taken: list[str] = []
        for sentence in sentences:
            limit = _ENOUGH if length >= _SHORT else _LIMIT
            # A greeting alone says nothing.
            if length > _GREETING and length + len(sentence) > limit:
                break
            cut = _cut_sentence(sentence, limit - length)
            taken.append(cut)
            length += len(cut)
        is_cut = len(taken) < len(sentences)
        if is_cut and len(taken) > 1 and len(taken[-1]) < _STRANDED:
            taken.pop()
        if taken:
            paragraphs.append(_drop_unpaired_quotes(join_sentences(taken)))
        if is_cut or (length > _ENOUGH and index + 1 < len(lines)):
            break
    return tuple(paragraphs)


def _cut_sentence(sentence: str, limit: int) -> str:
    """Return at most *limit* characters, cut at a clause or a word, with "…"."""
    if len(sentence) <= limit:
        return sentence
    head = sentence[:limit]
    clauses = [match.start() for match in re.finditer(r"[,;:–—、，](?=\s|\w)", head)]
    if clauses and clauses[-1] > 0.6 * limit:
        return f"{head[: clauses[-1]].rstrip()} …"
    space = head.rfind(" ")
    return f"{head[: space if space > 0.6 * limit else limit - 1].rstrip(' ,;:')}…"


def _drop_unpaired_quotes(text: str) -> str:
    """Return *text* without quotation marks and brackets that have no partner."""
    # Each pair of languages; Swedish closes with the mark that opens.
    closing = "“”" if "„" in text else "”"
    opening = "„" if "„" in text else "“"
    pairs = [(opening, closing), ("«", "»"), ("(", ")"), ("「", "」")]
    for opened, closed in pairs:
        opens = text.count(opened)
        closes = sum(map(text.count, closed))
        is_swedish = closed == "”" and not opens and closes % 2 == 0
        if opens != closes and not is_swedish:
            text = text.translate(dict.fromkeys(map(ord, opened + closed)))
    if text.count('"') % 2:
        text = text.replace('"', "")
    return re.sub("[ \N{NO-BREAK SPACE}]{2,}", " ", text).strip()


def _choose_kicker(tags: list[str], text: str) -> str:
    """Return the first tag of at most 24 characters that is not in *text*."""
    letters = re.sub(r"\W+", "", text.casefold())
    for tag in tags:
        if re.sub(r"\W+", "", tag.casefold()) not in letters and len(tag) <= 24:
            return tag
    return ""
