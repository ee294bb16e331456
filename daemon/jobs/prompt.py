"""The prompt of an image, and the fingerprint of what it is made of.  Pure."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from daemon.config.prompt_template import fill_template, list_columns, uses_title

_NO_TEXT = "No text, no letters, no logo."
_LINK = re.compile(r"\b(?:https?://|www\.)\S+", re.IGNORECASE)
_MENTION = re.compile(r"(?<![\w@])@[\w.]+")
_HASHTAG = re.compile(r"(?<![\w#&])#[\w\N{MIDDLE DOT}]+")
#: Joiners, variation selectors, keycaps and flags' letters go with the emoji.
_EMOJI_PARTS = re.compile(
    "[\u200d\u20e3\ufe0e\ufe0f\U0001f1e6-\U0001f1ff\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]"
)
_SYMBOLS = frozenset({"So", "Sk", "Cf", "Co", "Cn", "Cs"})

Origin: TypeAlias = Literal["prompt", "post", "title"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What is sent, and the column it was made from; `text` is empty without words."""

    text: str
    origin: Origin


def build_prompt(
    *,
    page_prompt: str,
    post: str,
    title: str,
    columns: Mapping[str, str],
    template: str,
    style: str,
    feedback: str,
) -> Prompt:
    """Return the prompt for a page.

    The first of the columns `prompt`, `post`, the title that has words.  A post is
    not written for a painter: its links, names, tags and emoji are left out, and
    lettering is ruled out.  A prompt its owner wrote is sent as written.
    """
    origin, words = _choose_words(page_prompt, post, title)
    if not words:
        return Prompt(text="", origin=origin)
    filled = fill_template(template, words, title.strip(), columns)
    parts = [filled, style.strip(), feedback.strip()]
    if origin != "prompt":
        parts.append(_NO_TEXT)
    return Prompt(text=_join_sentences(parts), origin=origin)


def _choose_words(page_prompt: str, post: str, title: str) -> tuple[Origin, str]:
    """Return what the prompt is made from: its column, and the words left of it."""
    if written := page_prompt.strip():
        return "prompt", written
    if from_post := strip_social_markup(post):
        return "post", from_post
    return "title", strip_social_markup(title)


def _join_sentences(parts: list[str]) -> str:
    """Join sentences: a part that ends without a stop gets one before the next."""
    text = ""
    for part in filter(None, parts):
        if text and text[-1] not in ".!?…,;:":
            text += "."
        text += f" {part}" if text else part
    return text


def strip_social_markup(text: str) -> str:
    """Return *text* without links, @names, hashtags and emoji, on one line."""
    for pattern in (_LINK, _MENTION, _HASHTAG, _EMOJI_PARTS):
        text = pattern.sub(" ", text)
    kept = "".join(
        " " if unicodedata.category(char) in _SYMBOLS else char for char in text
    )
    words = re.sub(r"\s+", " ", kept).strip(" -\N{EN DASH}\N{EM DASH}|·•:,;")
    return words if any(char.isalnum() for char in words) else ""


def words_for_card(post: str, title: str) -> str:
    """Return the post's own words, which the card letters: the post, else the title."""
    return post.strip() or title.strip()


def truncate_text(text: str, limit: int | None) -> tuple[str, bool]:
    """Return *text* within *limit* characters, cut at a word, and whether it was."""
    if limit is None or len(text) <= limit:
        return text, False
    head = text[: limit + 1]
    space = head.rfind(" ")
    return head[: space if space > limit // 2 else limit].rstrip(), True


def compute_fingerprint(
    *,
    page_prompt: str,
    post: str,
    title: str,
    columns: Mapping[str, str],
    template: str,
    format: str,  # noqa: A002 - the column's name
    variants: int,
) -> str:
    """Return a hash of everything on the page that its image is made of.

    The words that the prompt is made from, the title and columns that the template
    names, format and variants; nothing we write, no signed URL, not the feedback, and
    not the settings: a change of style or template never makes an image anew.
    A text that the prompt does not use is not in it: the same prompt is paid for once.
    """
    origin, words = _choose_words(page_prompt, post, title)
    made_of: dict[str, object] = {
        origin: words,
        "format": format.strip().casefold(),
        "variants": variants,
    }
    if uses_title(template):
        made_of["title"] = title.strip()
    if used := {name: columns.get(name, "") for name in list_columns(template)}:
        made_of["columns"] = used
    return _hash_values(made_of)


def compute_former_fingerprint(
    *,
    page_prompt: str,
    post: str,
    title: str,
    columns: Mapping[str, str],
    template: str,
    format: str,  # noqa: A002 - the column's name
    variants: int,
) -> str:
    """Return the fingerprint of the version that covered unused texts, too."""
    made_of: dict[str, object] = {
        "prompt": page_prompt.strip(),
        "post": post.strip(),
        "title": title.strip(),
        "format": format.strip().casefold(),
        "variants": variants,
    }
    if used := {name: columns.get(name, "") for name in list_columns(template)}:
        made_of["columns"] = used
    return _hash_values(made_of)


def _hash_values(made_of: Mapping[str, object]) -> str:
    canonical = json.dumps(made_of, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()
