"""Takes markup, links and hashtags out of a post.  Pure."""

from __future__ import annotations

import re
import unicodedata

from providers.card.list_marks import write_stars
from providers.card.post_links import remove_links

_MAX_MARKS = 2
_MARKDOWN_LINK = re.compile(r"!?\[([^\]\n]*)\]\([^)\n]*\)")
#: A block of code, and the colon that announces it.
_CODE = re.compile(
    r"(?P<colon>[ \t\xa0]*[:：])?\s*^[ \t]*(?P<fence>```+|~~~+)[^`\n]*\n"
    r"(?:.*?^[ \t]*(?P=fence)[ \t]*$|.*\Z)",
    re.MULTILINE | re.DOTALL,
)
#: A fence of code with the name of its language, or a line that only divides.
_FENCE = re.compile(
    r"(?m)^\s*(?:```+|~~~+)[ \t]*[\w+#.-]*[ \t]*$|^\s*([*_-])(?:\s*\1){2}\s*$"
)
_MARKDOWN = re.compile(r"(?m)^\s{0,3}(?:#{1,6}\s+|>\s+)|\*\*|__|~~|`+")
#: The dots between a dish and its price.
_LEADER = re.compile(r"[ \t]*(?:\.{4,}|·{3,}|_{4,}|…{2,})[ \t]*(?=\S)")
_EMPHASIS = re.compile(r"(?<![\w*])\*(?=\S)([^*\n]+?)(?<=\S)\*(?![\w*])")
_TAG = re.compile(r"(?<![\w&#＃])[#＃]([^\W\d_][\w·]*|\d+[^\W\d_][\w·]*)")
_MENTION = re.compile(r"(?<![\w@])@([A-Za-z0-9][\w.]*\w)")
_CAMEL = re.compile(r"(?<=[a-zà-ÿ0-9])(?=[A-ZÀ-Þ])")
_TAIL = re.compile(
    r"[\s(>–—:-]*(?:link (?:in|im|en) (?:der |la )?bio|mehr (?:dazu|infos?)"
    r"(?: im link)?|read more|learn more|more info|jetzt lesen)[\s:.!)]*$",
    re.IGNORECASE,
)
#: Styled Latin letters: mathematical, squared, negative squared and circled ones.
_FANCY = (
    *((0x1D400, 0x1D7FF), (0x1F130, 0x1F149)),
    *((0x1F170, 0x1F189), (0x24B6, 0x24E9)),
)


def normalize_text(text: str) -> str:
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


def strip_markup(text: str) -> str:
    """Return *text* without Markdown, code and links; marks of lists keep their lines.

    Code is kept if there is nothing else.
    """
    prose = _CODE.sub(lambda code: ".\n\n" if code["colon"] else "\n\n", text)
    if any(map(str.isalpha, prose)):
        text = prose
    text = _LEADER.sub(" — ", text)
    text = write_stars(_MARKDOWN_LINK.sub(r"\1", _FENCE.sub("", text)))
    text = _EMPHASIS.sub(r"\1", _MARKDOWN.sub("", text))
    text = remove_links(text)
    lines = (" ".join(re.split(r"[ \t]+", line.strip())) for line in text.split("\n"))
    return "\n".join(
        line if line.strip(" •.,:;-–—|👉👇🔗➡\ufe0f") else "" for line in lines
    )


def extract_hashtags(text: str) -> tuple[str, list[str]]:
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
