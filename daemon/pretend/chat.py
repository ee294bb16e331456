"""A pretend language model behind OpenAI's chat completions: it writes image prompts.

Paths, bodies and errors are those of Hugging Face's router; see
`providers.writers.huggingface`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from daemon.pretend.models import Json
from daemon.pretend.written_prompts import find_idea

#: What the router's list says of a model with three routes.
_MODEL = "meta-llama/Llama-3.1-8B-Instruct"
_BYTES_PER_TOKEN = 4
_MAX_HEADLINE = 40
_SENTENCE_END = r"(?<=[.!?])\s|(?<=[\u3002\uff01\uff1f])|\n"
_CLAUSE_END = r"[,;](?=\s)|[\u3001\u060c]"

Responder = Callable[[Json], web.StreamResponse | Awaitable[web.StreamResponse]]


@dataclass(slots=True)
class FakeChat:
    """The state of the pretend model.

    Attributes:
        asked: The bodies of the requests that were answered.
        answers: What the next requests get instead: the text of a message, or a
            function of the body that returns the response.
        models: The ids of the list.
    """

    asked: list[Json] = field(default_factory=list)
    answers: list[str | Responder] = field(default_factory=list)
    models: tuple[str, ...] = (_MODEL,)

    async def respond(self, body: Json) -> web.StreamResponse:
        """Return the response to a request for a chat completion."""
        self.asked.append(body)
        answer = self.answers.pop(0) if self.answers else write_answer(body)
        if isinstance(answer, str):
            return web.json_response(completion(body, answer))
        response = answer(body)
        return response if isinstance(response, web.StreamResponse) else await response

    def list_models(self) -> Json:
        """Return the list of models as the router has it."""
        routes = [
            _route("novita", 0.02, 0.05, enforces_schema=True),
            _route("nscale", 0.06, 0.06, enforces_schema=False),
            _route("sambanova", 0.10, 0.20, enforces_schema=True) | {"status": "error"},
        ]
        models = [
            {"id": name, "object": "model", "owned_by": "demo", "providers": routes}
            for name in self.models
        ]
        return {"object": "list", "data": models}


def completion(body: Json, text: str, finish: str = "stop") -> Json:
    """Return a chat completion with *text* as its message."""
    asked = len(json.dumps(body.get("messages", []))) // _BYTES_PER_TOKEN
    answered = len(text.encode()) // _BYTES_PER_TOKEN
    message = {"role": "assistant", "content": text}
    return {
        "id": "chatcmpl-demo",
        "object": "chat.completion",
        "created": 1,
        "model": body.get("model", _MODEL),
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": {
            "prompt_tokens": asked,
            "completion_tokens": answered,
            "total_tokens": asked + answered,
        },
    }


def write_answer(body: Json) -> str:
    """Return the picture for the post in a request, as the system prompt wants it.

    Earlier prompts lead to another idea, feedback to the last idea and the feedback.
    """
    task = read_task(body)
    post, brief = task.get("post", {}), task.get("brief", {})
    text = str(post.get("text") or post.get("title") or "")
    idea, previous = find_idea(text), brief.get("previous_prompts", [])
    feedback = str(brief.get("feedback", "")).strip().rstrip(".")
    number = max(0, len(previous) - 1) if feedback else len(previous)
    prompt = idea.prompts[number % len(idea.prompts)]
    if brief.get("headline_space"):
        prompt += ", a calm plain area above for a headline"
    if feedback:
        prompt += f", {feedback[:1].lower()}{feedback[1:]}"
    return json.dumps(
        {"prompt": f"{prompt}.", "headline": _headline_of(text), "alt": idea.alt},
        ensure_ascii=False,
    )


def read_task(body: Json) -> dict[str, Any]:
    """Return the post and the brief in a request, {} if there are none."""
    for message in body.get("messages", []):
        if message.get("role") == "user":
            try:
                task = json.loads(message["content"])
            except ValueError:
                continue
            return task if isinstance(task, dict) else {}
    return {}


def _headline_of(text: str) -> str:
    """Return the first sentence of a post, or its beginning up to a comma."""
    for end in (_SENTENCE_END, _CLAUSE_END):
        part = re.split(end, text.strip(), maxsplit=1)[0].strip()
        if len(part) <= _MAX_HEADLINE:
            return part
    return ""


def _route(partner: str, given: float, taken: float, *, enforces_schema: bool) -> Json:
    return {
        "provider": partner,
        "status": "live",
        "context_length": 131072,
        "pricing": {"input": given, "output": taken},
        "is_free": False,
        "supports_tools": False,
        "supports_structured_output": enforces_schema,
    }
