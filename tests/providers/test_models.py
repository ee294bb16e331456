"""Models end: how services say so, and what is asked of other models."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import pytest

from providers import build_provider
from providers.base import HttpCall, ProviderSettings, Response
from providers.model_list import ModelEntry
from providers.outcomes import NotFoundError, UnauthorizedError
from providers.provider import Provider
from tests.providers.desk import NOW, ORDER, Desk
from tests.providers.fakes import FAKES, settings_for
from tests.providers.fakes.nvidia import SIDES

FOUND, MISSING = ModelEntry(is_listed=True), ModelEntry(is_listed=False)
HUB = {"inferenceProviderMapping": {"nscale": {"status": "live", "providerId": "x"}}}
CLOUDFLARE = "@cf/black-forest-labs/flux-1-schnell"


def provider_of(kind: str, **more: object) -> Provider:
    values = {"name": kind, "kind": kind, "token": "tok", "account": "acc"}
    base_url = "http://service.test"
    return build_provider(
        ProviderSettings(**{**values, "base_url": base_url, **more})  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("kind", "more", "status", "body", "entry"),
    [
        (
            "openai",
            {"model": "gpt-image-1.5"},
            200,
            {"data": [{"id": "gpt-image-1.5", "shutdown_date": "2026-12-01"}]},
            ModelEntry(is_listed=True, ends_on=date(2026, 12, 1)),
        ),
        (
            "openai",
            {},
            200,
            {"data": [{"id": "gpt-image-2.6-flare", "shutdown_date": None}]},
            FOUND,
        ),
        (
            "openai",
            {"model": "gpt-image-1"},
            200,
            {"data": [{"id": "gpt-image-2"}]},
            MISSING,
        ),
        ("openai", {}, 200, {"object": "list"}, None),
        (
            "together",
            {},
            200,
            [{"id": "black-forest-labs/FLUX.1-schnell", "type": "image"}],
            FOUND,
        ),
        (
            "cloudflare",
            {},
            200,
            {
                "success": True,
                "result": [
                    {
                        "id": "a-uuid",
                        "name": CLOUDFLARE,
                        "properties": [
                            {
                                "property_id": "planned_deprecation_date",
                                "value": "2027-01-31",
                            }
                        ],
                    }
                ],
            },
            ModelEntry(is_listed=True, ends_on=date(2027, 1, 31)),
        ),
        ("a1111", {"model": "sdxl"}, 200, [], MISSING),
        (
            "a1111",
            {"model": "sdxl"},
            200,
            [{"title": "sdxl.safetensors [ab]", "model_name": "sdxl"}],
            FOUND,
        ),
        ("horde", {"model": "SDXL 1.0"}, 200, [{"name": "SDXL 1.0"}], FOUND),
        ("replicate", {}, 200, {"name": "flux-schnell"}, FOUND),
        ("replicate", {}, 404, {"detail": "Not found."}, MISSING),
        ("replicate", {}, 404, "404: Not Found", None),
        ("flux", {}, 404, "404: Not Found", None),
        ("flux", {}, 200, HUB, FOUND),
        ("flux", {"route": "nscale"}, 200, HUB, FOUND),
        ("flux", {"route": "fal-ai"}, 200, HUB, MISSING),
        ("flux", {}, 404, {"error": "Repository not found"}, MISSING),
    ],
)
def test_a_list_says_whether_and_how_long_there_is_the_model(
    kind: str,
    more: dict[str, object],
    status: int,
    body: object,
    entry: ModelEntry | None,
) -> None:
    provider = provider_of(kind, **more)
    assert provider.model_check_call() is not None
    assert provider.find_model(Response(status, {}, json.dumps(body).encode())) == entry


@pytest.mark.parametrize("kind", ["localai", "a1111", "horde", "fal", "nvidia"])
def test_nothing_is_looked_up_without_a_model_or_a_list(kind: str) -> None:
    assert provider_of(kind).model_check_call() is None


ENDED: list[tuple[str, int, str, str]] = [
    (
        "openai",
        404,
        "The model `gpt-image-1` does not exist or you do not have access",
        "",
    ),
    ("openai", 400, "The model `gpt-image-1` has been deprecated", "model_not_found"),
    ("openai", 403, "Project `p` does not have access to it", "model_not_found"),
    ("together", 400, "Unable to access non-serverless model x", "model_not_available"),
    ("nvidia", 404, "Function 'x': Not found for account 'y'", ""),
    ("nvidia", 410, "The model x has reached its end of life on 2026-10-01", ""),
    ("localai", 400, "model not found: flux", ""),
    ("cloudflare", 400, "No such model x", ""),
    ("flux", 400, "The requested model is deprecated", ""),
]


@pytest.mark.parametrize("said", ENDED)
def test_words_about_the_model_mean_that_it_is_gone(
    said: tuple[str, int, str, str],
) -> None:
    kind, status, words, code = said
    error = {"message": words, "code": code}
    body = json.dumps({"error": error}).encode()
    with pytest.raises(NotFoundError):
        provider_of(kind).raise_for_error(Response(status, {}, body))


def test_a_model_for_verified_accounts_only_is_not_gone() -> None:
    words = "Your organization must be verified to use the model `gpt-image-2.6-flare`"
    body = json.dumps({"error": {"message": words}}).encode()
    with pytest.raises(UnauthorizedError):
        provider_of("openai").raise_for_error(Response(403, {}, body))


@pytest.mark.parametrize(
    ("kind", "model", "dollars"),
    [
        ("cloudflare", CLOUDFLARE, 57.6 * 0.000011),
        ("cloudflare", "@cf/black-forest-labs/flux-2-klein-4b", 104.2 * 0.000011),
        ("cloudflare", "@cf/black-forest-labs/flux-2-klein-9b", 0.015),
        ("cloudflare", "@cf/unknown/model", 0.01),
        ("openai", "gpt-image-2.6-sunburst", 0.05),
        ("openai", "gpt-image-9", 0.07),
    ],
)
def test_a_model_has_its_own_price(kind: str, model: str, dollars: float) -> None:
    price = provider_of(kind, model=model).traits.price(1.0)
    assert price == pytest.approx(dollars, rel=1e-4)


@pytest.mark.parametrize("kind", ["cloudflare"])
async def test_flux_2_on_cloudflare_takes_a_form(desk: Desk) -> None:
    model = "@cf/black-forest-labs/flux-2-klein-4b"
    extra = {"guidance": 3}
    settings = replace(settings_for(desk.kind, desk.fake), model=model, extra=extra)
    desk.provider = build_provider(settings)
    image = await desk.run()
    assert image.data.startswith(b"\x89PNG")
    (form,) = desk.fake.orders
    assert form == {
        "prompt": "Bread at dawn",
        "width": "832",
        "height": "1024",
        "guidance": "3",
    }


async def test_flux_2_on_replicate_has_its_own_input() -> None:
    async with FAKES["replicate"]().serving() as fake:
        model = "black-forest-labs/flux-2-klein-4b"
        settings = replace(settings_for("replicate", fake), model=model)
        provider = build_provider(settings)
        call = provider.start(ORDER, NOW)
        assert isinstance(call, HttpCall)
        assert call.json == {
            "input": {
                "prompt": "Bread at dawn",
                "aspect_ratio": "4:5",
                "seed": 7,
                "output_format": "png",
                "output_megapixels": "1",
            }
        }
        assert provider.price_of(ORDER, NOW) == pytest.approx(0.014)


@pytest.mark.parametrize(
    ("model", "more"),
    [
        ("black-forest-labs/flux.1-schnell", {"mode": "base", "cfg_scale": 0}),
        ("black-forest-labs/flux.2-klein-4b", {}),
    ],
)
async def test_nvidia_is_asked_for_sides_it_has(
    model: str, more: dict[str, object]
) -> None:
    async with FAKES["nvidia"]().serving() as fake:
        settings = replace(settings_for("nvidia", fake), model=model)
        await Desk("nvidia", fake, build_provider(settings)).run()
        (order,) = fake.orders
        assert {order["width"], order["height"]} <= set(SIDES)
        assert {
            key: order[key] for key in order if key in {"mode", "cfg_scale"}
        } == more
