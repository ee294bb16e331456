"""Chooses the words of a post for a card: no links, markup or hashtags.  Pure.

Sources: Unicode Standard Annex 29 (grapheme clusters) and Technical Standard 51
(emoji), as far as a card needs them.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

#: Lengths in characters: no sentence is added to more than `_ENOUGH`; a text of less
#: than `_SHORT` may grow to `_LIMIT`.
_ENOUGH, _LIMIT, _SHORT = 110, 170, 60
_MAX_MARKS = 2
_MAX_EMBLEMS = 3
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
    rf"^[{_OPENING}](?P<quotation>.{{12,}}?)[{_CLOSING}]"
    rf"\s*(?:[–—―-]+\s*(?P<author>[^\n]{{2,{_NAME_LIMIT}}}?))?[.\s]*$",
    re.DOTALL,
)
#: Styled Latin letters: mathematical, squared, negative squared and circled ones.
_FANCY = (
    *((0x1D400, 0x1D7FF), (0x1F130, 0x1F149)),
    *((0x1F170, 0x1F189), (0x24B6, 0x24E9)),
)
_ZWJ, _VS15, _VS16, _KEYCAP = "\u200d", "\ufe0e", "\ufe0f", "\u20e3"
_VIRAMA = frozenset("\u094d\u09cd\u0a4d\u0acd\u0b4d\u0bcd\u0c4d\u0ccd\u0d4d")
#: Older characters with emoji presentation by default (Emoji_Presentation).
_ALWAYS = frozenset(
    ord(char)
    for char in (
        "⌚⌛⏩⏪⏫⏬⏰⏳◽◾☔☕♈♉♊♋♌♍♎♏♐♑♒♓♿"
        "⚓⚡⚪⚫⚽⚾⛄⛅⛎⛔⛪⛲⛳⛵⛺⛽✅✊✋✨❌❎❓❔❕❗"
        "➕➖➗➰➿⬛⬜⭐⭕❤☀☁☂☃☎☺♥♦♣♠✌✍✏✒✔✖✳✴❄❇✈✉☘⛰⛱⛷⛸⛹"
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CardText:
    """The text of a card.

    Attributes:
        paragraphs: Texts that each begin a new line.
        emblem: Emoji from the edges of sentences, at most three.
        kicker: The words of a hashtag that are not in the text.
        is_quotation: The whole post is a quotation.
        author: The author of the quotation, if the post names one.
        is_shouted: Most letters are capitals.
    """

    paragraphs: tuple[str, ...]
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
    text, tags = _extract_hashtags(_strip_markup(_normalize_text(post)))
    text, emblem = _extract_emblem(text)
    quotation, author = _match_quotation(text)
    paragraphs = _shorten_text(quotation or text)
    kicker = _choose_kicker(tags, " ".join(paragraphs))
    # A post of hashtags only shows them as its text.
    if not paragraphs and tags:
        paragraphs, kicker = (" · ".join(tags[:3]),), ""
    # A text of punctuation only is not shown.
    if not any(char.isalnum() for char in "".join(paragraphs)):
        paragraphs = ()
    letters = filter(str.isalpha, "".join(paragraphs))
    cased = [char for char in letters if char.lower() != char.upper()]
    capitals = sum(char.isupper() for char in cased)
    return CardText(
        paragraphs=paragraphs,
        emblem=tuple(emblem),
        kicker=kicker,
        is_quotation=bool(quotation and paragraphs),
        author=author,
        is_shouted=len(cased) > 5 and capitals > 0.7 * len(cased),
    )


def one_line(text: str) -> str:
    """Return a short text on one line; "" if it has no letter or digit."""
    plain = " ".join(_normalize_text(text).split())
    return plain if any(char.isalnum() for char in plain) else ""


def _normalize_text(text: str) -> str:
    """Return NFC text with plain letters, no controls and at most 2 marks a letter."""
    kept: list[str] = []
    marks = 0
    for char in unicodedata.normalize("NFC", text):
        plain = unicodedata.normalize("NFKC", char) if _is_fancy(char) else char
        kind = unicodedata.category(plain[0])
        marks = marks + 1 if kind in {"Mn", "Me"} else 0
        is_control = kind.startswith("C") and plain not in "\u200d\u200c\n"
        if marks > _MAX_MARKS or is_control:
            kept.append(" " if plain in "\t\r\v\f\x85" else "")
        else:
            kept.append("\n" if kind in {"Zl", "Zp"} else plain)
    return "".join(kept)


def _is_fancy(char: str) -> bool:
    """Return True for styled Latin letters, such as mathematical or circled ones."""
    code = ord(char)
    emoji = code in {0x1F170, 0x1F171, 0x1F17E, 0x1F17F}
    return not emoji and any(low <= code <= high for low, high in _FANCY)


def _strip_markup(text: str) -> str:
    """Return *text* without Markdown and links; bullets keep their lines."""
    text = _MARKDOWN_LINK.sub(r"\1", text)
    text = _BULLET.sub("• ", _EMPHASIS.sub(r"\1", _MARKDOWN.sub("", text)))
    text = _LINK.sub(" ", text)
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return "\n".join(line for line in lines if line.strip(" •.,:;-–—|"))


def _extract_hashtags(text: str) -> tuple[str, list[str]]:
    """Return *text* without the tags at its end, and these tags as words.

    A tag inside a sentence becomes a word of it.
    """
    tags: list[str] = []
    words = re.split(r"(\s+)", text)
    while words and (not words[-1].strip() or _is_trailer(words[-1])):
        tags[:0] = [_CAMEL.sub(" ", tag) for tag in _TAG.findall(words.pop())]
    text = _TAIL.sub("", "".join(words)).rstrip(" \n-–—|:·")
    text = _TAG.sub(lambda match: _CAMEL.sub(" ", match[1]).replace("_", " "), text)
    return _MENTION.sub(r"\1", text), tags


def _is_trailer(word: str) -> bool:
    """Return True for hashtags, mentions, pointing emoji and separators."""
    rest = _TAG.sub("", _MENTION.sub("", word))
    bare = rest.replace("\ufe0f", "").strip("|·•,")
    return bare in {"", "👉", "👇", "➡", "⬇", "🔗", "📲", "⬅", "👈"}


def _extract_emblem(text: str) -> tuple[str, list[str]]:
    """Return *text* with line breaks for emoji at edges of sentences, and the emoji."""
    emblem: list[str] = []
    parts = split_graphemes(text)
    kept: list[str] = []
    for index, part in enumerate(parts):
        if not is_emoji(part):
            kept.append(part)
            continue
        before = "".join(kept).rstrip(" ")
        after = "".join(parts[index + 1 :]).lstrip(" ")
        starts = not before or before[-1] in ".!?…\n。！？:"
        ends = not after or after[0] == "\n" or is_emoji(split_graphemes(after[:12])[0])
        # An emoji between two words belongs to the sentence.
        if not (starts or ends):
            kept.append(part)
            continue
        if (plain := plain_emoji(part)) not in emblem and len(emblem) < _MAX_EMBLEMS:
            emblem.append(plain)
        if before and not starts:
            kept.append("\n")
    lines = (" ".join(line.split()) for line in "".join(kept).split("\n"))
    return "\n".join(line for line in lines if line), emblem


def _match_quotation(text: str) -> tuple[str, str]:
    """Return quotation and author if *text* is a quotation, else two empty texts."""
    match = _QUOTED.match(text)
    if match is None or any(mark in match["quotation"] for mark in "“„«"):
        return "", ""
    return match["quotation"].strip(), (match["author"] or "").strip(" .")


def _shorten_text(text: str) -> tuple[str, ...]:
    """Return the first whole sentences, as many as fit on a card."""
    paragraphs: list[str] = []
    length = 0
    for line in text.split("\n"):
        sentences = [part for part in _SENTENCE.split(line) if part and part.strip()]
        taken: list[str] = []
        for sentence in sentences:
            limit = _ENOUGH if length >= _SHORT else _LIMIT
            if length and length + len(sentence) > limit:
                break
            taken.append(_cut_sentence(_drop_unpaired_quotes(sentence.strip())))
            length += len(taken[-1])
        if taken:
            paragraphs.append(" ".join(taken))
        if len(taken) < len(sentences) or length > _ENOUGH:
            break
    return tuple(paragraphs)


def _cut_sentence(sentence: str) -> str:
    """Return at most 170 characters, cut at a clause or a word, with an ellipsis."""
    if len(sentence) <= _LIMIT:
        return sentence
    head = sentence[:_LIMIT]
    clauses = [match.start() for match in re.finditer(r"[,;:–—、，](?=\s|\w)", head)]
    if clauses and clauses[-1] > 0.6 * _LIMIT:
        return f"{head[: clauses[-1]].rstrip()} …"
    space = head.rfind(" ")
    return f"{head[: space if space > 0.6 * _LIMIT else _LIMIT - 1].rstrip(' ,;:')}…"


def _drop_unpaired_quotes(sentence: str) -> str:
    """Return *sentence* without quotation marks and brackets that have no partner."""
    for pair in ("“”", "„“", "«»", "()", "「」"):
        if sentence.count(pair[0]) != sentence.count(pair[1]):
            sentence = sentence.replace(pair[0], "").replace(pair[1], "")
    return sentence.replace('"', "") if sentence.count('"') % 2 else sentence


def _choose_kicker(tags: list[str], text: str) -> str:
    """Return the first tag of at most 24 characters that is not in *text*."""
    letters = re.sub(r"\W+", "", text.casefold())
    for tag in tags:
        if re.sub(r"\W+", "", tag.casefold()) not in letters and len(tag) <= 24:
            return tag
    return ""


def split_graphemes(text: str) -> list[str]:
    """Return the grapheme clusters of *text*."""
    clusters: list[str] = []
    for char in text:
        if clusters and _joins_previous(clusters[-1], char):
            clusters[-1] += char
        else:
            clusters.append(char)
    return clusters


def _joins_previous(before: str, char: str) -> bool:
    if char == "\n" or before == "\n":
        return False
    category = unicodedata.category(char)
    is_mark = category in {"Mn", "Me", "Mc"} or char in (_ZWJ, "\u200c", _VS15, _VS16)
    if is_mark or _is_modifier(char):
        return before[-1] != " "
    if before[-1] == _ZWJ:
        return True
    if _is_flag_letter(char):
        return len(before) == 1 and _is_flag_letter(before)
    # In Devanagari and related scripts a consonant joins a virama before it.
    return before[-1] in _VIRAMA and category == "Lo"


def _is_modifier(char: str) -> bool:
    """Return True for skin tones and the tag letters of regional flags."""
    return 0x1F3FB <= ord(char) <= 0x1F3FF or 0xE0020 <= ord(char) <= 0xE007F


def _is_flag_letter(char: str) -> bool:
    return len(char) == 1 and 0x1F1E6 <= ord(char) <= 0x1F1FF


def is_emoji(cluster: str) -> bool:
    """Return True if a cluster is displayed as an emoji."""
    if _VS15 in cluster or _VS16 in cluster or _KEYCAP in cluster:
        return _VS15 not in cluster
    return 0x1F000 <= ord(cluster[0]) <= 0x1FAFF or ord(cluster[0]) in _ALWAYS


def plain_emoji(cluster: str) -> str:
    """Return the first emoji of a joined sequence, without skin tone."""
    first = cluster.split(_ZWJ, maxsplit=1)[0]
    return "".join(char for char in first if not _is_modifier(char))
