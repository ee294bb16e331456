"""Which model is asked, by which route, with which parameters, for what price."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from providers.base import JsonValue, ProviderSettings
from providers.outcomes import BadRequestError, ModelLoadingError
from providers.runner import ProviderRunner
from providers.writers import build_writer
from providers.writers.base import TokenPrice
from providers.writers.huggingface import read_offers
from providers.writers.openai import is_local_host
from providers.writers.runner import prepare_writer
from tests.providers.desk import NOW
from tests.providers.writers.desk import TASK, WriterDesk, json_response

_LLAMA = "meta-llama/Llama-3.1-8B-Instruct"
ONLY_HUGGING_FACE = pytest.mark.parametrize("kind", ["huggingface"])
ONLY_OPENAI = pytest.mark.parametrize("kind", ["openai"])


def _route(partner: str, given: object, taken: object, **more: object) -> JsonValue:
    pricing: Any = {"input": given, "output": taken}
    route: Any = {"provider": partner, "status": "live", "pricing": pricing, **more}
    return route  # type: ignore[no-any-return]  # JSON


def _model(name: str, *routes: JsonValue) -> dict[str, object]:
    return {"id": name, "object": "model", "providers": list(routes)}


def test_the_cheapest_live_route_to_a_known_model_is_the_best() -> None:
    schema = {"supports_structured_output": True}
    offers = read_offers(
        [
            _model(
                _LLAMA,
                _route("dear", 0.1, 0.1, **schema),
                _route("loose", 0.01, 0.01),
                _route("cheap", 0.02, 0.05, **schema),
                _route("off", 0.001, 0.001, status="error", **schema),
                _route("gift", None, None, is_free=True, **schema),
            ),
            _model("some/Tiny-9B-Instruct", _route("free", 0, 0, **schema)),
            # What a list may hold beside.
            _model("some/other", {"provider": 7}, {"provider": "x", "status": "live"}),
            {"id": 3},
            {"providers": "none"},
            _model(_LLAMA, _route("odd", "much", -1)),
        ]
    )
    assert [offer.name for offer in offers] == [
        f"{_LLAMA}:cheap",
        f"{_LLAMA}:dear",
        f"{_LLAMA}:loose",
        "some/Tiny-9B-Instruct:free",
    ]


@pytest.mark.parametrize(
    ("name", "price", "is_suitable"),
    [
        (_LLAMA, 0.02, True),
        (_LLAMA, 0.9, False),
        ("new/Helper-12B-Instruct", 0.02, True),
        ("new/helper-9b-it", 0.02, True),
        ("new/Helper-1B-Instruct", 0.02, False),
        ("new/Helper-Coder-12B-Instruct", 0.02, False),
        ("new/Helper-VL-8B-Instruct", 0.02, False),
        ("new/Helper-12B-Thinking", 0.02, False),
        ("new/Helper-12B", 0.02, False),
        ("new/Helper-Instruct", 0.02, False),
    ],
)
def test_only_a_fitting_model_is_used_unasked(
    name: str,
    price: float,
    is_suitable: bool,  # noqa: FBT001 - the expectation
) -> None:
    (offer,) = read_offers([_model(name, _route("partner", price, price))])
    assert offer.is_suitable is is_suitable


@ONLY_HUGGING_FACE
async def test_the_list_is_read_once_a_day_and_sets_the_price(desk: WriterDesk) -> None:
    assert desk.writer.model == f"{_LLAMA}:cheapest"
    before = desk.writer.reserved_price(TASK)
    await desk.write()
    await desk.write()

    assert desk.fake.listed == 1
    assert desk.writer.model == f"{_LLAMA}:novita"
    price = desk.writer.traits.token_price
    assert (price.input, price.output) == (0.02, 0.05)
    assert desk.writer.reserved_price(TASK) < before
    # A post costs at most 4 % of an image of 1.17 megapixels.
    assert desk.writer.traits.price(1.0) <= 0.04 * 0.0013 * 1.17
    assert desk.writer.model_list_call(NOW + timedelta(hours=23)) is None
    assert desk.writer.model_list_call(NOW + timedelta(hours=25)) is not None


@ONLY_HUGGING_FACE
async def test_without_a_list_the_router_chooses(desk: WriterDesk) -> None:
    desk.configure(base_url=f"{desk.fake.url}/nowhere")
    runner = ProviderRunner()
    await prepare_writer(desk.writer, runner, now=NOW)
    await runner.close()
    assert desk.writer.model == f"{_LLAMA}:cheapest"
    assert desk.writer.model_list_call(NOW + timedelta(minutes=9)) is None
    assert desk.writer.model_list_call(NOW + timedelta(minutes=11)) is not None


@ONLY_HUGGING_FACE
@pytest.mark.parametrize(
    ("status", "error"),
    [
        (404, "not here"),
        (400, "Model not supported by provider novita"),
        (402, "Pay-as-you go is not enabled for provider novita yet."),
        (500, "Internal error"),
        (403, "partner: bad key"),
    ],
)
async def test_a_route_that_refuses_is_followed_by_the_next(
    desk: WriterDesk, status: int, error: str
) -> None:
    desk.fake.fail(status, {"error": error})
    result = await desk.write()
    assert result.model == f"{_LLAMA}:nscale"
    # That partner does not enforce a schema.
    assert "response_format" not in desk.fake.orders[0]


@ONLY_HUGGING_FACE
async def test_the_owners_model_is_asked_with_its_price(desk: WriterDesk) -> None:
    desk.configure(model=_LLAMA, account="my-org")
    assert (await desk.write()).model == f"{_LLAMA}:novita"
    desk.configure(model=f"{_LLAMA}:nscale")
    assert (await desk.write()).model == f"{_LLAMA}:nscale"
    assert desk.writer.traits.token_price.input == 0.06
    desk.configure(model="owner/unlisted")
    result = await desk.write()
    assert result.model == desk.fake.orders[-1]["model"] == "owner/unlisted"
    assert "writer.price" in desk.writer.traits.price_source


@ONLY_OPENAI
@pytest.mark.parametrize(
    ("error", "gone", "there"),
    [
        ("'response_format.type' must be 'text'", "response_format", ""),
        ("grammar is wrong", "response_format", ""),
        (
            "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.",
            "max_tokens",
            "max_completion_tokens",
        ),
        ("think value none is not supported for this model", "reasoning_effort", ""),
        ("unknown key chat_template_kwargs", "chat_template_kwargs", ""),
        ("'temperature' does not support 0.7 with this model.", "temperature", ""),
    ],
)
async def test_what_a_server_refuses_is_left_out_from_then_on(
    desk: WriterDesk, error: str, gone: str, there: str
) -> None:
    desk.fake.fail(400, {"error": {"message": error, "type": "invalid_request_error"}})
    await desk.write()
    await desk.write()
    assert desk.fake.answers == []
    for order in desk.fake.orders:
        assert gone not in order
        assert not there or order[there] == 800


@ONLY_OPENAI
async def test_a_server_at_home_is_free_and_lists_its_model(desk: WriterDesk) -> None:
    desk.fake.chat.models = ("nomic-embed-text", "flux.1-schnell", "qwen3:4b", "x")
    assert "model" not in json.dumps(desk.writer.build_call(TASK).json)[:9]
    result = await desk.write()
    assert result.model == desk.fake.orders[0]["model"] == "qwen3:4b"
    assert result.cost == desk.writer.reserved_price(TASK) == 0
    assert desk.writer.traits.is_own_server
    # It does not think first, whichever server it is.
    assert desk.fake.orders[0]["reasoning_effort"] == "none"
    assert desk.fake.orders[0]["chat_template_kwargs"] == {"enable_thinking": False}
    assert desk.writer.traits.label == "Your own server"
    assert desk.writer.traits.server == "writer on 127.0.0.1"


@ONLY_OPENAI
async def test_llama_cpp_that_reads_its_model_is_loading(desk: WriterDesk) -> None:
    error = {"code": 503, "message": "Loading model", "type": "unavailable_error"}
    desk.fake.fail(503, {"error": error})
    with pytest.raises(ModelLoadingError):
        await desk.write()


def test_openai_itself_does_not_think_first() -> None:
    settings = ProviderSettings(name="writer", kind="openai", token="sk")
    for base_url in (None, "https://api.openai.com/v1", "https://api.openai.com"):
        writer = build_writer(replace(settings, base_url=base_url))
        call = writer.build_call(TASK)
        assert call.url == "https://api.openai.com/v1/chat/completions"
        assert isinstance(call.json, dict)
        assert call.json["model"] == "gpt-6-luna"
        assert call.json["reasoning_effort"] == "none"
        assert writer.traits.token_price == TokenPrice(
            0.10, 0.50, "OpenAI's price per token"
        )
        assert writer.model_list_call(NOW) is None
    other = build_writer(replace(settings, base_url="https://llm.example.com/v1"))
    assert not other.traits.is_own_server
    assert other.traits.label == "llm.example.com"
    assert other.reserved_price(TASK) > 0


@pytest.mark.parametrize(
    ("pricing", "given"),
    [
        ({"prompt": "0.00000005", "completion": "0.0000002"}, 0.05),
        ({"input": 0.05, "output": 0.2}, 0.05),
        ({"prompt": "-1", "completion": "-1"}, 1.5),
        ({"prompt": "nan", "completion": "x"}, 1.5),
        ({"input": 10**400, "output": 0.2}, 1.5),
        (None, 1.5),
    ],
)
def test_a_hosted_service_needs_a_model_and_may_list_its_price(
    pricing: JsonValue, given: float
) -> None:
    settings = ProviderSettings(
        name="writer", kind="openai", token="sk", base_url="https://llm.example.com/v1"
    )
    with pytest.raises(BadRequestError, match=r"writer\.model"):
        build_writer(settings).build_call(TASK)
    writer = build_writer(replace(settings, model="maker/helper"))
    assert writer.model_list_call(NOW) is not None
    listed = {"data": [{"id": "other"}, {"id": "maker/helper", "pricing": pricing}]}
    writer.read_model_list(json_response(listed), NOW)
    assert writer.traits.token_price.input == pytest.approx(given)
    assert writer.model == "maker/helper"


@pytest.mark.parametrize(
    ("host", "is_local"),
    [
        ("localhost", True),
        ("nas", True),
        ("ollama.local", True),
        ("box.home.arpa", True),
        ("192.168.1.5", True),
        ("127.0.0.1", True),
        ("fd00::1", True),
        ("8.8.8.8", False),
        ("2606:4700::1", False),
        ("api.groq.com", False),
    ],
)
def test_a_host_of_the_owners_network_is_known(host: str, is_local: bool) -> None:  # noqa: FBT001 - the expectation
    assert is_local_host(host) is is_local


def test_cloudflare_enforces_a_schema_for_the_models_that_have_it() -> None:
    settings = ProviderSettings(name="writer", kind="cloudflare", account="acc")
    small = build_writer(settings).build_call(TASK)
    large = "@cf/meta/llama-3.3-70b-instruct-fp8-fast"
    json_mode = build_writer(replace(settings, model=large)).build_call(TASK)
    assert isinstance(small.json, dict)
    assert isinstance(json_mode.json, dict)
    assert small.url.endswith("/accounts/acc/ai/v1/chat/completions")
    assert "response_format" not in small.json
    assert "response_format" in json_mode.json


def test_an_answer_without_usage_is_estimated() -> None:
    writer = build_writer(ProviderSettings(name="writer", kind="cloudflare"))
    content = {"prompt": "A crusty loaf on a wooden board", "headline": "", "alt": ""}
    message = {"role": "assistant", "content": content}
    body = {"result": {"choices": [{"message": message}]}, "success": True}
    reply = writer.read_reply(json_response(body), TASK)
    assert reply.written is not None
    assert reply.usage.input_tokens > 700
    assert 10 < reply.usage.output_tokens < 60
