"""Recognises the marks of list items and the stars of a rating.  Pure."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace

from providers.card.graphemes import is_emoji, split_graphemes

_DASHES = "+*–—»›-"
_CERTAIN = "•·∙▪▫●○◆◇■□"
_CHECKS, _CROSSES = frozenset("✓✔☑✅"), frozenset("✗✘❌❎✕")
_BULLETS = "".join((*_CHECKS, *_CROSSES, _CERTAIN, "▸▶►▹◦❖➤➔➜→⇒☐▢🔹🔸🔷🔶🔘◾◽👉➡"))
_MARKED = re.compile(
    rf"^\s*(?P<mark>[{_DASHES}](?=\s)|[{_BULLETS}]\ufe0f?|\d{{1,2}}[.)](?=\s)"
    r"|[0-9]\ufe0f?\u20e3|🔟|[①-⑳])\s*(?P<text>\S.*)$"
)
_STARS = re.compile(
    r"(?:(?P<row>(?:[⭐🌟]\ufe0f? ?){2,})(?P<half>½)?"
    r"|(?<![\d/.,])(?P<before>[2-5])\s?[x×]?\s?[⭐🌟]\ufe0f?(?!\s?[⭐🌟])"
    r"|[⭐🌟]\ufe0f?\s?[x×]\s?(?P<after>[2-5])\b"
    r"|(?<!\S)(?P<typed>\*{4,5})(?=[\s.,!]|$))"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TextLine:
    """A line of a post.

    Attributes:
        mark: "•", "✓" or "✗" of a list's item, its number ("1.", "2)"), or the emoji
            that begins it; "" outside lists.
        text: The line without its mark.
        after_gap: An empty line is before it.
    """

    text: str
    mark: str = ""
    after_gap: bool = False

    @property
    def whole(self) -> str:
        """The mark and the text."""
        return f"{self.mark}\N{NO-BREAK SPACE}{self.text}" if self.mark else self.text


def write_stars(text: str) -> str:
    """Return *text* with every rating as a row of stars: "⭐x5" becomes "★★★★★"."""

    def row(match: re.Match[str]) -> str:
        count = match["before"] or match["after"]
        stars = match["row"] or match["typed"] or ""
        number = int(count) if count else sum(char in "⭐🌟*" for char in stars)
        return "★" * number + (match["half"] or "") + (" " if stars[-1:] == " " else "")

    return _STARS.sub(row, text)


def parse_lines(text: str) -> list[TextLine]:
    """Return the lines of *text* with the marks of its lists."""
    lines: list[TextLine] = []
    gap = False
    for row in text.split("\n"):
        if row.strip():
            lines.append(replace(_parse_line(row), after_gap=gap))
        gap = not row.strip()
    return [
        replace(line, mark=_plain_mark(line.mark))
        if not line.mark or _is_item(lines, index)
        else replace(line, mark="", text=f"{line.mark} {line.text}")
        for index, line in enumerate(lines)
    ]


def _parse_line(row: str) -> TextLine:
    match = _MARKED.match(row)
    if match:
        return TextLine(mark=match["mark"], text=match["text"].strip())
    first, *rest = split_graphemes(row.strip())
    text = "".join(rest).strip()
    if is_emoji(first) and text and not is_emoji(split_graphemes(text)[0]):
        return TextLine(mark=first, text=text)
    return TextLine(text=row.strip())


def _is_item(lines: list[TextLine], index: int) -> bool:
    """Return True if the mark of a line is a list's, as other lines show."""
    mark = lines[index].mark
    if mark[:-1].isdecimal():
        # "3. März" is a date unless the lines count.
        return {"1", "2"} <= {line.mark[:-1] for line in lines}
    if mark in [*_DASHES]:
        # One dash is before an author.
        return sum(line.mark in [*_DASHES] for line in lines) > 1
    if _is_bullet(mark):
        kind = _kind_of(mark)
        several = sum(_kind_of(line.mark) == kind for line in lines if line.mark) > 1
        return mark in _CERTAIN or several
    # An emoji is a mark if the line before or after it begins with one, too.
    neighbours = lines[max(index - 1, 0) : index] if not lines[index].after_gap else []
    neighbours += [line for line in lines[index + 1 : index + 2] if not line.after_gap]
    return any(line.mark and is_emoji(line.mark) for line in neighbours)


def _is_bullet(mark: str) -> bool:
    return bool(mark) and _MARKED.match(f"{mark} x") is not None


def _kind_of(mark: str) -> str:
    """Return what marks of one list have in common."""
    if mark[0] in _CHECKS | _CROSSES:
        return "check"
    if mark[0] in "➡👉→▶►▸▹➤➔➜⇒":
        return "arrow"
    return "number" if mark[-1] == "\u20e3" or mark[0] in "🔟①②③④⑤" else mark[0]


def _plain_mark(mark: str) -> str:
    """Return a mark as it is shown: "✓" for a check mark, "1." for a keycap."""
    if mark[:1] in _CHECKS:
        return "✓"
    if mark[:1] in _CROSSES:
        return "✗"
    if mark[-1:] == "\u20e3" or "①" <= mark[:1] <= "⑳":
        return f"{unicodedata.digit(mark[0], 0) or ord(mark[0]) - 0x245F}."
    if mark == "🔟":
        return "10."
    return "•" if _is_bullet(mark) and not mark[:-1].isdecimal() else mark
