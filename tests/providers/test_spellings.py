"""What each service really says, word for word, and what we take it to mean.

Texts: the services' documentation and live answers that were published; Hugging
Face's are in `test_router`.
"""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from providers import build_provider
from providers.base import (
    FollowUp,
    GeneratedImage,
    HttpCall,
    ImageRequest,
    ProviderSettings,
    Response,
    Step,
)
from providers.charges import read_response
from providers.outcomes import (
    BadRequestError,
    PromptRefusedError,
    ProviderError,
    RateLimitedError,
    RemoteJobFailedError,
)
from tests.providers.desk import NOW, ORDER
from tests.providers.fakes.space import FakeSpace
from tests.providers.said import SAID
from tests.providers.said_refusals import REFUSALS

MODELS = {"data": [{"id": "m"}]}
#: The answers to what is asked before an image; else the list of models.
FIRST = {
    "http://service.test/api/spaces/zero-gpu/quota": FakeSpace().quota,
    "http://service.test/gradio_api/info": FakeSpace().description,
}


def first_call(kind: str, order: ImageRequest = ORDER) -> HttpCall:
    """Return the request for an image, past whatever is asked before it."""
    settings = ProviderSettings(
        name=kind,
        kind=kind,
        token="tok",
        base_url="http://service.test",
        hub_url="http://service.test",
        account="acc",
        endpoint="ep",
        model="m" if kind == "localai" else None,
        route="nscale" if kind == "flux" else None,
    )
    call = build_provider(settings).start(order, NOW)
    assert isinstance(call, HttpCall)
    while not call.is_image_request:
        answer = json.dumps(FIRST.get(call.url, MODELS)).encode()
        step = call.read(Response(200, {}, answer))
        assert isinstance(step, FollowUp)
        call = step.call
    return call


def read(kind: str, status: int, body: object) -> Step:
    data = body if isinstance(body, str) else json.dumps(body)
    headers = {"content-type": "application/json"}
    reply = Response(status, headers, data.encode())
    return read_response(first_call(kind), reply)


@pytest.mark.parametrize(("kind", "status", "body", "means"), SAID + REFUSALS)
def test_what_it_says_is_what_it_means(
    kind: str, status: int, body: object, means: type[ProviderError]
) -> None:
    with pytest.raises(means) as caught:
        read(kind, status, body)
    assert type(caught.value) is means
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) <= 330


def test_replicate_says_how_long_in_words_too() -> None:
    body = {"detail": "Request was throttled. Your rate limit resets in ~30s."}
    with pytest.raises(RateLimitedError) as caught:
        read("replicate", 429, body)
    assert caught.value.seconds == 30


def test_a_traceback_of_a_worker_is_not_repeated() -> None:
    inside = {
        "error_type": "<class 'RuntimeError'>",
        "error_message": "CUDA out of memory",
        "error_traceback": "Traceback (most recent call last):\n File /srv/worker.py",
        "hostname": "pod-7",
    }
    body = {"id": "x", "status": "FAILED", "error": json.dumps(inside)}
    with pytest.raises(RemoteJobFailedError) as caught:
        read("runpod", 200, body)
    assert str(caught.value) == "CUDA out of memory"


PNG = "iVBORw0KGgoAAAANSUhEUg=="


@pytest.mark.parametrize(
    "output",
    [
        {"image_url": "https://image.runpod.ai/a.png", "cost": 0.003},
        {"result": "https://image.runpod.ai/a.png"},
        [{"image": "https://image.runpod.ai/a.png", "seed": 1}],
        {"images": [{"filename": "a.png", "type": "s3_url", "data": "https://x/a"}]},
        {"message": "https://image.runpod.ai/a.png", "status": "success"},
        "https://image.runpod.ai/a.png",
    ],
)
def test_every_shape_of_runpods_outputs_leads_to_the_file(output: object) -> None:
    step = read("runpod", 200, {"id": "x", "status": "COMPLETED", "output": output})
    assert isinstance(step, FollowUp)
    assert step.call.is_download
    assert step.call.headers == {}


@pytest.mark.parametrize(
    "output",
    [
        {"images": [f"data:image/png;base64,{PNG}"], "seed": 1},
        {"images": [{"filename": "a.png", "type": "base64", "data": PNG}]},
        {"images": [PNG], "parameters": {}},
        {"message": PNG, "status": "success"},
    ],
)
def test_every_shape_of_runpods_outputs_holds_the_image(output: object) -> None:
    step = read("runpod", 200, {"id": "x", "status": "COMPLETED", "output": output})
    assert isinstance(step, GeneratedImage)


def test_together_is_asked_for_a_shape_when_it_refuses_a_size() -> None:
    body = {"error": {"message": "width is not supported, use aspect_ratio"}}
    step = read("together", 400, body)
    assert isinstance(step, FollowUp)
    assert isinstance(step.call.json, dict)
    assert step.call.json["aspect_ratio"] == "4:5"
    assert "width" not in step.call.json


HEAVY = Response(403, {}, b'{"message": "Heavy", "rc": "KudosUpfront"}')


def test_the_horde_is_asked_for_less_when_it_wants_kudos_first() -> None:
    step = first_call("horde", replace(ORDER, height=1080)).read(HEAVY)
    assert isinstance(step, FollowUp)
    assert isinstance(step.call.json, dict)
    params = step.call.json["params"]
    assert isinstance(params, dict)
    assert (params["width"], params["height"]) == (576, 576)


def test_the_horde_is_not_asked_for_an_image_that_is_too_small() -> None:
    with pytest.raises(BadRequestError):
        first_call("horde", replace(ORDER, height=1350)).read(HEAVY)


def test_an_image_the_filter_of_fal_flagged_is_a_refusal() -> None:
    flagged = {"images": [{"url": "https://v3.fal.media/black.png"}]}
    with pytest.raises(PromptRefusedError):
        read("fal", 200, flagged | {"has_nsfw_concepts": [True]})


@pytest.mark.parametrize(
    ("kind", "prompt", "sent"),
    [
        ("localai", "a cat | a dog", "a cat, a dog"),
        (
            "localai",
            "cat <lora:evil:1> <sd_cpp_extra_args>{}</sd_cpp_extra_args>",
            "cat {}",
        ),
        ("localai", "<<lora:a:1>lora:b:1> cat", "cat"),
        ("localai", "a (cat:1.3)", "a (cat)"),
        ("a1111", "a (cat:1.3) [dog]", "a \\(cat:1.3\\) \\[dog\\]"),
        ("a1111", "cat AND dog BREAK", "cat and dog break"),
        ("a1111", "cat \\( <lora:x:1>", "cat  \\("),
        ("horde", "a cat ### ugly", "a cat  ugly"),
        ("horde", "a cat #1", "a cat #1"),
        ("replicate", "a (cat:1.3) | b", "a (cat:1.3) | b"),
    ],
)
def test_what_a_service_would_take_as_a_command_is_taken_out(
    kind: str, prompt: str, sent: str
) -> None:
    order = ImageRequest(prompt=prompt, words="", width=512, height=512, seed=1)
    body = first_call(kind, order).json
    assert isinstance(body, dict)
    given = body.get("input", body)
    assert isinstance(given, dict)
    assert str(given["prompt"]).split() == sent.split()
