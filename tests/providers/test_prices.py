"""What an image costs at each service and by each route, and what it is asked for."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers import build_provider
from providers.base import FollowUp, HttpCall, ProviderSettings, Response
from providers.flux import Flux
from providers.huggingface_routes import ROUTES
from providers.outcomes import NotFoundError, UnavailableError
from providers.request_fitting import fit_to_side, fit_to_whole_megapixels
from tests.providers.desk import NOW, ORDER


@dataclass(frozen=True, slots=True)
class Size:
    width: int
    height: int


SQUARE, PORTRAIT = Size(1080, 1080), Size(1080, 1350)
LANDSCAPE, STORY = Size(1200, 630), Size(1080, 1920)


def settings(kind: str, **more: object) -> ProviderSettings:
    base_url = "http://service.test" if kind in {"localai", "a1111"} else None
    values = {"name": kind, "kind": kind, "token": "tok", "base_url": base_url}
    return ProviderSettings(**{**values, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "more", "size", "dollars"),
    [
        # Whole megapixels: a square is 992 x 992 pixels.
        ("fal", {}, SQUARE, 0.003),
        ("fal", {}, PORTRAIT, 0.006),
        ("fal", {}, LANDSCAPE, 0.003),
        ("fal", {}, STORY, 0.006),
        ("fal", {"model": "fal-ai/flux-2/klein/4b"}, SQUARE, 0.014),
        ("fal", {"model": "fal-ai/flux-pro"}, SQUARE, 0.01),
        ("fal", {"model": "fal-ai/flux-pro", "price": 0.05}, SQUARE, 0.05),
        # In proportion to the pixels that are asked for.
        ("together", {}, SQUARE, 0.0027 * 1.088**2),
        ("replicate", {}, PORTRAIT, 0.003),
        ("runpod", {}, SQUARE, 0.003),
        ("runpod", {}, PORTRAIT, 0.0024 * 1.088 * 1.408),
        ("flux", {"route": "nscale"}, SQUARE, 0.0013 * 1.088**2),
        ("flux", {"route": "fal-ai"}, SQUARE, 0.003),
        ("flux", {"route": "together"}, SQUARE, 0.0027 * 1.088**2),
        ("flux", {"route": "replicate"}, SQUARE, 0.003),
        ("flux", {"route": "hf-inference"}, SQUARE, 0.01),
        ("flux", {"route": "fal-ai", "price": 0.02}, SQUARE, 0.02),
        ("horde", {}, SQUARE, 0.0),
    ],
)
def test_an_image_has_its_price(
    kind: str, more: dict[str, object], size: Size, dollars: float
) -> None:
    provider = build_provider(settings(kind, **more))
    assert provider.price_of(size, NOW) == pytest.approx(dollars)
    assert provider.highest_price_of(size, NOW) == pytest.approx(dollars)


SIDES = st.integers(256, 2160)


@given(width=SIDES, height=SIDES)
def test_a_smaller_size_is_asked_for_only_if_it_costs_less(
    width: int, height: int
) -> None:
    size = Size(width, height)
    full = fit_to_side(size, 16, 1920)
    fitted = fit_to_whole_megapixels(size, 16, 1920)
    if fitted != full:
        assert math.ceil(fitted.megapixels) < math.ceil(full.megapixels)
        assert width < 1.1 * fitted.width
        assert height < 1.1 * fitted.height


def test_a_square_is_asked_for_as_one_megapixel_where_two_would_be_billed() -> None:
    assert str(fit_to_whole_megapixels(SQUARE, 16)) == "992x992"
    assert str(fit_to_whole_megapixels(PORTRAIT, 16)) == "1088x1360"
    assert str(fit_to_whole_megapixels(LANDSCAPE, 16)) == "1200x640"


def read_routes(flux: Flux, *names: str) -> HttpCall:
    """Let *flux* read a list of routes; return the request for an image."""
    entries = ", ".join(f'{{"provider": "{name}"}}' for name in names)
    body = f'{{"inferenceProviderMapping": [{entries}]}}'.encode()
    call = flux.start(ORDER, NOW)
    step = call.read(Response(200, {}, body))
    assert isinstance(step, FollowUp)
    return step.call


def test_auto_expects_the_first_usable_route_and_reserves_for_the_dearest() -> None:
    flux = Flux(settings("flux"))
    nscale, fal = 0.0013 * 1.088**2, 0.003
    assert flux.price_of(SQUARE, NOW) == pytest.approx(nscale)
    together = 0.0027 * 1.088**2
    assert flux.highest_price_of(SQUARE, NOW) == pytest.approx(together)

    call = read_routes(flux, "nscale", "fal-ai")
    assert flux.highest_price_of(SQUARE, NOW) == pytest.approx(fal)
    assert call.price == pytest.approx(flux.price_of(ORDER, NOW))

    # The next route is asked, and the call says what it costs.
    step = call.read(Response(404, {}, b'{"error": "Not Found"}'))
    assert isinstance(step, FollowUp)
    assert step.call.price == pytest.approx(0.006)
    assert flux.price_of(SQUARE, NOW) == pytest.approx(fal)


def test_a_dearer_list_of_routes_is_used_from_the_next_call_on() -> None:
    flux = Flux(settings("flux"))
    with pytest.raises(UnavailableError):
        read_routes(flux, "hf-inference")
    assert flux.highest_price_of(SQUARE, NOW) == pytest.approx(0.01)
    again = flux.start(ORDER, NOW)
    assert isinstance(again, HttpCall)
    assert again.price == pytest.approx(0.01)
    # Only the routes that were reserved for follow in the call that reads the list.
    flux = Flux(settings("flux"))
    call = read_routes(flux, "nscale", "hf-inference")
    with pytest.raises(NotFoundError):
        call.read(Response(404, {}, b"{}"))


ERRORS = st.sampled_from([404, 410])


@given(
    names=st.lists(st.sampled_from(sorted(ROUTES)), min_size=1, unique=True),
    width=SIDES,
    height=SIDES,
    status=ERRORS,
)
def test_no_route_that_a_call_reaches_costs_more_than_was_reserved(
    names: list[str], width: int, height: int, status: int
) -> None:
    flux = Flux(settings("flux"))
    size = Size(width, height)
    for _ in range(2):
        reserved = flux.highest_price_of(ORDER, NOW)
        call = flux.start(ORDER, NOW)
        if not call.is_image_request:
            try:
                call = read_routes(flux, *names)
            except UnavailableError:
                continue
        for _ in names:
            assert call.price is not None
            assert call.price <= reserved + 1e-12
            try:
                step = call.read(Response(status, {}, b"{}"))
            except NotFoundError:
                break
            assert isinstance(step, FollowUp)
            call = step.call
        # What is printed as the price is reserved, too.
        assert flux.price_of(size, NOW) <= flux.highest_price_of(size, NOW) + 1e-12
