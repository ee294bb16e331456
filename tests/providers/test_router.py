"""What Hugging Face's router says, in its own words, and what we take it to mean."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.base import (
    FollowUp,
    GeneratedImage,
    ImageRequest,
    ProviderSettings,
    Response,
    Step,
)
from providers.charges import read_response
from providers.flux import Flux
from providers.huggingface_routes import ROUTES, RouteOnlyError
from providers.huggingface_routes import check_route as check
from providers.outcomes import (
    BadRequestError,
    InvalidImageError,
    ModelLoadingError,
    OutOfCreditsError,
    PromptRefusedError,
    ProviderError,
    RateLimitedError,
    TimedOutError,
    UnauthorizedError,
    UnavailableError,
)

_JSON = {"content-type": "application/json"}
_NOW = datetime(2026, 11, 24, tzinfo=UTC)
_ORDER = ImageRequest(prompt="Bread", words="Bread", width=1080, height=1080, seed=1)


def _reply(status: int, body: object, **headers: str) -> Response:
    if isinstance(body, str):
        return Response(status, {"content-type": "text/html", **headers}, body.encode())
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, {**_JSON, **named}, json.dumps(body).encode())


@pytest.mark.parametrize(
    ("reply", "means"),
    [
        (
            _reply(
                402,
                {
                    "error": "You have depleted your monthly included credits. "
                    "Purchase pre-paid credits to continue using Inference Providers."
                },
            ),
            OutOfCreditsError,
        ),
        (
            _reply(402, {"error": "You have exceeded your monthly included credits"}),
            OutOfCreditsError,
        ),
        (
            _reply(402, {"error": "Pay-as-you go is not enabled for provider fal-ai"}),
            RouteOnlyError,
        ),
        (
            _reply(
                402, {"error": "You have reached the free monthly usage limit for x"}
            ),
            RouteOnlyError,
        ),
        # Some old paths said it with 200.
        (
            _reply(200, {"error": "x is currently loading", "estimated_time": 20}),
            ModelLoadingError,
        ),
        (_reply(429, {"error": "Insufficient credit"}), OutOfCreditsError),
        (_reply(524, ""), TimedOutError),
        (_reply(402, {}), OutOfCreditsError),
        (_reply(402, ""), OutOfCreditsError),
        (_reply(401, {"error": "Invalid username or password."}), UnauthorizedError),
        (
            _reply(
                403,
                {
                    "error": "This authentication method does not have sufficient "
                    "permissions to call Inference Providers on behalf of user x"
                },
            ),
            UnauthorizedError,
        ),
        (_reply(403, "<!doctype html><title>Just a moment</title>"), UnavailableError),
        (
            _reply(403, {"detail": "Exhausted balance."}),
            OutOfCreditsError,
        ),
        (_reply(403, {"detail": "User is locked. Reason: TOP_UP."}), OutOfCreditsError),
        (
            _reply(503, {"error": "x is currently loading", "estimated_time": 20}),
            ModelLoadingError,
        ),
        (_reply(503, {"error": "Service Unavailable"}), UnavailableError),
        (_reply(500, {"error": "boom"}), UnavailableError),
        (
            _reply(429, {"error": "Too Many Requests"}, retry_after="7"),
            RateLimitedError,
        ),
        (_reply(410, {"error": "deprecated and no longer supported"}), RouteOnlyError),
        (_reply(404, {"error": "Not Found"}), RouteOnlyError),
        (_reply(400, {"error": "Model not supported by provider x"}), RouteOnlyError),
        (_reply(422, {"error": "width must be at most 1440"}), BadRequestError),
        (_reply(400, {"error": "NSFW content detected in prompt"}), PromptRefusedError),
        (_reply(200, "<html>hello</html>"), UnavailableError),
        (_reply(200, {"error": "something"}), UnavailableError),
    ],
)
def test_every_answer_has_its_meaning(
    reply: Response, means: type[ProviderError]
) -> None:
    with pytest.raises(ProviderError) as caught:
        check(reply)
    assert type(caught.value) is means


TWO_ROUTES = {
    "inferenceProviderMapping": {
        name: {"status": "live", "providerId": "m", "task": "text-to-image"}
        for name in ("nscale", "together")
    }
}
PNG = {"data": [{"b64_json": "iVBORw0KGgoAAAANSUhEUg=="}]}


def _asked(reply: Response) -> tuple[Flux, Step]:
    """Return what follows when the first of two routes answers *reply*."""
    flux = Flux(ProviderSettings(name="flux", kind="flux", token="hf_x"))
    start = flux.start(_ORDER, _NOW).read(_reply(200, TWO_ROUTES))
    assert isinstance(start, FollowUp)
    assert "/nscale/" in start.call.url
    return flux, read_response(start.call, reply)


@pytest.mark.parametrize(
    ("reply", "minutes"),
    [
        # The partner's own token, credits, region, model and errors
        (_reply(401, {"detail": "Authentication is required"}), 1440),
        (_reply(403, {"error": {"message": "Forbidden"}}), 1440),
        (_reply(403, {"detail": "User is locked. Reason: Exhausted balance."}), 1440),
        (_reply(429, {"error": "Insufficient credit"}), 1440),
        (
            _reply(403, {"error": {"code": "unsupported_country_region_territory"}}),
            1440,
        ),
        (_reply(404, {"error": "Not Found"}), 1440),
        (_reply(500, {"detail": "CUDA error"}), 10),
        (_reply(502, "<html>Bad gateway</html>"), 10),
        (_reply(403, {"cloudflare_error": True, "error_code": 1010}), 10),
    ],
)
def test_a_routes_own_fault_leads_to_the_next_route(
    reply: Response, minutes: int
) -> None:
    flux, step = _asked(reply)
    assert isinstance(step, FollowUp)
    assert "/together/" in step.call.url
    assert isinstance(step.call.read(_reply(200, PNG)), GeneratedImage)
    # The next job begins with the route that works, and later tries the other again.
    assert "/together/" in flux.start(_ORDER, _NOW).url
    later = _NOW + timedelta(minutes=minutes)
    assert "/nscale/" in flux._first_route_call(_ORDER, later).url


@pytest.mark.parametrize(
    ("reply", "means"),
    [
        (_reply(401, {"error": "Invalid username or password."}), UnauthorizedError),
        (
            _reply(
                403,
                {
                    "error": "This authentication method does not have sufficient "
                    "permissions to call Inference Providers on behalf of user x"
                },
            ),
            UnauthorizedError,
        ),
        (_reply(402, {"error": "You have depleted your credits."}), OutOfCreditsError),
        (_reply(429, {"error": "Too Many Requests"}), RateLimitedError),
        (_reply(400, {"error": "NSFW content detected"}), PromptRefusedError),
        # These may be charged: another route would be a second image.
        (_reply(504, {}), TimedOutError),
        (_reply(200, {"data": []}), InvalidImageError),
    ],
)
def test_what_concerns_the_account_the_prompt_or_money_asks_no_other_route(
    reply: Response, means: type[ProviderError]
) -> None:
    with pytest.raises(means):
        _asked(reply)


def test_a_fault_of_every_route_is_what_the_last_one_says() -> None:
    _, step = _asked(_reply(401, {"detail": "no"}))
    assert isinstance(step, FollowUp)
    with pytest.raises(UnauthorizedError):
        step.call.read(_reply(401, {"detail": "no"}))


def test_the_time_to_wait_is_read() -> None:
    with pytest.raises(ModelLoadingError) as loading:
        check(_reply(503, {"error": "is currently loading", "estimated_time": 17.5}))
    assert loading.value.seconds == 17.5
    with pytest.raises(RateLimitedError) as fast:
        check(_reply(429, {"error": "slow"}, retry_after="9"))
    assert fast.value.seconds == 9


_BODIES = st.binary(max_size=400) | st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["error", "data", "images", "output", "url", "b64_json", "status", "id"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
).map(lambda value: json.dumps(value).encode())


@given(
    route=st.sampled_from(sorted(ROUTES)),
    status=st.sampled_from([200, 201, 204, 400, 402, 403, 404, 429, 500, 503]),
    kind=st.sampled_from(["application/json", "image/png", "text/html", ""]),
    body=_BODIES,
)
def test_no_answer_is_ever_an_exception_of_ours(
    route: str, status: int, kind: str, body: bytes
) -> None:
    reply = Response(status, {"content-type": kind}, body)
    flux = Flux(ProviderSettings(name="flux", kind="flux", token="hf_x"))
    step: object = None
    with contextlib.suppress(ProviderError):
        check(reply)
        step = ROUTES[route].read(reply, flux._download_call)
    if isinstance(step, GeneratedImage):
        assert step.data


@given(body=_BODIES, mapping=st.booleans())
def test_no_list_of_routes_is_ever_an_exception_of_ours(
    body: bytes, *, mapping: bool
) -> None:
    if mapping:
        entry = b'[{"provider":' + (body if body[:1] in b'[{"' else b'"x"') + b"}]"
        body = b'{"inferenceProviderMapping":' + entry + b"}"
    flux = Flux(ProviderSettings(name="flux", kind="flux", token="hf_x"))
    call = flux.start(_ORDER, _NOW)
    step = call.read(Response(200, _JSON, body))
    assert isinstance(step, FollowUp)
    assert step.call.is_image_request
    assert step.call.url.startswith("https://router.huggingface.co/")


@pytest.mark.parametrize("scheme", ["https", "http"])
def test_an_address_that_was_committed_is_fetched_after_a_crash(scheme: str) -> None:
    flux = Flux(ProviderSettings(name="flux", kind="flux", token="hf_x"))
    call = flux.resume(f"{scheme}://v3.fal.media/a.png")
    assert call is not None
    assert (call.is_download, call.headers) == (True, {})
