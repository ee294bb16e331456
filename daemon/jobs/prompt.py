"""The inputs of an image: prompt, format, variants, and their fingerprint.  Pure.

They are read from a page once and stored with its job as JSON.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, TypeAlias

from daemon.config.model import Options
from daemon.config.parsing import fill_template, list_columns, uses_title
from daemon.notion.model import Page

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
class Inputs:
    """The inputs of an image and its variants.

    Attributes:
        prompt: Prompt built from the page, not yet truncated; empty: no image.
        origin: Source of the prompt: "prompt", "post" or "title".
        words: Text of the post, for the card.
        format: Format of the page, or the configured one.
        variants: Number of images, 1 to 4.
        feedback: Text that is also part of `prompt`, stored to detect a change.
        chosen_files: File names of the job's images to show again, in this order;
            empty: all images.
    """

    prompt: str
    origin: str
    words: str
    title: str
    format: str
    variants: int
    feedback: str
    chosen_files: Sequence[str] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values, without an empty `chosen_files`."""
        values = {name: getattr(self, name) for name in _FIELDS}
        if not self.chosen_files:
            del values["chosen_files"]
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Inputs:
        """Return the inputs that `to_dict` wrote."""
        return cls(**values)


_FIELDS = tuple(field.name for field in fields(Inputs))


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A prompt and the property it comes from; `text` is empty without words."""

    text: str
    origin: Origin


def read_inputs(page: Page, options: Options) -> tuple[Inputs, str]:
    """Return the inputs of *page* and their fingerprint."""
    built = build_prompt(
        page_prompt=page.prompt,
        post=page.post,
        title=page.title,
        columns=_read_columns(page),
        template=options.prompt.template,
        style=options.prompt.style,
        feedback=page.feedback,
    )
    inputs = Inputs(
        prompt=built.text,
        origin=built.origin,
        words=page.post.strip() or page.title.strip(),
        title=page.title,
        format=page.format or options.images.format,
        variants=_count_variants(page),
        feedback=page.feedback,
    )
    return inputs, compute_fingerprint(page, options)


def _read_columns(page: Page) -> dict[str, str]:
    return {name: cell.text for name, cell in page.properties.items()}


def _count_variants(page: Page) -> int:
    return min(4, max(1, page.variants or 1))


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


def truncate_text(text: str, limit: int | None) -> tuple[str, bool]:
    """Return *text* cut to *limit* characters at a word, and whether it was cut."""
    if limit is None or len(text) <= limit:
        return text, False
    head = text[: limit + 1]
    space = head.rfind(" ")
    return head[: space if space > limit // 2 else limit].rstrip(), True


def compute_fingerprint(page: Page, options: Options) -> str:
    """Return a hash of everything on the page that its image depends on.

    It covers the words of the prompt, the title and columns named in the template, the
    format and the variants.  It leaves out what postbrush writes or clears (signed
    URLs, the feedback).  It leaves out the settings, so that a change of style or
    template regenerates no image.  It leaves out texts that the prompt does not use, so
    that the same prompt is paid for once.
    """
    origin, words = _choose_words(page.prompt, page.post, page.title)
    values: dict[str, str] = {origin: words}
    if uses_title(options.prompt.template):
        values["title"] = page.title.strip()
    return _hash_texts(values, page, options)


def compute_former_fingerprint(page: Page, options: Options) -> str:
    """Return the fingerprint of an earlier version, which covers unused texts."""
    values = {
        "prompt": page.prompt.strip(),
        "post": page.post.strip(),
        "title": page.title.strip(),
    }
    return _hash_texts(values, page, options)


def _hash_texts(texts: Mapping[str, str], page: Page, options: Options) -> str:
    """Return a hash of *texts*, of format, variants and columns of the template."""
    hashed: dict[str, object] = {
        **texts,
        "format": page.format.strip().casefold(),
        "variants": _count_variants(page),
    }
    columns = _read_columns(page)
    names = list_columns(options.prompt.template)
    if used := {name: columns.get(name, "") for name in names}:
        hashed["columns"] = used
    canonical = json.dumps(hashed, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()
