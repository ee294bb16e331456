"""What a prompt writer is told: the system prompt, the post as data, the repair.  Pure.

The system prompt is `system_prompt.txt`; `system_prompt.md` says why.
"""

from __future__ import annotations

import json
from importlib.resources import files

from providers.base import JsonValue
from providers.writers.base import People, Reply, WritingTask

#: Raise it whenever the system prompt changes; it is stored with every job.
INSTRUCTIONS_VERSION = 2
SYSTEM_PROMPT = (
    files("providers.writers").joinpath("system_prompt.txt").read_text("utf-8").strip()
)
#: The answer, as a JSON schema that OpenAI's strict mode accepts.
ANSWER_SCHEMA: dict[str, JsonValue] = {
    "type": "object",
    "properties": {
        "prompt": {"type": "string"},
        "headline": {"type": "string"},
        "alt": {"type": "string"},
    },
    "required": ["prompt", "headline", "alt"],
    "additionalProperties": False,
}
#: Characters of a post, of the other texts, and of a rejected answer that are sent.
_MAX_POST, _MAX_TEXT, _MAX_REJECTED = 4000, 1000, 1500
_MAX_PREVIOUS = 3
_PEOPLE: dict[People, str] = {
    "yes": "",
    "no faces": "only hands, backs or figures from behind",
    "no": "only things, places, food, plants and animals",
}
#: Width divided by height, at least, of each shape.
_SHAPES = ((1.2, "wide"), (0.9, "square"), (0.65, "tall"), (0.0, "very tall"))


def build_messages(task: WritingTask, rejected: Reply | None) -> list[JsonValue]:
    """Return the messages for a task, and after it those for the repair.

    The post is in them as a JSON string, which ends where we end it.
    """
    messages: list[JsonValue] = [
        {"role": "system", "content": SYSTEM_PROMPT},
        {"role": "user", "content": json.dumps(_describe(task), ensure_ascii=False)},
    ]
    if rejected is not None:
        text = rejected.text[:_MAX_REJECTED] or "{}"
        again = (
            f"That answer cannot be used: {rejected.problem}. "
            "Answer again with the JSON object only."
        )
        messages.append({"role": "assistant", "content": text})
        messages.append({"role": "user", "content": again})
    return messages


def _describe(task: WritingTask) -> JsonValue:
    brief: dict[str, JsonValue] = {"format": _shape_of(task)}
    if task.headline_space:
        brief["headline_space"] = True
    texts = {
        "people": _PEOPLE[task.people],
        "brand": task.brand,
        "style": task.style,
        "feedback": task.feedback,
    }
    brief |= {key: text[:_MAX_TEXT] for key, text in texts.items() if text}
    if task.previous_prompts:
        last = task.previous_prompts[-_MAX_PREVIOUS:]
        brief["previous_prompts"] = [prompt[:_MAX_TEXT] for prompt in last]
    post = {"title": task.title[:_MAX_TEXT], "text": task.post[:_MAX_POST]}
    return {"post": {**post}, "brief": brief}


def _shape_of(task: WritingTask) -> str:
    ratio = task.width / task.height
    return next(shape for least, shape in _SHAPES if ratio >= least)
