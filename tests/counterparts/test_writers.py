"""A prompt writer against llama.cpp's own server and a small real language model.

Its taste is not judged: it has 135 million parameters.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from providers.base import JsonValue, ProviderSettings
from providers.outcomes import BadRequestError, NotFoundError
from providers.runner import ProviderRunner
from providers.writers import build_writer
from providers.writers.base import InvalidTextError, WritingTask
from providers.writers.runner import WritingResult, prepare_writer, write_prompt

pytestmark = [
    pytest.mark.xdist_group("counterparts"),
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.long,
    pytest.mark.timeout(900),
]
#: As good as the same answer every time.
_SETTINGS = ProviderSettings(
    name="writer", kind="openai", timeout=300.0, extra={"temperature": 0, "seed": 1}
)
#: It writes a usable prompt for one of them.
_POSTS = (
    "Fresh sourdough bread from 7:00. First loaves are out at dawn!",
    "The herbs behind the shop have woken up. Rosemary focaccia from Thursday!",
    "Market day is back on Saturday, with honey, cheese and an accordion.",
)


async def _write(url: str, post: str) -> WritingResult | InvalidTextError:
    runner = ProviderRunner()
    task = WritingTask(title="", post=post, width=1080, height=1350)
    writer = build_writer(replace(_SETTINGS, base_url=url))
    try:
        return await write_prompt(writer, task, runner, now=datetime.now(UTC))
    except InvalidTextError as error:
        return error
    finally:
        await runner.close()


async def test_a_real_model_writes_prompts(llama: str) -> None:
    for post in _POSTS:
        result = await _write(llama, post)
        if isinstance(result, WritingResult):
            break
    assert isinstance(result, WritingResult)
    assert result.model == "smollm2-135m-instruct"
    assert result.cost == 0
    # The system prompt alone has 500 and more, whatever the tokenizer.
    assert 500 < result.usage.input_tokens < 800
    assert result.usage.output_tokens > 10
    assert not any(char.isdigit() for char in result.written.prompt)
    assert len(result.written.headline) <= 40
    assert len(result.written.alt) <= 125


async def test_the_real_server_enforces_the_schema_and_refuses(llama: str) -> None:
    runner = ProviderRunner()
    writer = build_writer(replace(_SETTINGS, base_url=f"{llama}/v1"))
    await prepare_writer(writer, runner, now=datetime.now(UTC))
    whole = 0
    for post in _POSTS:
        task = WritingTask(title="", post=post, width=1080, height=1080)
        response = await runner.send_once(writer.build_call(task), writer.traits, 300)
        reply = writer.read_reply(response, task)
        assert reply.usage.output_tokens > 0
        # So small a model may go on until the limit of tokens.
        if reply.text.endswith("}"):
            whole += 1
            assert sorted(json.loads(reply.text)) == ["alt", "headline", "prompt"]
    assert whole

    # What it does not know is a bad request, after which the schema is left out.
    odd: JsonValue = {"type": "sonnet"}
    extra = {"response_format": odd}
    strict = build_writer(replace(_SETTINGS, base_url=llama, extra=extra))
    refused = await runner.send_once(strict.build_call(task), strict.traits)
    with pytest.raises(BadRequestError, match="response_format") as caught:
        strict.read_reply(refused, task)
    assert strict.adapt_to(caught.value)

    astray = build_writer(replace(_SETTINGS, base_url=f"{llama}/elsewhere/v1"))
    lost = await runner.send_once(astray.build_call(task), astray.traits)
    with pytest.raises(NotFoundError):
        astray.read_reply(lost, task)
    await runner.close()
