"""FLUX.1-schnell on Hugging Face Inference Providers.

Hugging Face does not run the model itself (hf-inference answers 410); its router
passes the request to a partner.  With `route = "auto"` the provider reads the list of
partners from the Hub once a day, and an error of one partner leads to the next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import ClassVar

from providers import fal, replicate
from providers.account import HuggingFaceAccount
from providers.base import (
    FollowUp,
    HttpCall,
    ImageRequest,
    ImageSize,
    ProviderSettings,
    ProviderTraits,
    Response,
    Step,
)
from providers.huggingface_routes import (
    ROUTES,
    Route,
    RouteOnlyError,
    is_route_fault,
)
from providers.model_list import ModelEntry
from providers.outcomes import NotFoundError, ProviderError, UnavailableError
from providers.request_fitting import ModelPrice, RequestSize, merge_body
from providers.responses import parse_object

_MODEL = "black-forest-labs/FLUX.1-schnell"
#: The routes while the Hub does not respond.
_FALLBACK_ROUTES = {"nscale": "", "fal-ai": ""}
#: The routes that a call may find in its first list; hf-inference has no price.
_PRICED_ROUTES = tuple(name for name in ROUTES if name != "hf-inference")
_SOURCE = "the partner's price, from $0.0013 a megapixel"
_DAY = timedelta(days=1)
#: How long a route that returned an error is tried after the others.
_FAILURE_PAUSE = timedelta(minutes=10)


class Flux(HuggingFaceAccount):
    """The provider kind `flux`."""

    defaults = ProviderTraits(
        label="Hugging Face FLUX",
        prefix="flux",
        price=ROUTES["nscale"].price,
        price_source=_SOURCE,
        base_url="https://router.huggingface.co",
        # What an account includes differs and has changed: it is asked.
        included=None,
        asks_account=True,
        credits_reset="monthly",
        # A top-up makes credits available before the reset.
        credits_probe=_DAY,
        max_prompt=2000,
        supported_options=frozenset({"size", "seed", "steps"}),
        file_hosts=(*fal.FILE_HOSTS, *replicate.FILE_HOSTS),
    )

    default_model = _MODEL
    model_prices: ClassVar = {_MODEL: ModelPrice(ROUTES["nscale"].price, _SOURCE)}

    def __init__(self, settings: ProviderSettings) -> None:
        super().__init__(settings)
        route = settings.route or "auto"
        self._is_auto = route == "auto"
        # The model's ids ("" if unknown) by the routes that serve it, in order.
        self._routes: Mapping[str, str] = {} if self._is_auto else {route: ""}
        # When the routes were last read from the Hub.
        self._read_at: datetime | None = None
        # Routes that do not serve the model for this account.
        self._paused_until: dict[str, datetime] = {}

    def supported_size(self, request: ImageSize) -> RequestSize:
        """Return the size for the first route, up to 1440 a side."""
        return self._first_route().fit(request)

    def price_of(self, size: ImageSize, now: datetime) -> float:
        """Return the price of the first usable route in US dollars."""
        names = self._usable_routes(now) or list(_FALLBACK_ROUTES)
        return self._route_price(ROUTES[names[0]], size)

    def highest_price_of(self, size: ImageSize, now: datetime) -> float:
        """Return the highest price in US dollars of the routes that a call may use.

        If the call reads a new list, it uses no dearer route of that list.
        """
        del now
        names = self._routes or _PRICED_ROUTES
        return max(self._route_price(ROUTES[name], size) for name in names)

    def _route_price(self, route: Route, size: ImageSize) -> float:
        # The owner's price, or one of a model whose price is not known.
        if self._settings.price is not None or self.model != self.default_model:
            return self.traits.price(route.fit(size).megapixels)
        return route.price(route.fit(size).megapixels)

    def dropped_options(self, request: ImageRequest) -> tuple[str, ...]:
        """Return the options of *request* that the first route ignores."""
        return (*self._first_route().dropped_options, *super().dropped_options(request))

    def _first_route(self) -> Route:
        return ROUTES[next(iter(self._routes or _FALLBACK_ROUTES))]

    def start(self, request: ImageRequest, now: datetime) -> HttpCall:
        """Return the request for an image, or for the list of routes if outdated."""
        if not self._needs_routes(now):
            return self._first_route_call(request, now)
        return replace(
            self.model_check_call(),
            read=lambda response: self._read_routes(response, request, now),
            on_error=lambda _error: self._use_fallback_routes(request, now),
        )

    def _needs_routes(self, now: datetime) -> bool:
        is_read = self._read_at is not None and now - self._read_at < _DAY
        return self._is_auto and not is_read

    def model_check_call(self) -> HttpCall:
        """Return the request for the routes of the model, to the Hub."""
        # The brackets are part of the parameter's name.
        query = "expand[]=inferenceProviderMapping"
        url = f"{self._hub}/api/models/{self.model}?{query}"
        headers = self._auth_headers() if self._hub_may_see_token() else {}
        return replace(self._api_call(""), url=url, headers=headers)

    def find_model(self, response: Response) -> ModelEntry | None:
        """Return whether the configured route, or any route, serves the model.

        Raises:
            ProviderError: The response is another error than that of a missing model.
        """
        try:
            self.raise_for_error(response)
        except NotFoundError:
            # A page of a proxy says nothing about the model.
            return ModelEntry(is_listed=False) if parse_object(response) else None
        routes = _live_routes(response)
        return ModelEntry(
            is_listed=bool(routes if self._is_auto else routes.keys() & self._routes)
        )

    def _read_routes(
        self, response: Response, request: ImageRequest, now: datetime
    ) -> Step:
        if not (routes := _live_routes(response)):
            return self._use_fallback_routes(request, now)
        reserved = self.highest_price_of(request, now)
        self._routes, self._read_at = routes, now
        affordable = [
            name
            for name in self._usable_routes(now)
            if self._route_price(ROUTES[name], request) <= reserved
        ]
        if not affordable:
            text = "its routes cost more than before; the next request reserves more"
            raise UnavailableError(text)
        return FollowUp(call=self._route_call(request, now, affordable))

    def _use_fallback_routes(self, request: ImageRequest, now: datetime) -> FollowUp:
        """Use the fallback routes; the next request reads the Hub again."""
        self._routes = self._routes or _FALLBACK_ROUTES
        return FollowUp(call=self._first_route_call(request, now))

    def _first_route_call(self, request: ImageRequest, now: datetime) -> HttpCall:
        return self._route_call(request, now, self._usable_routes(now))

    def _usable_routes(self, now: datetime) -> list[str]:
        paused = self._paused_until if self._is_auto else {}
        usable = [name for name in self._routes if paused.get(name, now) <= now]
        # If all routes are paused, try them by the end of their pause.
        return usable or sorted(self._routes, key=lambda name: paused.get(name, now))

    def _route_call(
        self, request: ImageRequest, now: datetime, routes: Sequence[str]
    ) -> HttpCall:
        """Return the request for an image by the first of the *routes* left for it."""
        route = ROUTES[routes[0]]
        model = self._routes.get(route.name) or route.model or self.model
        body = route.body(request, route.fit(request), model)
        accept = route.headers or {"Accept": "image/png"}
        return HttpCall(
            method="POST",
            url=self.traits.base_url + route.path.format(model=model),
            json=merge_body(body, self._settings.extra),
            headers={**self._auth_headers(), **accept},
            read=lambda response: self._read_image(response, request, now, routes),
            is_image_request=True,
            price=self._route_price(route, request),
            model=f"{self.model} ({route.name})",
        )

    def _read_image(
        self,
        response: Response,
        request: ImageRequest,
        now: datetime,
        routes: Sequence[str],
    ) -> Step:
        name, *other_routes = routes
        try:
            self.raise_for_error(response)
            return ROUTES[name].read(response, self._download_call)
        except ProviderError as error:
            if not is_route_fault(error):
                raise
            self._pause_route(name, error, now)
            if self._is_auto and other_routes:
                return FollowUp(call=self._route_call(request, now, other_routes))
            if isinstance(error, RouteOnlyError):
                raise NotFoundError(f"{name}: {error}", status=error.status) from error
            raise

    def _pause_route(self, name: str, error: ProviderError, now: datetime) -> None:
        is_failure = isinstance(error, UnavailableError)
        until = now + (_FAILURE_PAUSE if is_failure else _DAY)
        if "free monthly usage limit" in str(error).casefold():
            until = (now.replace(day=1) + timedelta(days=32)).replace(day=1, hour=0)
        self._paused_until[name] = until


def _live_routes(response: Response) -> dict[str, str]:
    """Return the model's ids ("" if unknown) by the routes that serve it."""
    mapping = parse_object(response).get("inferenceProviderMapping")
    return {
        name: str(entry.get("providerId") or "")
        for name, entry in _mapping_entries(mapping)
        if name in ROUTES
        and entry.get("status", "live") == "live"
        and str(entry.get("task", "")) in {"", "text-to-image"}
    }


def _mapping_entries(mapping: object) -> list[tuple[str, dict[str, object]]]:
    """Return pairs of partner and entry; the Hub sends a list or an object of them."""
    if isinstance(mapping, list):
        entries = [entry for entry in mapping if isinstance(entry, dict)]
        return [(str(entry.get("provider")), entry) for entry in entries]
    if isinstance(mapping, dict):
        return [item for item in mapping.items() if isinstance(item[1], dict)]
    return []
