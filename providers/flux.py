"""FLUX.1-schnell on Hugging Face Inference Providers.

Hugging Face itself does not run the model (hf-inference answers 410); its router
passes the request to a partner.  With `route = "auto"` the Hub is asked once a day
who serves it, and an answer that concerns one partner only leads to the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from providers.base import Again, Call, Order, ProviderSettings, Reply, Step, Traits
from providers.outcomes import GoneError, ProviderError
from providers.replies import (
    as_object,
)
from providers.router import RouteOnlyError, check
from providers.routes import ROUTES, Route, fetched, fitting

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
_FILE_HOSTS = (".fal.media", "fal.media", "replicate.delivery", ".replicate.delivery")


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


class Flux:
    """The provider kind `flux`."""

    def __init__(self, settings: ProviderSettings) -> None:
        self._settings = settings
        self._base = (settings.base_url or _ROUTER).rstrip("/")
        self._hub = (settings.hub_url or _HUB).rstrip("/")
        self._model = settings.model or _MODEL
        self._route = settings.route or "auto"
        self._known = _Known()
        price = settings.price
        own = price is None
        self.traits = Traits(
            name=settings.name,
            label=settings.label or "Hugging Face FLUX",
            prefix="flux",
            price=lambda mp: _DOLLARS_PER_MEGAPIXEL * mp if price is None else price,
            price_source="fal's price per megapixel" if own else "configuration",
            included=_INCLUDED if settings.included is None else settings.included,
            monthly_budget=settings.monthly_budget,
            credits_reset=settings.credits_reset or "monthly",
            credits_probe=timedelta(days=1),
            timeout=settings.timeout or 60.0,
            concurrency=settings.concurrency or 4,
            max_prompt=2000,
            honours=frozenset({"size", "seed", "steps"}),
            is_local=settings.base_url is not None,
            file_hosts=_FILE_HOSTS,
            base_url=self._base,
        )

    def dropped(self, order: Order) -> tuple[str, ...]:
        """Say what of *order* the first route will not honour."""
        routes = self._candidates(None)
        route = ROUTES[routes[0]] if routes else ROUTES[_USUAL[0]]
        size = fitting(order, route.multiple)
        asked = (size.width, size.height)
        resized = asked != (order.width, order.height)
        drops = (f"size: {asked[0]}x{asked[1]} is asked for",) if resized else ()
        return (*route.drops, *drops)

    def start(self, order: Order, now: datetime) -> Call:
        """Return the request for an image, or for the list of routes first."""
        if self._route != "auto":
            return self._ask(_Draw(order=order, now=now, routes=(self._route,)))
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

    def resume(self, remote: str) -> Call | None:
        """Return the call that fetches a finished image."""
        return self._fetch(remote)

    def cancel(self, remote: str) -> Call | None:
        """Nothing runs any more when there is an address."""
        del remote
        return None

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
        return self._ask(_Draw(order=order, now=now, routes=routes))

    def _candidates(self, now: datetime | None) -> tuple[str, ...]:
        if self._route != "auto":
            return (self._route,)
        resting = self._known.resting
        return tuple(
            name
            for name in self._known.routes
            if now is None or name not in resting or resting[name] <= now
        )

    def _ask(self, draw: _Draw) -> Call:
        route = ROUTES[draw.routes[0]]
        model = self._known.model_ids.get(route.name) or route.model or self._model
        body = route.body(draw.order, fitting(draw.order, route.multiple), model)
        return Call(
            method="POST",
            url=self._base + route.path.format(model=model),
            json={**body, **self._settings.extra},
            headers={**self._headers(), **(route.headers or {"Accept": "image/png"})},
            read=lambda reply: self._read(reply, route, draw),
            wants_image=True,
        )

    def _headers(self) -> dict[str, str]:
        headers = {"Authorization": f"Bearer {self._settings.token or ''}"}
        if self._settings.account:
            headers["X-HF-Bill-To"] = self._settings.account
        return headers

    def _read(self, reply: Reply, route: Route, draw: _Draw) -> Step:
        try:
            check(reply)
            return route.read(reply, self._fetch)
        except RouteOnlyError as error:
            self._rest(route.name, error, draw.now)
            if self._route == "auto" and draw.routes[1:]:
                following = _Draw(
                    order=draw.order, now=draw.now, routes=draw.routes[1:]
                )
                return Again(call=self._ask(following))
            raise GoneError(f"{route.name}: {error}", status=error.status) from error

    def _rest(self, name: str, error: ProviderError, now: datetime) -> None:
        until = now + timedelta(days=1)
        if "free monthly usage limit" in str(error).casefold():
            until = (now.replace(day=1) + timedelta(days=32)).replace(day=1, hour=0)
        self._known.resting[name] = until

    def _fetch(self, url: str) -> Call:
        return Call(method="GET", url=url, read=fetched, fetches=True)


def _entries(mapping: object) -> list[tuple[str, dict[str, object]]]:
    """The Hub answers a list of entries, or an object by provider (both are seen)."""
    if isinstance(mapping, list):
        return [
            (str(one.get("provider")), one) for one in mapping if isinstance(one, dict)
        ]
    if isinstance(mapping, dict):
        return [(name, one) for name, one in mapping.items() if isinstance(one, dict)]
    return []
