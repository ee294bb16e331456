"""FLUX.1-schnell on Hugging Face Inference Providers.

Hugging Face itself does not run the model (hf-inference answers 410); its router
passes the request to a partner.  With `route = "auto"` the Hub is asked once a day
who serves it, and an answer that concerns one partner only leads to the next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from providers import fal, replicate
from providers.base import FollowUp, HttpCall, ImageRequest, Response, Step
from providers.base_http import (
    BaseProvider,
    build_traits,
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
#: fal's published price a megapixel; Hugging Face adds nothing to it.
_DOLLARS_PER_MEGAPIXEL = 0.003
#: What a free account has a month ("subject to change").
_INCLUDED = 0.10
#: When the Hub is silent.
_USUAL = ("nscale", "fal-ai")
_REMEMBERED = timedelta(days=1)
_FILE_HOSTS = (*fal.FILE_HOSTS, *replicate.FILE_HOSTS)


@dataclass(slots=True)
class _RouteCache:
    """What a running daemon remembers of the routes.

    Attributes:
        resting: Routes that do not serve the model (for us), and until when.
        model_ids: What each route calls the model, by the Hub.
    """

    routes: Sequence[str] = ()
    read_at: datetime | None = None
    resting: dict[str, datetime] = field(default_factory=dict)
    model_ids: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _RouteAttempt:
    """One order on its way along the routes."""

    request: ImageRequest
    now: datetime
    routes: tuple[str, ...]
    refused: ProviderError | None = None


class Flux(BaseProvider):
    """The provider kind `flux`."""

    def __init__(self, settings: ProviderSettings) -> None:
        super().__init__(
            settings,
            build_traits(
                settings,
                label="Hugging Face FLUX",
                prefix="flux",
                price=price_per_megapixel(_DOLLARS_PER_MEGAPIXEL),
                price_source="fal's price per megapixel",
                base_url=_ROUTER,
                included=_INCLUDED,
                credits_reset="monthly",
                # A top-up ends it early.
                credits_probe=timedelta(days=1),
                max_prompt=2000,
                honours=frozenset({"size", "seed", "steps"}),
                file_hosts=_FILE_HOSTS,
            ),
        )
        self._hub = (settings.hub_url or _HUB).rstrip("/")
        self._model = settings.model or _MODEL
        self._route = settings.route or "auto"
        self._known = _RouteCache()

    def supported_size(self, request: ImageRequest) -> RequestSize:
        """Return what the first route is asked for."""
        return fit_to_side(request, self._first_route().multiple)

    def dropped_options(self, request: ImageRequest) -> tuple[str, ...]:
        """Say what of *order* the first route will not honour."""
        return (*self._first_route().drops, *super().dropped_options(request))

    def _first_route(self) -> Route:
        routes = self._usable_routes(None) or _USUAL
        return ROUTES[routes[0]]

    def start(self, request: ImageRequest, now: datetime) -> HttpCall:
        """Return the request for an image, or for the list of routes first."""
        if self._route != "auto":
            return self._route_call(
                _RouteAttempt(request=request, now=now, routes=(self._route,))
            )
        known = self._known.read_at
        if known is not None and now - known < _REMEMBERED:
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
        """Ask the Hub whose token it is; nothing is paid for that."""
        return HttpCall(
            method="GET",
            url=f"{self._hub}/api/whoami-v2",
            headers=self._auth_headers(),
            read=raise_no_image,
        )

    def raise_for_error(self, response: Response) -> None:
        """Raise what an answer of the router means, unless it is a good one."""
        check_route(response)

    def _read_routes(
        self, response: Response, request: ImageRequest, now: datetime
    ) -> Step:
        mapping = parse_object(response).get("inferenceProviderMapping")
        found: dict[str, str] = {}
        for name, entry in _mapping_entries(mapping):
            live = entry.get("status", "live") == "live"
            if (
                name in ROUTES
                and live
                and str(entry.get("task", "")) in {"", "text-to-image"}
            ):
                found[name] = str(entry.get("providerId") or "")
        if not found:
            return self._use_fallback_routes(request, now)
        self._known.routes = tuple(found)
        self._known.model_ids = found
        self._known.read_at = now
        return FollowUp(call=self._first_call(request, now))

    def _use_fallback_routes(self, request: ImageRequest, now: datetime) -> Step:
        """The Hub is silent: the usual routes, and the Hub again next time."""
        if not self._known.routes:
            self._known.routes = _USUAL
        return FollowUp(call=self._first_call(request, now))

    def _first_call(self, request: ImageRequest, now: datetime) -> HttpCall:
        routes = self._usable_routes(now)
        if not routes:
            # All of them rest: the one that rests the shortest is asked anyway.
            routes = tuple(
                sorted(self._known.resting, key=self._known.resting.__getitem__)
            )
        return self._route_call(_RouteAttempt(request=request, now=now, routes=routes))

    def _usable_routes(self, now: datetime | None) -> tuple[str, ...]:
        if self._route != "auto":
            return (self._route,)
        resting = self._known.resting
        return tuple(
            name
            for name in self._known.routes
            if now is None or name not in resting or resting[name] <= now
        )

    def _route_call(self, draw: _RouteAttempt) -> HttpCall:
        route = ROUTES[draw.routes[0]]
        model = self._known.model_ids.get(route.name) or route.model or self._model
        body = route.body(
            draw.request, fit_to_side(draw.request, route.multiple), model
        )
        return HttpCall(
            method="POST",
            url=self.traits.base_url + route.path.format(model=model),
            json=merge_body(body, self._settings.extra),
            headers={
                **self._auth_headers(),
                **(route.headers or {"Accept": "image/png"}),
            },
            read=lambda response: self._read_route_response(response, route, draw),
            wants_image=True,
        )

    def _auth_headers(self) -> Mapping[str, str]:
        account = self._settings.account
        bill_to = {"X-HF-Bill-To": account} if account else {}
        return {**super()._auth_headers(), **bill_to}

    def _read_route_response(
        self, response: Response, route: Route, draw: _RouteAttempt
    ) -> Step:
        try:
            self.raise_for_error(response)
            return route.read(response, self._download_call)
        except RouteOnlyError as error:
            self._pause_route(route.name, error, draw.now)
            if self._route == "auto" and draw.routes[1:]:
                following = _RouteAttempt(
                    request=draw.request, now=draw.now, routes=draw.routes[1:]
                )
                return FollowUp(call=self._route_call(following))
            raise NotFoundError(
                f"{route.name}: {error}", status=error.status
            ) from error

    def _pause_route(self, name: str, error: ProviderError, now: datetime) -> None:
        until = now + timedelta(days=1)
        if "free monthly usage limit" in str(error).casefold():
            until = (now.replace(day=1) + timedelta(days=32)).replace(day=1, hour=0)
        self._known.resting[name] = until


def _mapping_entries(mapping: object) -> list[tuple[str, dict[str, object]]]:
    """The Hub answers a list of entries, or an object by provider (both are seen)."""
    if isinstance(mapping, list):
        return [
            (str(one.get("provider")), one) for one in mapping if isinstance(one, dict)
        ]
    if isinstance(mapping, dict):
        return [(name, one) for name, one in mapping.items() if isinstance(one, dict)]
    return []
