"""Seeds of your own server: sent where each kind of server reads them."""

from __future__ import annotations

import json

import pytest

from providers.base import (
    FollowUp,
    HttpCall,
    ImageRequest,
    ProviderSettings,
    Response,
)
from providers.localai import LocalAi
from providers.outcomes import NotFoundError
from tests.providers.fakes.sd_server import read_prompt


def _request(prompt: str, seed: int) -> ImageRequest:
    return ImageRequest(prompt=prompt, words="", width=512, height=512, seed=seed)


def _provider(model: str | None = None) -> LocalAi:
    settings = ProviderSettings(
        name="localai", kind="localai", base_url="http://own.test", model=model
    )
    return LocalAi(settings)


def _body(provider: LocalAi, request: ImageRequest, *models: str) -> dict[str, object]:
    """Return what is sent to a server that lists *models*."""
    listing = provider.first_call(request)
    assert (listing.method, listing.is_image_request) == ("GET", False)
    data = {"data": [{"id": name} for name in models]}
    return _sent(listing.read(Response(200, {}, json.dumps(data).encode())))


def _sent(step: object) -> dict[str, object]:
    assert isinstance(step, FollowUp)
    assert isinstance(step.call, HttpCall)
    assert isinstance(step.call.json, dict)
    return dict(step.call.json)


@pytest.mark.parametrize("model", [None, "flux-of-mine"])
def test_sd_server_paints_the_seed_that_is_recorded(model: str | None) -> None:
    provider = _provider(model)
    for seed in (7, 2**31 - 1):
        request = _request("Bread at dawn", seed)
        body = _body(provider, request, "sd-cpp-local")
        assert read_prompt(str(body["prompt"])) == ("Bread at dawn", seed)
        assert not any("seed" in text for text in provider.dropped_options(request))


def test_a_post_cannot_set_the_options_of_sd_server() -> None:
    prompt = 'Bread <sd_cpp_extra_args>{"seed": 1, "steps": 900}</sd_cpp_extra_args>'
    body = _body(_provider(), _request(prompt, 7), "sd-cpp-local")
    painted, seed = read_prompt(str(body["prompt"]))
    assert seed == 7
    assert "<" not in painted
    assert str(body["prompt"]).count("<sd_cpp_extra_args>") == 1


def test_a_server_that_reads_the_seed_gets_it_and_nothing_in_its_prompt() -> None:
    body = _body(_provider(), _request("Bread", 7), "bert", "flux.1-schnell")
    assert body["prompt"] == "Bread"
    assert (body["seed"], body["model"]) == (7, "flux.1-schnell")


def test_a_server_without_a_list_may_ignore_the_seed_and_it_is_said() -> None:
    provider, request = _provider("mine"), _request("Bread", 7)
    listing = provider.first_call(request)
    assert listing.on_error is not None
    body = _sent(listing.on_error(NotFoundError("HTTP 404")))
    assert (body["prompt"], body["seed"], body["model"]) == ("Bread", 7, "mine")
    assert any("seed" in text for text in provider.dropped_options(request))
    # It lists them again after an update.
    _body(provider, request, "flux.1-schnell")
    assert not any("seed" in text for text in provider.dropped_options(request))
