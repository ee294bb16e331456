"""Every service is asked for a size that makes a sharp image of every format."""

from __future__ import annotations

import pytest

from daemon.config.parsing import parse_format
from daemon.generation.chain_input import ChainInput, ImageSpec
from daemon.generation.provider_selection import permanently_excluded_reason
from daemon.imaging.normalize import is_large_enough
from providers import KINDS, build_provider
from providers.gradio_api import FLUX_SCHNELL
from providers.huggingface_routes import ROUTES, Route
from tests.providers.test_prices import settings

FORMATS = ("square", "portrait", "landscape", "story")


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("kind", KINDS)
def test_no_service_is_asked_for_an_image_that_would_be_refused(
    kind: str, name: str
) -> None:
    size = parse_format(name)
    assert is_large_enough(build_provider(settings(kind)).supported_size(size), size)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("route", ROUTES.values(), ids=lambda route: route.name)
def test_no_route_is_asked_for_an_image_that_would_be_refused(
    route: Route, name: str
) -> None:
    size = parse_format(name)
    assert is_large_enough(route.fit(size), size)


@pytest.mark.parametrize(
    ("kind", "asked"),
    [
        ("localai", "1088x1920"),
        ("a1111", "1080x1920"),
        ("fal", "1056x1872"),
        ("together", "1008x1792"),
        ("runpod", "896x1536"),
        ("flux", "816x1440"),
        ("openai", "1024x1536"),
        ("nvidia", "768x1344"),
        ("horde", "768x1344"),
    ],
)
def test_a_story_is_asked_for_in_the_largest_size_of_the_service(
    kind: str, asked: str
) -> None:
    provider = build_provider(settings(kind))
    assert str(provider.supported_size(parse_format("story"))) == asked


def test_a_space_is_asked_for_the_largest_size_that_it_names() -> None:
    assert str(FLUX_SCHNELL.fit_size(parse_format("story"))) == "1088x1920"


@pytest.mark.parametrize(
    ("kind", "size", "why"),
    [
        (
            "cloudflare",
            "2160x2160",
            "makes images of 1024x1024, which is too small for 2160x2160",
        ),
        ("cloudflare", "2048x2048", None),
        # Shown in full on a blurred ground.
        ("cloudflare", "2160x1080", None),
        ("flux", "2160x2160", None),
        ("freeapi", "2160x2160", None),
    ],
)
def test_a_service_whose_images_would_be_refused_is_not_paid(
    kind: str, size: str, why: str | None
) -> None:
    image = ImageSpec(prompt="Bread", words="Bread", size=parse_format(size))
    chain_input = ChainInput(image=image, chain=[kind])
    provider = build_provider(settings(kind))
    assert permanently_excluded_reason(chain_input, provider) == why
