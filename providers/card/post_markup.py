"""Takes markup, links and hashtags out of a post.  Pure."""

from __future__ import annotations

import re
import unicodedata

from providers.card.list_marks import write_stars
from providers.card.sentences import join_sentences, split_sentences

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
_SCHEME = r"(?:https?://|www\.)"
_HOST = r"(?:[\w-]+\.)+[a-z]{2,}"
_LINK = re.compile(
    rf"(?:{_SCHEME}\S*?|(?<![\w@.]){_HOST}/\S*?)(?=[.,;:!?)\]»”]*(?:\s|$))",
    re.IGNORECASE,
)
_NAMED_HOST = re.compile(rf"^(?:https?://)?(?:www\.)?({_HOST})", re.IGNORECASE)
_LINK_MARK = "\N{OBJECT REPLACEMENT CHARACTER}"
_BRACKETED = re.compile(rf"[(\[]\s*{_LINK_MARK}\s*[)\]]")
#: Hosts whose names mean nothing to a reader.
_SHORTENERS = (
    "bit.ly t.co tinyurl.com goo.gl ow.ly lnkd.in buff.ly forms.gle fb.me wa.me is.gd "
    "youtu.be linktr.ee cutt.ly rebrand.ly rb.gy shorturl.at"
)
#: What stands before a link: prepositions, articles, "here", in the languages of most
#: posts.
_LEADS = (
    "at on in via to from under by with through the our a here visit see auf unter im "
    "über bei an am zu zum zur mit hier unsere unserer unserem der die das sur à chez "
    "par au aux ici le la les notre votre en por aquí nuestro nuestra el su da qui sul "
    "nel op bij em no na nos aqui pod tutaj w z på här i her ved на по в здесь тут за "
    "з στο εδώ"
)
_CONJUNCTIONS = "or and oder und ou et o y e u of lub i и или або та eller och og ή και"
#: What stands before a link in Japanese and Chinese, back to the last clause.
_DANGLING = re.compile(
    r"[^。！？，、\s]*(?:は|へ|から|で|访问|訪問|点击|點擊|见|見)[：:]?$"
)
_POINTERS = " \t:：–—-(>→➡\ufe0f👉👇🔗📲⬇"
_LABEL_WORDS = 2


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
    text = _remove_links(text)
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


def _remove_links(text: str) -> str:
    """Return *text* without links.

    A link inside a sentence becomes the name of its host.  What stands before a link
    at a sentence's end is cut back to a whole clause: "Call us or book at" becomes
    "Call us".
    """
    text = text.replace(_LINK_MARK, "")
    shown = "\n".join(map(_clean_line, text.split("\n")))
    if has_words(shown) or not has_words(_LINK.sub("", text)):
        return shown
    # "Visit www.example.com" is nothing without its link.
    return _LINK.sub(lambda link: _host_of(link[0]), text)


def has_words(text: str) -> bool:
    """Return True if a text has a letter or digit."""
    return any(char.isalnum() for char in text)


def _clean_line(line: str) -> str:
    hosts = [_host_of(link[0]) for link in _LINK.finditer(line)]
    if not hosts:
        return line
    kept: list[str] = []
    marked = _BRACKETED.sub(_LINK_MARK, _LINK.sub(_LINK_MARK, line))
    for sentence in split_sentences(marked):
        count = sentence.count(_LINK_MARK)
        kept.append(_clean_sentence(sentence, hosts[:count]) if count else sentence)
        del hosts[:count]
    return join_sentences([sentence for sentence in kept if sentence])


def _host_of(link: str) -> str:
    """Return the name of a link's host; "" if it means nothing to a reader."""
    match = _NAMED_HOST.match(link)
    host = match[1].lower() if match else ""
    return "" if host in _SHORTENERS.split() or len(host) > 30 else host


def _clean_sentence(sentence: str, hosts: list[str]) -> str:
    before, _, after = sentence.partition(_LINK_MARK)
    rest = after.rpartition(_LINK_MARK)[2]
    # Two links in a row are one.
    if not has_words(rest):
        end = rest.strip(" )]»”\t")[:1]
        kept = _cut_back(before)
        return f"{kept}{end}" if kept and kept[-1] not in ".!?…" else kept
    if not all(hosts):
        return ""
    for host in hosts:
        sentence = sentence.replace(_LINK_MARK, host, 1)
    return sentence


def _cut_back(before: str) -> str:
    """Return what stands before a link, as far as it is a clause without it."""
    bare = before.rstrip(_POINTERS)
    is_label = before.rstrip().endswith((":", "："))
    words = _DANGLING.sub("", bare).rstrip("，、").split()
    count = len(words)
    while words and words[-1].casefold() in _LEADS.split():
        words.pop()
    is_dangling = len(words) < count
    if is_dangling:
        for index in range(len(words) - 1, max(len(words) - 4, 0), -1):
            if words[index].casefold() in _CONJUNCTIONS.split():
                words = words[:index]
                break
    # "Tickets:" and "More at" say nothing alone.
    if is_label or is_dangling:
        ends = [i for i, word in enumerate(words, 1) if word[-1] in ",;.!?·|"]
        whole = ends[-1] if ends else 0
        if len(words) - whole < _LABEL_WORDS + (not is_dangling):
            words = words[:whole]
    return " ".join(words).rstrip(" ,;:·|–—-")
