"""What of a post is lettered: its words, without what only a post needs.  Pure."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from providers.card.graphemes import is_emoji, plain_emoji, split_graphemes

#: A card carries a thought, not the whole post.
_ENOUGH, _LIMIT, _LEAST = 110, 170, 60
_MARKS = 2
_EMBLEMS = 3
_NAME_LIMIT = 40

_LINK = re.compile(
    r"(?:https?://|www\.)\S+|\b[\w-]+(?:\.[\w-]+)*\.(?:com|org|net|de|io|es|fr|it|uk)/\S*",
    re.IGNORECASE,
)
_MARKDOWN_LINK = re.compile(r"!?\[([^\]\n]*)\]\([^)\n]*\)")
_MARKDOWN = re.compile(r"(?m)^\s{0,3}(?:#{1,6}\s+|>\s+)|\*\*|__|~~|`+")
_EMPHASIS = re.compile(r"(?<![\w*])\*(?=\S)([^*\n]+?)(?<=\S)\*(?![\w*])")
_BULLET = re.compile(r"(?m)^\s*(?:[-*+•▪▸►·]|\d{1,2}[.)])\s+")
_TAG = re.compile(r"(?<![\w&#＃])[#＃]([^\W_][\w·]*)")
_MENTION = re.compile(r"(?<![\w@])@([A-Za-z0-9][\w.]*\w)")
_CAMEL = re.compile(r"(?<=[a-zà-ÿ0-9])(?=[A-ZÀ-Þ])")
_TAIL = re.compile(
    r"[\s(>–—:-]*(?:link (?:in|im|en) (?:der |la )?bio|mehr (?:dazu|infos?)"
    r"(?: im link)?|read more|learn more|more info|jetzt lesen)[\s:.!)]*$",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"(?<=[.!?…])[\"”’»)]*\s+|(?<=[。！？])[」』”]*|\n+")
_OPENING, _CLOSING = '“„«「『"‹', '”“»」』"›'
_QUOTED = re.compile(
    rf"^[{_OPENING}](?P<said>.{{12,}}?)[{_CLOSING}]"
    rf"\s*(?:[–—―-]+\s*(?P<who>[^\n]{{2,{_NAME_LIMIT}}}?))?[.\s]*$",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CardText:
    """What is lettered.

    Attributes:
        paragraphs: Each begins a new line.
        emblem: Emoji that stood at the edges of sentences, at most three.
        kicker: A hashtag's words, when nothing of it is said in the text.
        is_quotation: The whole post is one.
        author: Whose, if it says.
        is_shouted: Written in capitals.
    """

    paragraphs: tuple[str, ...]
    emblem: tuple[str, ...] = ()
    kicker: str = ""
    is_quotation: bool = False
    author: str = ""
    is_shouted: bool = False

    @property
    def text(self) -> str:
        return " ".join(self.paragraphs)


def prepare_text(post: str) -> CardText:
    """Return what a card letters of a post; no paragraphs when nothing is left."""
    text, tags = _extract_hashtags(_strip_markup(_normalize_text(post)))
    text, emblem = _extract_emblem(text)
    said, author = _match_quotation(text)
    paragraphs = _shorten_text(said or text)
    kicker = _choose_kicker(tags, " ".join(paragraphs))
    # Nothing but hashtags: they are the words.
    if not paragraphs and tags:
        paragraphs, kicker = (" · ".join(tags[:3]),), ""
    # Marks alone say nothing.
    if not any(char.isalnum() for char in "".join(paragraphs)):
        paragraphs = ()
    letters = [char for char in "".join(paragraphs) if char.isalpha()]
    cased = [char for char in letters if char.lower() != char.upper()]
    capitals = sum(char.isupper() for char in cased)
    return CardText(
        paragraphs=paragraphs,
        emblem=tuple(emblem),
        kicker=kicker,
        is_quotation=bool(said) and bool(paragraphs),
        author=author,
        is_shouted=len(cased) > 5 and capitals > 0.7 * len(cased),
    )


def one_line(text: str) -> str:
    """Return a short text that can be lettered; "" when it says nothing."""
    plain = " ".join(_normalize_text(text).split())
    return plain if any(char.isalnum() for char in plain) else ""


def _normalize_text(text: str) -> str:
    """NFC, plain letters for fancy ones, no controls, few marks upon each other."""
    kept: list[str] = []
    marks = 0
    for char in unicodedata.normalize("NFC", text):
        plain = unicodedata.normalize("NFKC", char) if _is_fancy(char) else char
        kind = unicodedata.category(plain[0])
        marks = marks + 1 if kind in {"Mn", "Me"} else 0
        joiner = plain in "\u200d\u200c\n"
        if marks > _MARKS or (kind in {"Cc", "Cf", "Co", "Cn", "Cs"} and not joiner):
            kept.append(" " if plain in "\t\r\v\f\x85" else "")
            continue
        kept.append("\n" if kind in {"Zl", "Zp"} else plain)
    return "".join(kept)


def _is_fancy(char: str) -> bool:
    code = ord(char)
    ranges = (
        (0x1D400, 0x1D7FF),
        (0x1F130, 0x1F149),
        (0x1F170, 0x1F189),
        (0x24B6, 0x24E9),
    )
    emoji = code in {0x1F170, 0x1F171, 0x1F17E, 0x1F17F}
    return not emoji and any(low <= code <= high for low, high in ranges)


def _strip_markup(text: str) -> str:
    """Markdown and links out; bullets keep their lines."""
    text = _MARKDOWN_LINK.sub(lambda found: found[1], text)
    text = _BULLET.sub("• ", _EMPHASIS.sub(r"\1", _MARKDOWN.sub("", text)))
    text = _LINK.sub(" ", text)
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return "\n".join(line for line in lines if line.strip(" •.,:;-–—|"))


def _extract_hashtags(text: str) -> tuple[str, list[str]]:
    """Cut the block of tags at the end off; inside a sentence a tag is a word."""
    tags: list[str] = []
    words = re.split(r"(\s+)", text)
    while words and (not words[-1].strip() or _is_trailer(words[-1])):
        if found := _TAG.findall(words.pop()):
            tags[:0] = [_CAMEL.sub(" ", tag) for tag in found]
    text = _TAIL.sub("", "".join(words)).rstrip(" \n-–—|:·")
    text = _TAG.sub(lambda found: _CAMEL.sub(" ", found[1]).replace("_", " "), text)
    return _MENTION.sub(r"\1", text), tags


def _is_trailer(word: str) -> bool:
    rest = _TAG.sub("", _MENTION.sub("", word))
    pointing = {"👉", "👇", "➡", "⬇", "🔗", "📲", "⬅", "👈"}
    bare = rest.replace("\ufe0f", "").strip("|·•,")
    return not bare or bare in pointing


def _extract_emblem(text: str) -> tuple[str, list[str]]:
    """Emoji at the edges of sentences go to the emblem and leave a break behind."""
    emblem: list[str] = []
    parts = split_graphemes(text)
    kept: list[str] = []
    for place, part in enumerate(parts):
        if not is_emoji(part):
            kept.append(part)
            continue
        before = "".join(kept).rstrip(" ")
        after = "".join(parts[place + 1 :]).lstrip(" ")
        starts = not before or before[-1] in ".!?…\n。！？:"
        ends = not after or after[0] == "\n" or is_emoji(split_graphemes(after[:12])[0])
        # Between two words it belongs to the sentence.
        if not (starts or ends):
            kept.append(part)
            continue
        if (plain := plain_emoji(part)) not in emblem and len(emblem) < _EMBLEMS:
            emblem.append(plain)
        if before and not starts:
            kept.append("\n")
    lines = (" ".join(line.split()) for line in "".join(kept).split("\n"))
    return "\n".join(line for line in lines if line), emblem


def _match_quotation(text: str) -> tuple[str, str]:
    """Return what is said, and by whom, if the whole post is a quotation."""
    found = _QUOTED.match(text)
    if found is None or any(mark in found["said"] for mark in "“„«"):
        return "", ""
    return found["said"].strip(), (found["who"] or "").strip(" .")


def _shorten_text(text: str) -> tuple[str, ...]:
    """Return whole sentences up to what a card carries."""
    chosen: list[str] = []
    length = 0
    for line in text.split("\n"):
        sentences = [part for part in _SENTENCE.split(line) if part and part.strip()]
        taken: list[str] = []
        for sentence in sentences:
            limit = _ENOUGH if length >= _LEAST else _LIMIT
            if length and length + len(sentence) > limit:
                break
            taken.append(_cut_sentence(_drop_unpaired_quotes(sentence.strip())))
            length += len(taken[-1])
        if taken:
            chosen.append(" ".join(taken))
        if len(taken) < len(sentences) or length > _ENOUGH:
            break
    # A heading that promises a list it does not show is no thought.
    return tuple(chosen)


def _cut_sentence(sentence: str) -> str:
    if len(sentence) <= _LIMIT:
        return sentence
    head = sentence[:_LIMIT]
    clauses = [found.start() for found in re.finditer(r"[,;:–—、，](?=\s|\w)", head)]
    if clauses and clauses[-1] > 0.6 * _LIMIT:
        return f"{head[: clauses[-1]].rstrip()} …"
    space = head.rfind(" ")
    return f"{head[: space if space > 0.6 * _LIMIT else _LIMIT - 1].rstrip(' ,;:')}…"


def _drop_unpaired_quotes(sentence: str) -> str:
    """Leave out a quotation mark that has no partner here."""
    for pair in ("“”", "„“", "«»", "()", "「」"):
        if sentence.count(pair[0]) != sentence.count(pair[1]):
            sentence = sentence.replace(pair[0], "").replace(pair[1], "")
    return sentence.replace('"', "") if sentence.count('"') % 2 else sentence


def _choose_kicker(tags: list[str], text: str) -> str:
    known = re.sub(r"\W+", "", text.casefold())
    for tag in tags:
        if re.sub(r"\W+", "", tag.casefold()) not in known and len(tag) <= 24:
            return tag
    return ""
