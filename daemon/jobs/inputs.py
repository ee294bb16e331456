"""The inputs of an image: read from a page once, stored with its job as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, TypedDict

from daemon.config.model import Options
from daemon.jobs import prompt
from daemon.notion.model import Page


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


class _FingerprintTexts(TypedDict):
    """Arguments of the fingerprint functions in `daemon.jobs.prompt`."""

    page_prompt: str
    post: str
    title: str
    columns: Mapping[str, str]
    template: str
    format: str
    variants: int


_FIELDS = tuple(field.name for field in fields(Inputs))


def read_inputs(page: Page, options: Options) -> tuple[Inputs, str]:
    """Return the inputs of *page* and their fingerprint.

    The fingerprint covers only what people write.  It leaves out the feedback, because
    postbrush clears the feedback when it delivers an image.
    """
    columns = {name: cell.text for name, cell in page.properties.items()}
    built = prompt.build_prompt(
        page_prompt=page.prompt,
        post=page.post,
        title=page.title,
        columns=columns,
        template=options.prompt.template,
        style=options.prompt.style,
        feedback=page.feedback,
    )
    inputs = Inputs(
        prompt=built.text,
        origin=built.origin,
        words=prompt.words_for_card(page.post, page.title),
        title=page.title,
        format=page.format or options.images.format,
        variants=_count_variants(page),
        feedback=page.feedback,
    )
    return inputs, prompt.compute_fingerprint(**_read_texts(page, options))


def read_former_fingerprint(page: Page, options: Options) -> str:
    """Return the fingerprint that an earlier version computed for *page*."""
    return prompt.compute_former_fingerprint(**_read_texts(page, options))


def _read_texts(page: Page, options: Options) -> _FingerprintTexts:
    return _FingerprintTexts(
        page_prompt=page.prompt,
        post=page.post,
        title=page.title,
        columns={name: cell.text for name, cell in page.properties.items()},
        template=options.prompt.template,
        format=page.format,
        variants=_count_variants(page),
    )


def _count_variants(page: Page) -> int:
    return min(4, max(1, page.variants or 1))
