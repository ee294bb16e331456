"""The routes of Hugging Face's router: the protocol of each partner, and errors.

Sources: Hugging Face's client (huggingface_hub 2.4) for the requests, the partners'
documentation for the responses.  Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from providers import fal, replicate, together
from providers.base import ImageRequest, ImageSize, JsonValue, Price, Response, Step
from providers.model_list import MODEL_ENDED_RULES
from providers.outcomes import (
    NotFoundError,
    OutOfCreditsError,
    ProviderError,
    RegionBlockedError,
    UnauthorizedError,
    UnavailableError,
)
from providers.request_fitting import (
    UNKNOWN_DOLLARS,
    RequestSize,
    fit_to_side,
    fit_to_whole_megapixels,
    flat_price,
    price_per_megapixel,
)
from providers.responses import (
    MAX_ERROR_BYTES,
    ErrorRule,
    Fetch,
    error_text,
    image_from_bytes,
    parse_object,
    raise_for_error,
    read_openai,
)

JsonBody: TypeAlias = dict[str, JsonValue]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """The protocol of one partner.

    Attributes:
        path: Path below the router's URL, with `{model}` for the model's id.
        body: Builds the JSON body from request, size and model id.
        read: Reads a good response (2xx).
        price: The partner's price, to which Hugging Face adds nothing.
        fit: Returns the size to request for the size of the finished image.
        model: The model's id on the route, if it differs from the Hub's.
        headers: Headers beside the token.
        dropped_options: The options of a request that the route ignores, in words.
    """

    name: str
    path: str
    body: Callable[[ImageRequest, RequestSize, str], JsonBody]
    read: Callable[[Response, Fetch], Step]
    price: Price
    fit: Callable[[ImageSize], RequestSize] = lambda size: fit_to_side(size, 16)
    model: str = ""
    headers: Mapping[str, str] | None = None
    dropped_options: tuple[str, ...] = ()


def _nscale_body(request: ImageRequest, size: RequestSize, model: str) -> JsonBody:
    return {
        "prompt": request.prompt,
        "model": model,
        "size": str(size),
        "seed": request.seed,
        "response_format": "b64_json",
    }


def _hf_body(request: ImageRequest, size: RequestSize, _model: str) -> JsonBody:
    return {
        "inputs": request.prompt,
        "parameters": {
            "width": size.width,
            "height": size.height,
            "num_inference_steps": 4,
            "seed": request.seed,
        },
    }


def _read_waited_prediction(response: Response, fetch: Fetch) -> Step:
    """Read the response to a request with `Prefer: wait`."""
    ready = replicate.read_prediction(response, fetch, commit=True)
    if ready is None:
        # The router has no path for polling a prediction.
        raise UnavailableError("was not ready in time", status=response.status)
    return ready


ROUTES: Mapping[str, Route] = {
    "nscale": Route(
        name="nscale",
        # Issue 19 of this project, November 2026: $0.0013 a megapixel; nscale's
        # documentation says that it bills by resolution.
        price=price_per_megapixel(0.0013),
        path="/nscale/v1/images/generations",
        body=_nscale_body,
        read=read_openai,
        dropped_options=("steps",),
    ),
    "fal-ai": Route(
        name="fal-ai",
        price=fal.PRICE,
        fit=lambda size: fit_to_whole_megapixels(size, 16, fal.MAX_SIDE),
        path="/fal-ai/{model}",
        model=fal.MODEL,
        body=lambda request, size, _model: fal.build_fal_body(request, size),
        read=fal.read_fal,
    ),
    "together": Route(
        name="together",
        price=together.PRICE,
        path="/together/v1/images/generations",
        fit=lambda size: fit_to_side(size, 16, together.MAX_SIDE),
        body=together.build_together_body,
        read=read_openai,
    ),
    "replicate": Route(
        name="replicate",
        price=replicate.PRICE,
        path="/replicate/v1/models/{model}/predictions",
        model=replicate.MODEL,
        body=lambda request, _size, _model: replicate.build_replicate_body(request),
        read=_read_waited_prediction,
        headers={"Prefer": "wait"},
        dropped_options=("exact size: the nearest aspect ratio is asked for",),
    ),
    "hf-inference": Route(
        name="hf-inference",
        # Billed by computing time; no price of an image is published.
        price=flat_price(UNKNOWN_DOLLARS),
        path="/hf-inference/models/{model}",
        body=_hf_body,
        read=lambda response, _fetch: image_from_bytes(response.body),
        headers={"Accept": "image/png"},
    ),
}


class RouteOnlyError(NotFoundError):
    """The response concerns this route only; another route may serve the model."""


#: Words of Hugging Face itself about an account or its token, not of a partner.
_ACCOUNT_WORDS = (
    *("invalid username or password", "inference providers", "authentication method"),
    *("hugging face", "huggingface", "hf.co", "access token", "invalid credentials"),
)
_PAYMENT_REQUIRED, _CLIENT_ERROR = 402, 400

#: The partner behind a route answers through the router, with its own texts.
_ERROR_RULES = (
    ErrorRule(RouteOnlyError, status=402, text="pay-as-you go is not enabled"),
    ErrorRule(RouteOnlyError, status=402, text="free monthly usage limit for"),
    ErrorRule(OutOfCreditsError, status=403, text="exhausted balance"),
    ErrorRule(OutOfCreditsError, status=429, text="insufficient credit"),
    ErrorRule(RouteOnlyError, status=404),
    ErrorRule(RouteOnlyError, status=410),
    ErrorRule(RouteOnlyError, status=400, text="model not supported"),
)


_MODEL_RULES = tuple(
    ErrorRule(RouteOnlyError, status=rule.status, text=rule.text)
    for rule in MODEL_ENDED_RULES
)


def is_route_fault(error: ProviderError) -> bool:
    """Return True if another route may serve the request that *error* ended.

    Nothing was charged.  Only an answer about the account concerns all routes.
    """
    is_ours = any(words in str(error).casefold() for words in _ACCOUNT_WORDS)
    match error:
        # The route does not serve the model for this account.
        case RouteOnlyError():
            return True
        # The partner's own 401 or 403: its key, not the owner's token.
        case UnauthorizedError():
            return not is_ours
        # Hugging Face has no credits left at the partner; its own answer is a 402.
        case OutOfCreditsError():
            return error.status != _PAYMENT_REQUIRED and not is_ours
        # The partner does not serve our region.
        case RegionBlockedError():
            return True
        # A 5xx, or the refusal of the partner's CDN; a good status may be charged.
        case UnavailableError():
            return error.status is not None and error.status >= _CLIENT_ERROR
        case _:
            return False


def check_route(response: Response) -> None:
    """Return if the router's response is a good one, else raise what it means.

    Raises:
        ProviderError: `RouteOnlyError` if another route may serve the model.
    """
    raise_for_error(response, *_ERROR_RULES, *_MODEL_RULES)
    data = parse_object(response) if len(response.body) <= MAX_ERROR_BYTES else {}
    # The router has sent errors with status 200.  `read_prediction` reads the
    # `error` of a prediction, which has an `id`.
    if data.get("error") and "id" not in data:
        raise UnavailableError(error_text(response), status=response.status)
