"""What a prompt writer is told."""

from __future__ import annotations

import hashlib
import json
import statistics
from dataclasses import replace

import pytest

from providers.base import ProviderSettings
from providers.cloudflare import Cloudflare
from providers.writers import build_writer
from providers.writers.chat import USUAL
from providers.writers.instructions import (
    INSTRUCTIONS_VERSION,
    SYSTEM_PROMPT,
    build_messages,
)
from tests.corpus import load_corpus
from tests.providers.writers.desk import TASK

#: What the tokenizers of Llama 3 and of GPT-4 (cl100k_base) both make of the system
#: prompt, the most that a chat template adds, and fewer bytes than either has in a
#: token of the corpus (3.1 and 2.7), which is of all scripts.
_SYSTEM_TOKENS, _TEMPLATE_TOKENS, _BYTES_PER_TOKEN = 576, 15, 2.6


def test_another_text_is_another_version() -> None:
    digest = hashlib.sha256(SYSTEM_PROMPT.encode()).hexdigest()[:16]
    assert (INSTRUCTIONS_VERSION, digest) == (2, "0acec8ed7aef3bbd")


def test_a_post_costs_at_most_4_percent_of_an_image() -> None:
    """On Cloudflare, whose images cost least; Hugging Face: `test_models`."""
    tasks = [
        replace(TASK, title=post.title, post=post.post, brand=post.brand or post.tag)
        for post in load_corpus().values()
    ]
    sent = [str(build_messages(task, None)[1]) for task in tasks]
    size = statistics.mean(len(text.encode()) for text in sent)
    input_tokens = _SYSTEM_TOKENS + size / _BYTES_PER_TOKEN + _TEMPLATE_TOKENS
    assert 0.9 * USUAL.input_tokens < input_tokens <= USUAL.input_tokens

    writer = build_writer(ProviderSettings(name="writer", kind="cloudflare"))
    image_price = Cloudflare.defaults.price(TASK.width * TASK.height / 1e6)
    assert writer.traits.token_price.cost_of(USUAL) <= 0.04 * image_price


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
