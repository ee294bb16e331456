"""FLUX.1-schnell on Hugging Face Inference Providers.

Hugging Face does not run the model itself (hf-inference answers 410); its router
passes the request to a partner.  With `route = "auto"` the provider reads the list of
partners from the Hub once a day, and an error of one partner leads to the next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from providers import fal, replicate
from providers.base import FollowUp, HttpCall, ImageRequest, Response, Step
from providers.base_http import (
    BaseProvider,
    merge_body,
    price_per_megapixel,
    raise_no_image,
)
from providers.huggingface_routes import ROUTES, Route, RouteOnlyError, check_route
from providers.outcomes import NotFoundError, ProviderError
from providers.responses import parse_object
from providers.settings import ProviderSettings
from providers.sizes import RequestSize, fit_to_side

_ROUTER = "https://router.huggingface.co"
_HUB = "https://huggingface.co"
_MODEL = "black-forest-labs/FLUX.1-schnell"
#: fal's published price in US dollars; Hugging Face adds nothing to it.
_DOLLARS_PER_MEGAPIXEL = 0.003
#: US dollars a month that a free account includes ("subject to change").
_INCLUDED = 0.10
#: The routes while the Hub does not respond.
_FALLBACK_ROUTES = ("nscale", "fal-ai")
_ROUTES_VALID = timedelta(days=1)
_FILE_HOSTS = (*fal.FILE_HOSTS, *replicate.FILE_HOSTS)


@dataclass(slots=True)
class _RouteCache:
    """The state of the routes, kept in memory.

    Attributes:
        routes: Names of the routes that serve the model, in order.
        read_at: When the Hub was last read.
        paused_until: Routes that do not serve the model for this account.
        model_ids: The model's id on each route, from the Hub.
    """

    routes: Sequence[str] = ()
    read_at: datetime | None = None
    paused_until: dict[str, datetime] = field(default_factory=dict)
    model_ids: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _RouteAttempt:
    """One request and the routes that are left for it."""

    request: ImageRequest
    now: datetime
    routes: tuple[str, ...]


class Flux(BaseProvider):
    """The provider kind `flux`."""

    def __init__(self, settings: ProviderSettings) -> None:
        super().__init__(
            settings,
            label="Hugging Face FLUX",
            prefix="flux",
            price=price_per_megapixel(_DOLLARS_PER_MEGAPIXEL),
            price_source="fal's price per megapixel",
            base_url=_ROUTER,
            included=_INCLUDED,
            credits_reset="monthly",
            # A top-up makes credits available before the reset.
            credits_probe=timedelta(days=1),
            max_prompt=2000,
            honours=frozenset({"size", "seed", "steps"}),
            file_hosts=_FILE_HOSTS,
        )
        self._hub = (settings.hub_url or _HUB).rstrip("/")
        self._model = settings.model or _MODEL
        self._route = settings.route or "auto"
        self._cache = _RouteCache()

    def supported_size(self, request: ImageRequest) -> RequestSize:
        """Return the size for the first route, up to 1440 a side."""
        return fit_to_side(request, self._first_route().multiple)

    def dropped_options(self, request: ImageRequest) -> tuple[str, ...]:
        """Return the options of *request* that the first route ignores."""
        return (*self._first_route().drops, *super().dropped_options(request))

    def _first_route(self) -> Route:
        routes = self._usable_routes(None) or _FALLBACK_ROUTES
        return ROUTES[routes[0]]

    def start(self, request: ImageRequest, now: datetime) -> HttpCall:
        """Return the request for an image, or for the list of routes if outdated."""
        if self._route != "auto":
            return self._route_call(
                _RouteAttempt(request=request, now=now, routes=(self._route,))
            )
        read_at = self._cache.read_at
        if read_at is not None and now - read_at < _ROUTES_VALID:
            return self._first_call(request, now)
        # The brackets are part of the parameter's name.
        url = f"{self._hub}/api/models/{self._model}?expand[]=inferenceProviderMapping"
        return HttpCall(
            method="GET",
            url=url,
            headers=self._auth_headers() if self._hub_may_see_token() else {},
            read=lambda response: self._read_routes(response, request, now),
            failed=lambda _error: self._use_fallback_routes(request, now),
        )

    def _hub_may_see_token(self) -> bool:
        return self._settings.hub_url is None or self._settings.base_url is not None

    def token_check_call(self) -> HttpCall:
        """Return the free request for the owner of the token."""
        return HttpCall(
            method="GET",
            url=f"{self._hub}/api/whoami-v2",
            headers=self._auth_headers(),
            read=raise_no_image,
        )

    def raise_for_error(self, response: Response) -> None:
        """Return if the router's response is a good one, else raise what it means."""
        check_route(response)

    def _read_routes(
        self, response: Response, request: ImageRequest, now: datetime
    ) -> Step:
        mapping = parse_object(response).get("inferenceProviderMapping")
        model_ids: dict[str, str] = {}
        for name, entry in _mapping_entries(mapping):
            live = entry.get("status", "live") == "live"
            if (
                name in ROUTES
                and live
                and str(entry.get("task", "")) in {"", "text-to-image"}
            ):
                model_ids[name] = str(entry.get("providerId") or "")
        if not model_ids:
            return self._use_fallback_routes(request, now)
        self._cache.routes = tuple(model_ids)
        self._cache.model_ids = model_ids
        self._cache.read_at = now
        return FollowUp(call=self._first_call(request, now))

    def _use_fallback_routes(self, request: ImageRequest, now: datetime) -> FollowUp:
        """Use the fallback routes; the next request reads the Hub again."""
        if not self._cache.routes:
            self._cache.routes = _FALLBACK_ROUTES
        return FollowUp(call=self._first_call(request, now))

    def _first_call(self, request: ImageRequest, now: datetime) -> HttpCall:
        routes = self._usable_routes(now)
        if not routes:
            # All routes are paused: try them by the end of their pause.
            paused_until = self._cache.paused_until
            routes = tuple(sorted(paused_until, key=paused_until.__getitem__))
        return self._route_call(_RouteAttempt(request=request, now=now, routes=routes))

    def _usable_routes(self, now: datetime | None) -> tuple[str, ...]:
        if self._route != "auto":
            return (self._route,)
        paused_until = self._cache.paused_until
        return tuple(
            name
            for name in self._cache.routes
            if now is None or name not in paused_until or paused_until[name] <= now
        )

    def _route_call(self, attempt: _RouteAttempt) -> HttpCall:
        route = ROUTES[attempt.routes[0]]
        model = self._cache.model_ids.get(route.name) or route.model or self._model
        body = route.body(
            attempt.request, fit_to_side(attempt.request, route.multiple), model
        )
        return HttpCall(
            method="POST",
            url=self.traits.base_url + route.path.format(model=model),
            json=merge_body(body, self._settings.extra),
            headers={
                **self._auth_headers(),
                **(route.headers or {"Accept": "image/png"}),
            },
            read=lambda response: self._read_route_response(response, route, attempt),
            wants_image=True,
        )

    def _auth_headers(self) -> Mapping[str, str]:
        account = self._settings.account
        bill_to = {"X-HF-Bill-To": account} if account else {}
        return {**super()._auth_headers(), **bill_to}

    def _read_route_response(
        self, response: Response, route: Route, attempt: _RouteAttempt
    ) -> Step:
        try:
            self.raise_for_error(response)
            return route.read(response, self._download_call)
        except RouteOnlyError as error:
            self._pause_route(route.name, error, attempt.now)
            if self._route == "auto" and attempt.routes[1:]:
                next_attempt = replace(attempt, routes=attempt.routes[1:])
                return FollowUp(call=self._route_call(next_attempt))
            raise NotFoundError(
                f"{route.name}: {error}", status=error.status
            ) from error

    def _pause_route(self, name: str, error: ProviderError, now: datetime) -> None:
        until = now + timedelta(days=1)
        if "free monthly usage limit" in str(error).casefold():
            until = (now.replace(day=1) + timedelta(days=32)).replace(day=1, hour=0)
        self._cache.paused_until[name] = until


def _mapping_entries(mapping: object) -> list[tuple[str, dict[str, object]]]:
    """Return pairs of partner and entry; the Hub sends a list or an object of them."""
    if isinstance(mapping, list):
        entries = [entry for entry in mapping if isinstance(entry, dict)]
        return [(str(entry.get("provider")), entry) for entry in entries]
    if isinstance(mapping, dict):
        return [item for item in mapping.items() if isinstance(item[1], dict)]
    return []
