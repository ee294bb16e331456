"""What a prompt writer is told."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pytest

from providers.writers.instructions import (
    INSTRUCTIONS_VERSION,
    SYSTEM_PROMPT,
    build_messages,
)
from tests.providers.writers.desk import TASK


def test_another_text_is_another_version() -> None:
    digest = hashlib.sha256(SYSTEM_PROMPT.encode()).hexdigest()[:16]
    assert (INSTRUCTIONS_VERSION, digest) == (1, "e8ad3f55eb171d92")


@pytest.mark.parametrize(
    ("size", "shape"),
    [
        ((1080, 1080), "square"),
        ((1080, 1350), "tall"),
        ((1200, 630), "wide"),
        ((1080, 1920), "very tall"),
    ],
)
def test_the_brief_says_what_the_owner_wants(size: tuple[int, int], shape: str) -> None:
    task = replace(
        TASK,
        width=size[0],
        height=size[1],
        brand="A village bakery",
        people="no",
        style="watercolour",
        previous_prompts=("a", "b", "c", "d"),
        headline_space=True,
    )
    _, user = build_messages(task, None)
    assert isinstance(user, dict)
    assert json.loads(str(user["content"]))["brief"] == {
        "format": shape,
        "people": "only things, places, food, plants and animals",
        "headline_space": True,
        "brand": "A village bakery",
        "style": "watercolour",
        "previous_prompts": ["b", "c", "d"],
    }
