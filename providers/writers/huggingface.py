"""The writer kind `huggingface`: chat models behind Hugging Face's router.

`GET /v1/models` lists, per model and partner, the price in US dollars for a million
tokens, whether the partner enforces a schema, and whether the route is live.  The
cheapest live route to a model that is known to follow such a task is used for a day.
Source: the router's list in public copies of 2026, read by several clients.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from providers.account import HuggingFaceAccount
from providers.base import JsonValue, ProviderSettings, Response
from providers.huggingface_routes import is_route_fault
from providers.model_list import ModelEntry, find_model
from providers.outcomes import ProviderError
from providers.writers.base import TokenPrice, WriterTraits, price_in_list
from providers.writers.chat import USUAL, PromptWriter

_SOURCE = "the partner's price in Hugging Face's list"
#: The router's own choice of the cheapest partner, while there is no list.
_DEFAULT = "meta-llama/Llama-3.1-8B-Instruct:cheapest"
#: Models that follow the instructions in many languages and answer without thinking
#: aloud first, which takes seconds and is charged.
_KNOWN = frozenset(
    {
        "Qwen/Qwen2.5-7B-Instruct",
        "Qwen/Qwen3-4B-Instruct-2507",
        "Qwen/Qwen3-30B-A3B-Instruct-2507",
        "Qwen/Qwen3-Next-80B-A3B-Instruct",
        "google/gemma-3-12b-it",
        "google/gemma-3-27b-it",
        "meta-llama/Llama-3.1-8B-Instruct",
        "meta-llama/Llama-3.3-70B-Instruct",
        "meta-llama/Llama-4-Scout-17B-16E-Instruct",
        "microsoft/phi-4",
        "mistralai/Mistral-Small-3.2-24B-Instruct-2506",
    }
)
#: Names of other small chat models, for when none of those is live.
_CHAT = re.compile(r"instruct|chat|[-_]it\b", re.IGNORECASE)
_OTHER_KIND = re.compile(
    r"coder|code|math|guard|vision|[-_]vl\b|think|reason|embed|ocr|audio|base",
    re.IGNORECASE,
)
_BILLIONS = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)b(?![a-z])", re.IGNORECASE)
_LEAST_BILLIONS, _MOST_BILLIONS = 4, 80
#: The dearest route that is used without being asked for, in US dollars a million.
_CEILING = TokenPrice(0.10, 0.40, _SOURCE)
#: Routes that are tried, each after the one before has refused.
_ROUTES = 3


@dataclass(frozen=True, slots=True)
class Offer:
    """One live route to a model.

    Attributes:
        name: What is requested: "owner/model:partner".
        enforces_schema: The partner supports `response_format`.
        is_known: The model is known to do the task well.
    """

    name: str
    price: TokenPrice
    enforces_schema: bool
    is_known: bool

    @property
    def is_suitable(self) -> bool:
        """Whether it may be used without having been asked for."""
        is_cheap = (
            self.price.input <= _CEILING.input and self.price.output <= _CEILING.output
        )
        return is_cheap and (self.is_known or _looks_suitable(self.name))

    def is_named(self, *names: str) -> bool:
        """Return whether one of *names* is its model, with or without the partner."""
        return self.name in names or self.name.partition(":")[0] in names

    @property
    def preference(self) -> tuple[bool, bool, float, str]:
        """Known models first, then those with a schema, then the cheapest."""
        cost = self.price.cost_of(USUAL)
        return not self.is_known, not self.enforces_schema, cost, self.name


def _looks_suitable(name: str) -> bool:
    """Return True if a model is a chat model of a fitting size, by its name."""
    if _OTHER_KIND.search(name) or not _CHAT.search(name):
        return False
    billions = [float(size) for size in _BILLIONS.findall(name)]
    return bool(billions) and _LEAST_BILLIONS <= max(billions) <= _MOST_BILLIONS


def read_offers(entries: Sequence[Mapping[str, object]]) -> list[Offer]:
    """Return the live routes with a price in the router's list, the best first."""
    offers = [
        Offer(
            name=f"{entry['id']}:{route['provider']}",
            price=price,
            enforces_schema=route.get("supports_structured_output") is True,
            is_known=entry["id"] in _KNOWN,
        )
        for entry in entries
        for route in _live_routes(entry)
        if (price := price_in_list(route, _SOURCE)) is not None
    ]
    return sorted(offers, key=lambda offer: offer.preference)


def _live_routes(entry: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    routes = entry.get("providers")
    for route in routes if isinstance(routes, list) else []:
        if (
            isinstance(entry.get("id"), str)
            and isinstance(route, dict)
            and isinstance(route.get("provider"), str)
            and route.get("status") == "live"
        ):
            yield route


class HuggingFaceWriter(PromptWriter, HuggingFaceAccount):
    """The writer kind `huggingface`."""

    defaults: ClassVar[WriterTraits] = WriterTraits(
        label="Hugging Face",
        kind="huggingface",
        price_source=_SOURCE,
        base_url="https://router.huggingface.co",
        included=None,
        asks_account=True,
        credits_reset="monthly",
        credits_probe=timedelta(days=1),
    )
    version_path = "/v1"
    default_model = _DEFAULT
    model_list_path = "/v1/models"

    def __init__(self, settings: ProviderSettings) -> None:
        # The routes in the order of preference; the first is used.
        self._offers: Sequence[Offer] = ()
        super().__init__(settings)

    @property
    def model(self) -> str:
        """The route that is requested: the chosen one, else the configured model."""
        return self._offers[0].name if self._offers else super().model

    @property
    def _needs_model_list(self) -> bool:
        return True

    def _choose_model(self, entries: Sequence[Mapping[str, object]]) -> None:
        offers = read_offers(entries)
        if wanted := self._settings.model:
            # With or without a partner.
            names = (wanted, wanted.removesuffix(":cheapest"))
            self._use([offer for offer in offers if offer.is_named(*names)])
        else:
            self._use([offer for offer in offers if offer.is_suitable])

    def _use(self, offers: Sequence[Offer]) -> None:
        self._offers = offers[:_ROUTES]
        self._set_price(offers[0].price if offers else self._assumed_price)

    @property
    def _assumed_price(self) -> TokenPrice:
        # Without a list the router chooses the cheapest partner.
        return super()._assumed_price if self._settings.model else _CEILING

    @property
    def _dearest_price(self) -> TokenPrice:
        prices = [offer.price for offer in self._offers] or [self._assumed_price]
        return TokenPrice(
            max(price.input for price in prices), max(price.output for price in prices)
        )

    def find_model(self, response: Response) -> ModelEntry | None:
        """Return what the response to `model_check_call` says of the model, or None.

        Raises:
            ProviderError: The response is an error.
        """
        self.raise_for_error(response)
        return find_model(response, self.model.partition(":")[0])

    def adapt_to(self, error: ProviderError) -> bool:
        """Return whether `build_call` now asks in another way that may work."""
        if is_route_fault(error) and len(self._offers) > 1:
            self._use(self._offers[1:])
            return True
        return super().adapt_to(error)

    def _response_format(self) -> JsonValue:
        enforces = not self._offers or self._offers[0].enforces_schema
        return super()._response_format() if enforces else None
