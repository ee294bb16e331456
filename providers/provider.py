"""The base classes of the kinds of image service.  Pure.

A provider builds requests and reads responses.  It does not send, sleep, retry or log.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, ClassVar, Literal

from providers import responses, url_checks
from providers.base import (
    FollowUp,
    GeneratedImage,
    HttpCall,
    ImageRequest,
    ImageSize,
    JsonValue,
    ProviderSettings,
    ProviderTraits,
    Response,
    Step,
)
from providers.model_list import MODEL_ENDED_RULES, ModelEntry, find_model
from providers.outcomes import ProviderError, UnavailableError
from providers.request_fitting import (
    UNKNOWN_PRICE,
    ModelPrice,
    RequestSize,
    fit_to_side,
    flat_price,
    merge_body,
)

Reader = Callable[[Response], Step]
OnError = Callable[[ProviderError], FollowUp]


def raise_no_image(response: Response) -> Step:
    """Read the response to a request that is not for an image: raise always."""
    raise UnavailableError("answered without an image", status=response.status)


def with_fallback(
    call: HttpCall,
    error: type[ProviderError],
    otherwise: HttpCall,
    applies: Callable[[ProviderError], bool] = lambda _error: True,
) -> HttpCall:
    """Return *call*, which *otherwise* follows on an *error* that *applies*."""

    def read(response: Response) -> Step:
        try:
            return call.read(response)
        except error as caught:
            if not applies(caught):
                raise
            return FollowUp(call=otherwise)

    return replace(call, read=read)


def basic_auth_header(user_and_password: str) -> str:
    """Return the value of a Basic Authorization header for "user:password"."""
    return f"Basic {base64.b64encode(user_and_password.encode()).decode()}"


class Provider:
    """Builds the requests of one image service and reads its responses.

    Attributes:
        defaults: The kind's traits, which the owner's settings override.
        default_model: The model while the owner names none; "" if the server decides.
        model_list_path: The path of `model_check_call`.
        model_prices: The prices of models; "*" for any other than the named ones.
        error_rules: The service's own spellings of errors.
        auth_scheme: The scheme of the Authorization header.
        version_path: The version at the beginning of the paths, which the owner may
            also have written at the end of `base_url`.
        size_multiple: Both sides of a requested size are multiples of it, in pixels.
        max_side: The longest side of a requested size, in pixels.
        health_check_path: The path of `health_check_call`.
        token_check_path: The path of `token_check_call`.
    """

    defaults: ClassVar[ProviderTraits]
    default_model: ClassVar[str] = ""
    model_list_path: ClassVar[str] = ""
    model_prices: ClassVar[Mapping[str, ModelPrice]] = MappingProxyType({})
    error_rules: ClassVar[tuple[responses.ErrorRule, ...]] = ()
    auth_scheme: ClassVar[str] = "Bearer"
    version_path: ClassVar[str] = ""
    size_multiple: ClassVar[int] = 16
    max_side: ClassVar[int] = 1440
    health_check_path: ClassVar[str] = ""
    token_check_path: ClassVar[str] = ""

    def __init__(self, settings: ProviderSettings) -> None:
        self._settings = settings
        base_url, self._userinfo = url_checks.split_userinfo(settings.base_url or "")
        base_url = url_checks.complete_base(base_url, self.defaults.base_url)
        self.traits = replace(
            _override_traits(self.defaults, settings, self.model_prices),
            base_url=base_url or self.defaults.base_url,
        )
        # The part of the paths that `base_url` has already.
        self._given_version = (
            self.version_path if url_checks.has_version(base_url) else ""
        )

    @property
    def model(self) -> str:
        """The model that is requested; "" if the server decides."""
        return self._settings.model or self.default_model

    @property
    def address(self) -> str:
        """The address that is requested, with its version, without a password."""
        version = self.version_path.removeprefix(self._given_version)
        return f"{self.traits.base_url}{version}"

    @property
    def has_own_address(self) -> bool:
        """Whether the owner has configured the address."""
        return self._settings.base_url is not None

    def start(self, request: ImageRequest, now: datetime) -> HttpCall | GeneratedImage:
        """Return the first call for *request*, or the image itself (the card).

        Raises:
            ProviderError: This provider cannot serve the request.
        """
        del now
        return self.first_call(request)

    def first_call(self, request: ImageRequest) -> HttpCall:
        """Return the first call for *request*; a kind has this or its own `start`."""
        raise NotImplementedError

    def supported_size(self, request: ImageSize) -> RequestSize:
        """Return the size to request from the service."""
        return fit_to_side(request, self.size_multiple, self.max_side)

    def price_of(self, size: ImageSize, now: datetime) -> float:
        """Return the expected price of an image of *size* in US dollars."""
        del now
        return self.traits.price(self.supported_size(size).megapixels)

    def highest_price_of(self, size: ImageSize, now: datetime) -> float:
        """Return the most that a call may cost in US dollars, by whatever route."""
        return self.price_of(size, now)

    def dropped_options(self, request: ImageRequest) -> tuple[str, ...]:
        """Return the options of *request* that will be ignored, in a few words each."""
        size, supported = self.supported_size(request), self.traits.supported_options
        dropped = [option for option in ("seed", "steps") if option not in supported]
        if (size.width, size.height) != (request.width, request.height):
            dropped.append(f"size: {size} is asked for")
        return tuple(dropped)

    def resume(self, remote_id: str) -> HttpCall | None:
        """Return the call that continues from a committed URL or job id, or None."""
        is_url = remote_id.startswith(("https://", "http://"))
        return self._download_call(remote_id) if is_url else None

    def cancel(self, remote_id: str) -> HttpCall | None:
        """Return the call that cancels the remote job, or None if there is none."""
        del remote_id
        return None

    def health_check_call(self) -> HttpCall | None:
        """Return a cheap call whose good response shows that the server is up, or None.

        The owner's servers have one, so that no job is tried on a server that is
        down.  Only a job shows whether a hosted service is up.
        """
        return self._api_call(path) if (path := self.health_check_path) else None

    def token_check_call(self) -> HttpCall | None:
        """Return a free call that shows whether the token is valid, or None."""
        return self._api_call(path) if (path := self.token_check_path) else None

    def missing_rights(self, _response: Response) -> tuple[str, ...]:
        """Return the rights that the token lacks, by the response to its check."""
        return ()

    def describe_quota(self, _response: Response) -> str:
        """Return what the response to the token's check says is left; "": nothing."""
        return ""

    def usage_call(self, _now: datetime) -> HttpCall | None:
        """Return the free call for the account's credits, or None if there is none."""
        return None

    def token_check_calls(self) -> tuple[HttpCall, ...]:
        """Return the calls one of which must accept the token; see above."""
        return (call,) if (call := self.token_check_call()) is not None else ()

    def model_check_call(self) -> HttpCall | None:
        """Return a free call that shows whether the service has the model, or None."""
        path = self.model_list_path if self.model else ""
        return self._api_call(path) if path else None

    def find_model(self, response: Response) -> ModelEntry | None:
        """Return what the response to `model_check_call` says of the model, or None.

        Raises:
            ProviderError: The response is an error.
        """
        self.raise_for_error(response)
        return find_model(response, self.model)

    def raise_for_error(self, response: Response) -> None:
        """Return if *response* is a good one, else raise the ProviderError it means."""
        responses.raise_for_error(response, *self.error_rules, *MODEL_ENDED_RULES)

    def _with_error_check(self, read: Reader) -> Reader:
        def checked(response: Response) -> Step:
            self.raise_for_error(response)
            return read(response)

        return checked

    def _auth_headers(self) -> Mapping[str, str]:
        token = self._settings.token
        if not token and self._userinfo:
            return {"Authorization": basic_auth_header(self._userinfo)}
        return {"Authorization": f"{self.auth_scheme} {token}"} if token else {}

    def _image_call(
        self,
        path: str,
        body: Mapping[str, JsonValue],
        read: Reader,
        headers: Mapping[str, str] | None = None,
    ) -> HttpCall:
        """Return the request for an image, with the owner's `extra` in its body."""
        body = merge_body(body, self._settings.extra)
        call = self._api_call(path, read, "POST", json=body, is_image_request=True)
        return replace(call, headers={**call.headers, **(headers or {})})

    def _api_call(
        self,
        path: str,
        read: Reader = raise_no_image,
        method: Literal["GET", "POST", "PUT", "DELETE"] = "GET",
        **more: Any,  # noqa: ANN401 - the remaining fields of HttpCall
    ) -> HttpCall:
        """Return any other request to the service."""
        return HttpCall(
            method=method,
            url=f"{self.traits.base_url}{path.removeprefix(self._given_version)}",
            headers=self._auth_headers(),
            read=self._with_error_check(read),
            **more,
        )

    def _download_call(self, url: str) -> HttpCall:
        # A server of the owner may name itself in a way that is known there only.
        if self._settings.base_url is not None:
            url = url_checks.move_to_base(url, self.traits.base_url)
        read = responses.read_download
        return HttpCall(method="GET", url=url, read=read, is_download=True)

    def _read_openai(self, response: Response) -> Step:
        return responses.read_openai(response, self._download_call)


def _override_traits(
    traits: ProviderTraits,
    settings: ProviderSettings,
    model_prices: Mapping[str, ModelPrice],
) -> ProviderTraits:
    price, source = traits.price, traits.price_source
    # The default price is that of the default model.
    if model_prices and settings.model is not None:
        other = model_prices.get("*", UNKNOWN_PRICE)
        of_model = model_prices.get(settings.model, other)
        price, source = of_model.price, of_model.source
    if settings.price is not None:
        price, source = flat_price(settings.price), "configuration"
    return replace(
        traits,
        name=settings.name,
        label=settings.label or traits.label,
        price=price,
        price_source=source,
        included=traits.included if settings.included is None else settings.included,
        monthly_budget=settings.monthly_budget,
        credits_reset=settings.credits_reset or traits.credits_reset,
        timeout=settings.timeout or traits.timeout,
        concurrency=settings.concurrency or traits.concurrency,
        file_hosts=(*traits.file_hosts, *settings.file_hosts),
    )
