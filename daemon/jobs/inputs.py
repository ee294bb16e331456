"""What an image is made of: read from a page once, stored with the job as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, TypedDict

from daemon.decision_settings import InputSettings
from daemon.jobs import prompt
from daemon.notion.model import Page


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Everything one image (and its variants) is made of.

    Attributes:
        prompt: As built from the page, not yet cut; empty: nothing to make.
        origin: The column it came from: "prompt", "post" or "title".
        words: The post's own, for the card.
        format: As the page says it, or the configured one.
        variants: 1 to 4.
        feedback: Already part of `prompt`; kept to know whether it changed.
        chosen_files: Of a job's images, those that a person put back, in this order;
            empty: all of them.
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
        values = {name: getattr(self, name) for name in _FIELDS}
        # Nearly always: nothing is written that says so.
        if not self.chosen_files:
            del values["chosen_files"]
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Inputs:
        return cls(**values)


class _FingerprintTexts(TypedDict):
    """What a fingerprint may cover."""

    page_prompt: str
    post: str
    title: str
    columns: Mapping[str, str]
    template: str
    format: str
    variants: int


_FIELDS = tuple(one.name for one in fields(Inputs))


def read_inputs(page: Page, recipe: InputSettings) -> tuple[Inputs, str]:
    """Return what *page* asks for, and its fingerprint.

    The fingerprint covers what a person writes and nothing we write; feedback is
    not in it, because the write that delivers an image clears it.
    """
    columns = {name: cell.text for name, cell in page.columns.items()}
    built = prompt.build_prompt(
        page_prompt=page.prompt,
        post=page.post,
        title=page.title,
        columns=columns,
        template=recipe.template,
        style=recipe.style,
        feedback=page.feedback,
    )
    inputs = Inputs(
        prompt=built.text,
        origin=built.origin,
        words=prompt.words_for_card(page.post, page.title),
        title=page.title,
        format=page.format or recipe.format,
        variants=_count_variants(page),
        feedback=page.feedback,
    )
    return inputs, prompt.compute_fingerprint(**_read_texts(page, recipe))


def read_former_fingerprint(page: Page, recipe: InputSettings) -> str:
    """Return what the fingerprint of *page* is in a database of an earlier version."""
    return prompt.compute_former_fingerprint(**_read_texts(page, recipe))


def _read_texts(page: Page, recipe: InputSettings) -> _FingerprintTexts:
    return _FingerprintTexts(
        page_prompt=page.prompt,
        post=page.post,
        title=page.title,
        columns={name: cell.text for name, cell in page.columns.items()},
        template=recipe.template,
        format=page.format,
        variants=_count_variants(page),
    )


def _count_variants(page: Page) -> int:
    return min(4, max(1, page.variants or 1))
