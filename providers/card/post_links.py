"""Takes links out of a text, with the words that are nothing without them.  Pure."""

from __future__ import annotations

import re

from providers.card.sentences import join_sentences, split_sentences

_SCHEME = r"(?:https?://|www\.)"
_HOST = r"(?:[\w-]+\.)+[a-z]{2,}"
_LINK = re.compile(
    rf"(?:{_SCHEME}\S*?|(?<![\w@.]){_HOST}/\S*?)(?=[.,;:!?)\]»”]*(?:\s|$))",
    re.IGNORECASE,
)
_NAMED_HOST = re.compile(rf"^(?:https?://)?(?:www\.)?({_HOST})", re.IGNORECASE)
_MARK = "\N{OBJECT REPLACEMENT CHARACTER}"
_BRACKETED = re.compile(rf"[(\[]\s*{_MARK}\s*[)\]]")
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


def remove_links(text: str) -> str:
    """Return *text* without links.

    A link inside a sentence becomes the name of its host.  What stands before a link
    at a sentence's end is cut back to a whole clause: "Call us or book at" becomes
    "Call us".
    """
    text = text.replace(_MARK, "")
    shown = "\n".join(map(_clean_line, text.split("\n")))
    if _has_words(shown) or not _has_words(_LINK.sub("", text)):
        return shown
    # "Visit www.example.com" is nothing without its link.
    return _LINK.sub(lambda link: _host_of(link[0]), text)


def _has_words(text: str) -> bool:
    return any(char.isalnum() for char in text)


def _clean_line(line: str) -> str:
    hosts = [_host_of(link[0]) for link in _LINK.finditer(line)]
    if not hosts:
        return line
    kept: list[str] = []
    marked = _BRACKETED.sub(_MARK, _LINK.sub(_MARK, line))
    for sentence in split_sentences(marked):
        count = sentence.count(_MARK)
        kept.append(_clean_sentence(sentence, hosts[:count]) if count else sentence)
        del hosts[:count]
    return join_sentences([sentence for sentence in kept if sentence])


def _host_of(link: str) -> str:
    """Return the name of a link's host; "" if it means nothing to a reader."""
    match = _NAMED_HOST.match(link)
    host = match[1].lower() if match else ""
    return "" if host in _SHORTENERS.split() or len(host) > 30 else host


def _clean_sentence(sentence: str, hosts: list[str]) -> str:
    before, _, after = sentence.partition(_MARK)
    rest = after.rpartition(_MARK)[2]
    # Two links in a row are one.
    if not _has_words(rest):
        end = rest.strip(" )]»”\t")[:1]
        kept = _cut_back(before)
        return f"{kept}{end}" if kept and kept[-1] not in ".!?…" else kept
    if not all(hosts):
        return ""
    for host in hosts:
        sentence = sentence.replace(_MARK, host, 1)
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
