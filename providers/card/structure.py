"""Recognizes the structure of a post, which chooses the card's layout.  Pure.

The shape of the lines decides, not the words of one language.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from providers.base import CardLayout
from providers.card.card_text import CardText, prepare_text
from providers.card.content import Content, as_statement, clean_part
from providers.card.event_structure import recognize_event
from providers.card.list_structure import recognize_list, recognize_table
from providers.card.sentences import split_sentences

_STARS = re.compile(r"[★☆✩✭](?: ?[★☆✩✭]){2,}")
_QUOTATION = re.compile(
    r"[“„«»「『\"]\s*(?P<text>[^“„«»「』\"]{8,}?)\s*[”“»«」』\"]", re.DOTALL
)
_NAME_LINE = re.compile(r"^\s*[–—―~-]+\s*(?P<name>[^\W\d_][^\n]{1,39})$")
_OR = (
    "or|oder|ou|o|of|eller|lub|czy|albo|или|або|чи|ή|veya|yoksa|vai|vagy|sau|nebo|ali|"
    "tai|või|hoặc|atau|أو|أم|או|یا|या|หรือ|vs\\.?|versus|🆚|×"
)
_SIDE = r"[^?？!.:/,\n]{1,26}?"
_VERSUS = (
    re.compile(
        rf"^(?P<first>{_SIDE})\s+(?P<joint>{_OR})\s+(?P<second>{_SIDE})\s*[?？؟]?$",
        re.IGNORECASE,
    ),
    re.compile(
        rf"^(?P<first>[^\W\d]{_SIDE})\s*(?P<joint>/)\s*(?P<second>[^\W\d]{_SIDE})[?？؟]?$"
    ),
    re.compile(
        r"^(?P<first>[^？?]{1,10}?)[？?、]?(?P<joint>还是|還是|それとも|または|หรือ)"
        r"\s*(?P<second>[^？?]{1,10}?)[？?]$"
    ),
)


def recognize_content(post: str, layout: CardLayout = "auto") -> Content:
    """Return the content of a card.

    Args:
        layout: The layout that the owner wants, or "auto".  A text without that
            structure becomes a statement.
    """
    words = prepare_text(post)
    for name, recognize in _RECOGNIZERS.items():
        if layout not in {name, "auto"}:
            continue
        if (content := recognize(post, words)) is not None:
            # A heading alone shows the emoji of the whole post.
            emblem = content.words.emblem or words.emblem[:1]
            return replace(content, words=replace(content.words, emblem=emblem))
    # A list or a table is shown as such, or not at all.
    parts = recognize_table(words.lines) or recognize_list(words.lines)
    if parts and (heading := as_statement(parts).words).paragraphs:
        words = heading
    # The owner says that the post is a quotation.
    is_quotation = layout == "quote"
    return Content(
        layout="quote" if is_quotation else "statement",
        words=replace(words, is_quotation=is_quotation),
    )


def _recognize_review(words: CardText) -> Content | None:
    """Recognize three to five stars in a row, and the words of a customer."""
    text = "\n".join(line.whole for line in words.lines)
    match = _STARS.search(text)
    if match is None:
        return None
    given, empty = match[0].count("★"), sum(map(match[0].count, "☆✩✭"))
    # More than five are an ornament.
    if not 3 <= given + empty <= 5 or not given:
        return None
    rest = f"{text[: match.start()]}\n{text[match.end() :]}"
    quoted = _QUOTATION.search(rest)
    behind = rest[quoted.end() :] if quoted else rest
    author = _find_name(behind, dashless=quoted is not None)
    said = prepare_text(quoted["text"] if quoted else rest.replace(author, ""))
    if not said.paragraphs:
        return None
    return Content(
        layout="review",
        words=replace(
            said,
            is_quotation=False,
            author=clean_part(author.strip(" –—―~-")),
            kicker="",
        ),
        stars=(given, given + empty),
    )


def _find_name(text: str, *, dashless: bool) -> str:
    """Return the line of a customer's name, as it is written; "" if there is none.

    Args:
        dashless: The first line may be a name without a dash before it.
    """
    filled = [line for line in text.split("\n") if any(map(str.isalpha, line))]
    for line in filled:
        if _NAME_LINE.match(line):
            return line
    first = filled[0].strip() if dashless and filled else ""
    is_name = len(first) <= 40 and first[:1].isalpha() and first[-1:] not in "!?:"
    if is_name:
        return first
    # A dash and a name at the end of the last sentence.
    inline = re.search(r"\s[–—]\s*[^\W\d_][^\n.!?]{1,24}\.?\s*$", text)
    return inline[0].strip() if inline else ""


def _recognize_quote(post: str, words: CardText) -> Content | None:
    """Recognize a quotation that the post begins with; what follows is left out."""
    if words.is_quotation:
        return Content(layout="quote", words=words)
    blocks = re.split(r"\n\s*\n", post.strip())
    for count in (2, 1):
        words = prepare_text("\n".join(blocks[:count]))
        if words.is_quotation:
            return Content(layout="quote", words=words)
    return None


def _recognize_versus(words: CardText) -> Content | None:
    """Recognize "Jollof or fried rice?": two sides of at most three words."""
    sentences = [
        sentence for line in words.lines[:3] for sentence in split_sentences(line.text)
    ]
    for index, sentence in enumerate(sentences):
        heading, _, question = sentence.rpartition(":")
        for pattern in _VERSUS:
            match = pattern.match(question.strip())
            if match is None or not _is_versus(match, alone=len(sentences) == 1):
                continue
            heading = heading or (sentences[index - 1] if index else "")
            mark = question.rstrip()[-1:]
            end = mark if mark in {"?", "？", "؟"} else ""
            return Content(
                layout="versus",
                words=prepare_text(heading if len(heading) <= 40 else ""),
                sides=(match["first"], match["joint"], f"{match['second']}{end}"),
            )
    return None


def _is_versus(match: re.Match[str], *, alone: bool) -> bool:
    """Return True for a question, for "vs", and for "sun / rain" as the whole post."""
    is_short = all(len(match[side].split()) <= 3 for side in ("first", "second"))
    is_question = match[0].rstrip()[-1:] in {"?", "？", "؟"}
    is_versus = match["joint"].lower().rstrip(".") in {"vs", "versus", "🆚", "×"}
    return is_short and (is_question or is_versus or (alone and match["joint"] == "/"))


#: The first that recognizes its structure has the post.
_RECOGNIZERS: dict[str, Callable[[str, CardText], Content | None]] = {
    "review": lambda _, words: _recognize_review(words),
    "quote": _recognize_quote,
    "versus": lambda _, words: _recognize_versus(words),
    "table": lambda _, words: recognize_table(words.lines),
    "event": lambda post, _: recognize_event(post),
    "list": lambda _, words: recognize_list(words.lines),
}
