"""The prompt of an image, and the fingerprint of its inputs.  Pure."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from daemon.config.parsing import fill_template, list_columns, uses_title

_NO_TEXT = "No text, no letters, no logo."
_LINK = re.compile(r"\b(?:https?://|www\.)\S+", re.IGNORECASE)
_MENTION = re.compile(r"(?<![\w@])@[\w.]+")
_HASHTAG = re.compile(r"(?<![\w#&])#[\w\N{MIDDLE DOT}]+")
#: Parts of emoji: joiners, variation selectors, keycaps and flag letters.
_EMOJI_PARTS = re.compile(
    "[\u200d\u20e3\ufe0e\ufe0f\U0001f1e6-\U0001f1ff\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]"
)
_SYMBOLS = frozenset({"So", "Sk", "Cf", "Co", "Cn", "Cs"})

Origin: TypeAlias = Literal["prompt", "post", "title"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A prompt and the property it comes from; `text` is empty without words."""

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

    The prompt comes from the first property with words: `prompt`, `post` or title.
    Links, names, tags and emoji of a post or title are removed, and the prompt forbids
    lettering.  The property `prompt` is used as written.
    """
    origin, words = _choose_words(page_prompt, post, title)
    if not words:
        return Prompt(text="", origin=origin)
    from_template = fill_template(template, words, title.strip(), columns)
    parts = [from_template, style.strip(), feedback.strip()]
    if origin != "prompt":
        parts.append(_NO_TEXT)
    return Prompt(text=_join_sentences(parts), origin=origin)


def _choose_words(page_prompt: str, post: str, title: str) -> tuple[Origin, str]:
    """Return the property that the prompt comes from, and its cleaned words."""
    if own_prompt := page_prompt.strip():
        return "prompt", own_prompt
    if from_post := strip_social_markup(post):
        return "post", from_post
    return "title", strip_social_markup(title)


def _join_sentences(parts: list[str]) -> str:
    """Join sentences, with a full stop after a part that lacks one."""
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
    without_symbols = "".join(
        " " if unicodedata.category(char) in _SYMBOLS else char for char in text
    )
    words = re.sub(r"\s+", " ", without_symbols).strip(" -\N{EN DASH}\N{EM DASH}|·•:,;")
    return words if any(char.isalnum() for char in words) else ""


def words_for_card(post: str, title: str) -> str:
    """Return the text that a card shows: the post, otherwise the title."""
    return post.strip() or title.strip()


def truncate_text(text: str, limit: int | None) -> tuple[str, bool]:
    """Return *text* cut to *limit* characters at a word, and whether it was cut."""
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
    """Return a hash of everything on the page that its image depends on.

    It covers the words of the prompt, the title and columns named in the template, the
    format and the variants.  It leaves out what postbrush writes, signed URLs and the
    feedback.  It leaves out the settings, so that a change of style or template
    regenerates no image.  It leaves out texts that the prompt does not use, so that the
    same prompt is paid for once.
    """
    origin, words = _choose_words(page_prompt, post, title)
    values: dict[str, object] = {
        origin: words,
        "format": format.strip().casefold(),
        "variants": variants,
    }
    if uses_title(template):
        values["title"] = title.strip()
    return _hash_values(values, template, columns)


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
    """Return the fingerprint of an earlier version, which covers unused texts."""
    values: dict[str, object] = {
        "prompt": page_prompt.strip(),
        "post": post.strip(),
        "title": title.strip(),
        "format": format.strip().casefold(),
        "variants": variants,
    }
    return _hash_values(values, template, columns)


def _hash_values(
    values: Mapping[str, object], template: str, columns: Mapping[str, str]
) -> str:
    """Return a hash of *values* and of the columns that *template* uses."""
    used_columns = {name: columns.get(name, "") for name in list_columns(template)}
    hashed = {**values, "columns": used_columns} if used_columns else values
    canonical = json.dumps(hashed, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()
