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
from providers.base import Again, Call, Order, Reply, Step
from providers.outcomes import GoneError, ProviderError
from providers.replies import as_object
from providers.router import RouteOnlyError, check_route
from providers.routes import ROUTES, Route
from providers.service import Service, merged, no_image, per_megapixel, traits_of
from providers.settings import ProviderSettings
from providers.sizes import Size, fitting

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
class _Known:
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
class _Draw:
    """One order on its way along the routes."""

    order: Order
    now: datetime
    routes: tuple[str, ...]
    refused: ProviderError | None = None


class Flux(Service):
    """The provider kind `flux`."""

    def __init__(self, settings: ProviderSettings) -> None:
        super().__init__(
            settings,
            traits_of(
                settings,
                label="Hugging Face FLUX",
                prefix="flux",
                price=per_megapixel(_DOLLARS_PER_MEGAPIXEL),
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
        self._known = _Known()

    def size(self, order: Order) -> Size:
        """Return what the first route is asked for."""
        return fitting(order, self._first_route().multiple)

    def dropped(self, order: Order) -> tuple[str, ...]:
        """Say what of *order* the first route will not honour."""
        return (*self._first_route().drops, *super().dropped(order))

    def _first_route(self) -> Route:
        routes = self._candidates(None) or _USUAL
        return ROUTES[routes[0]]

    def start(self, order: Order, now: datetime) -> Call:
        """Return the request for an image, or for the list of routes first."""
        if self._route != "auto":
            return self._request(_Draw(order=order, now=now, routes=(self._route,)))
        known = self._known.read_at
        if known is not None and now - known < _REMEMBERED:
            return self._first(order, now)
        # The brackets are part of the parameter's name.
        url = f"{self._hub}/api/models/{self._model}?expand[]=inferenceProviderMapping"
        return Call(
            method="GET",
            url=url,
            headers=self._headers() if self._is_hub_ours() else {},
            read=lambda reply: self._read_routes(reply, order, now),
            failed=lambda _error: self._without_list(order, now),
        )

    def _is_hub_ours(self) -> bool:
        return self._settings.hub_url is None or self._settings.base_url is not None

    def account(self) -> Call:
        """Ask the Hub whose token it is; nothing is paid for that."""
        return Call(
            method="GET",
            url=f"{self._hub}/api/whoami-v2",
            headers=self._headers(),
            read=no_image,
        )

    def check(self, reply: Reply) -> None:
        """Raise what an answer of the router means, unless it is a good one."""
        check_route(reply)

    def _read_routes(self, reply: Reply, order: Order, now: datetime) -> Step:
        mapping = as_object(reply).get("inferenceProviderMapping")
        found: dict[str, str] = {}
        for name, entry in _entries(mapping):
            live = entry.get("status", "live") == "live"
            if (
                name in ROUTES
                and live
                and str(entry.get("task", "")) in {"", "text-to-image"}
            ):
                found[name] = str(entry.get("providerId") or "")
        if not found:
            return self._without_list(order, now)
        self._known.routes = tuple(found)
        self._known.model_ids = found
        self._known.read_at = now
        return Again(call=self._first(order, now))

    def _without_list(self, order: Order, now: datetime) -> Step:
        """The Hub is silent: the usual routes, and the Hub again next time."""
        if not self._known.routes:
            self._known.routes = _USUAL
        return Again(call=self._first(order, now))

    def _first(self, order: Order, now: datetime) -> Call:
        routes = self._candidates(now)
        if not routes:
            # All of them rest: the one that rests the shortest is asked anyway.
            routes = tuple(
                sorted(self._known.resting, key=self._known.resting.__getitem__)
            )
        return self._request(_Draw(order=order, now=now, routes=routes))

    def _candidates(self, now: datetime | None) -> tuple[str, ...]:
        if self._route != "auto":
            return (self._route,)
        resting = self._known.resting
        return tuple(
            name
            for name in self._known.routes
            if now is None or name not in resting or resting[name] <= now
        )

    def _request(self, draw: _Draw) -> Call:
        route = ROUTES[draw.routes[0]]
        model = self._known.model_ids.get(route.name) or route.model or self._model
        body = route.body(draw.order, fitting(draw.order, route.multiple), model)
        return Call(
            method="POST",
            url=self.traits.base_url + route.path.format(model=model),
            json=merged(body, self._settings.extra),
            headers={**self._headers(), **(route.headers or {"Accept": "image/png"})},
            read=lambda reply: self._read(reply, route, draw),
            wants_image=True,
        )

    def _headers(self) -> Mapping[str, str]:
        account = self._settings.account
        bill_to = {"X-HF-Bill-To": account} if account else {}
        return {**super()._headers(), **bill_to}

    def _read(self, reply: Reply, route: Route, draw: _Draw) -> Step:
        try:
            self.check(reply)
            return route.read(reply, self._fetch)
        except RouteOnlyError as error:
            self._rest(route.name, error, draw.now)
            if self._route == "auto" and draw.routes[1:]:
                following = _Draw(
                    order=draw.order, now=draw.now, routes=draw.routes[1:]
                )
                return Again(call=self._request(following))
            raise GoneError(f"{route.name}: {error}", status=error.status) from error

    def _rest(self, name: str, error: ProviderError, now: datetime) -> None:
        until = now + timedelta(days=1)
        if "free monthly usage limit" in str(error).casefold():
            until = (now.replace(day=1) + timedelta(days=32)).replace(day=1, hour=0)
        self._known.resting[name] = until


def _entries(mapping: object) -> list[tuple[str, dict[str, object]]]:
    """The Hub answers a list of entries, or an object by provider (both are seen)."""
    if isinstance(mapping, list):
        return [
            (str(one.get("provider")), one) for one in mapping if isinstance(one, dict)
        ]
    if isinstance(mapping, dict):
        return [(name, one) for name, one in mapping.items() if isinstance(one, dict)]
    return []
