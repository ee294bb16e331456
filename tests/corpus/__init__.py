"""Sixty realistic posts of many trades and languages, for prompts and for cards."""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_POSTS = Path(__file__).with_name("posts.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusPost:
    """A post as it stands on a page, and what its owner has set.

    Attributes:
        name: Its key in `posts.toml`.
        language: BCP 47 tag: "en", "zh-Hant".
        kind: closure, condolence, event, hiring, hours, list, quote, review, sale,
            statement, table or versus.
        tag: The small line of a card: the name of the business.
        brand: What the business is, for whoever makes the picture.
        style, feedback: As in the settings and in the property.
    """

    name: str
    language: str
    kind: str
    title: str
    post: str
    tag: str
    brand: str = ""
    style: str = ""
    feedback: str = ""


@functools.cache
def load_corpus() -> Mapping[str, CorpusPost]:
    """Return the posts by name, in the order of the file."""
    tables = tomllib.loads(_POSTS.read_text(encoding="utf-8"))
    return MappingProxyType(
        {
            name: CorpusPost(name=name, **{**table, "post": table["post"].strip()})
            for name, table in tables.items()
        }
    )
