"""What goes into a provider and comes out of it.  Standard library only.

`Provider.start` returns the first `HttpCall` (or, for the card, the image itself).
Each `HttpCall` names the function that reads its response.  That function returns a
`GeneratedImage` or a `FollowUp` (the next call, after a pause), or raises one of the
errors of `providers.outcomes`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType
from typing import Literal, Protocol, TypeAlias
from urllib.parse import urlsplit

from providers.outcomes import CreditsReset, ProviderError

JsonValue: TypeAlias = (
    "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"
)


#: US dollars for one image, as a function of the requested megapixels.  A megapixel is
#: a million pixels: services that bill whole megapixels bill 1024 x 1024 as two.
Price: TypeAlias = Callable[[float], float]


class ImageSize(Protocol):
    """Anything with a size in pixels: a request, a format."""

    @property
    def width(self) -> int:
        """Width in pixels."""

    @property
    def height(self) -> int:
        """Height in pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRequest:
    """A request for one image.

    Attributes:
        prompt: The description of the image, cut to the service's limit.
        words: The words of the post, for a card; never the prompt.
        width: Width of the finished image in pixels.  A service without that size
            gets the nearest size that covers it.
        height: Height of the finished image in pixels.
        seed: A new random number for every image, 0 to 2**31 - 1.
    """

    prompt: str
    words: str
    width: int
    height: int
    seed: int


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP response: status, headers with lower-case names, the whole body."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratedImage:
    """Bytes that claim to be an image, with the seed and model that are reported.

    Attributes:
        price: US dollars, if the price depends on the route that was used.
    """

    data: bytes = field(repr=False)
    seed: int | None = None
    model: str | None = None
    price: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpCall:
    """One HTTP request and the function that reads its response.

    Attributes:
        read: Reads every response but a redirect.  Raises ProviderError.
        form: Fields of a multipart form, instead of `json`.
        is_image_request: Only the response to a request for an image moves the
            breaker, and only before such a request is an attempt committed.
        on_error: Returns the next step if an optional request (the Hub's list of
            routes) fails.
        is_download: The request downloads a finished file: without token, only
            https, only public addresses, only the provider's file hosts.
        is_poll: The request polls a remote job and can be repeated.
        is_stream: The poll's response is the stream of the result, which ends with
            the connection, so it is not cut off when the daemon stops.
        price: US dollars of the image, if the provider's routes differ in price.
        model: The model and its route, if the provider has several routes.
    """

    method: Literal["GET", "POST", "PUT", "DELETE"]
    url: str
    read: Callable[[Response], Step]
    json: JsonValue = None
    form: Mapping[str, str] | None = None
    headers: Mapping[str, str] = field(
        default_factory=lambda: MappingProxyType({}), repr=False
    )
    is_image_request: bool = False
    on_error: Callable[[ProviderError], FollowUp] | None = None
    is_download: bool = False
    is_poll: bool = False
    is_stream: bool = False
    price: float | None = None
    model: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """The image is not ready: send `call` after `seconds`.

    Attributes:
        remote_id: A job id or result URL that is committed before `call` is sent.
            `Provider.resume` continues from it after a crash.
    """

    call: HttpCall
    seconds: float = 0.0
    remote_id: str | None = None


Step: TypeAlias = GeneratedImage | FollowUp


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderTraits:
    """The constant properties and capabilities of a provider.

    Attributes:
        name: The entry's name in the configuration and the chain.
        label: The name for people: "Hugging Face FLUX", "Card".
        prefix: The prefix of image file names.
        price_source: The source of the price, for people.
        included: US dollars that the plan includes every `included_per`.
        asks_account: The account says what it includes; `included` is what the owner
            has set, or None.
        monthly_budget: The most this provider may cost a month, in US dollars; None
            if it has no limit of its own.
        credits_reset: Most services are prepaid, and a 402 remains until the owner
            pays.  The default probes after an hour, then two, up to a day.
        credits_probe: The interval of probes while credits are used up; None: never.
        timeout: Seconds for one image, from the request to the last byte.
        concurrency: Maximum of simultaneous calls.
        max_prompt: Maximum length of a prompt in characters; None if unlimited.
        supported_options: The options of "size", "seed", "steps" that are accepted.
        is_card: The provider renders cards: locally, free of charge.
        file_hosts: Hosts, or ".suffix" for all subdomains, from which finished
            files may be downloaded.
            A whole address (`http://nas:9000`) may be private, as `base_url`.
        is_own_server: The owner runs the server, which works on after a timeout.
        base_url: The base of all requests.  The owner has named it, so its files may
            be downloaded over plain http and from a private address.
    """

    name: str = ""
    label: str
    prefix: str
    price: Price = field(repr=False)
    price_source: str
    included: float | None = 0.0
    asks_account: bool = False
    included_per: Literal["month", "day"] = "month"
    monthly_budget: float | None = None
    credits_reset: CreditsReset = 3600.0
    credits_probe: timedelta | None = None
    timeout: float = 60.0
    concurrency: int = 4
    max_prompt: int | None = None
    supported_options: frozenset[str] = frozenset()
    is_card: bool = False
    is_own_server: bool = False
    file_hosts: tuple[str, ...] = ()
    base_url: str = ""

    @property
    def server(self) -> str:
        """What does the work: entries of one kind on one host of the owner share it."""
        if not self.is_own_server:
            return self.name
        return f"{self.prefix} on {urlsplit(self.base_url).hostname}"


#: How a card is arranged; "auto" chooses by the text.
CardLayout: TypeAlias = Literal[
    "auto", "statement", "quote", "list", "table", "event", "review", "versus"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class CardSettings:
    """`[card]` of the configuration: the look of a card.

    Colours are "#rrggbb", or None to choose one from the text.

    Attributes:
        tag: A small line at the foot, such as a brand name; empty for none.
        color: Colour of the text.
        accent: Colour of ornaments.
        font: Path of a TrueType or OpenType font to use before the bundled ones.
        logo: Path of a PNG, JPEG or WebP file for the foot.
        logo_dark: The same for dark backgrounds.
        layout: A text without the structure of the layout becomes a statement.
    """

    tag: str = ""
    background: str | None = None
    color: str | None = None
    accent: str | None = None
    font: str | None = None
    logo: str | None = None
    logo_dark: str | None = None
    layout: CardLayout = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSettings:
    """`[providers.NAME]` of the configuration with its token; None means the default.

    Times are in seconds, amounts in US dollars.

    Attributes:
        base_url: May have a user and a password.
        file_hosts: Further hosts of finished files; see `ProviderTraits`.
        account: The account id, for services that need it.
        extra: Merged into the request body, tables recursively.
        card: The look of a card, for the kind that renders it.
    """

    name: str
    kind: str
    token: str | None = field(default=None, repr=False)
    base_url: str | None = field(default=None, repr=False)
    file_hosts: tuple[str, ...] = ()
    hub_url: str | None = None
    model: str | None = None
    route: str | None = None
    endpoint: str | None = None
    account: str | None = None
    label: str | None = None
    timeout: float | None = None
    price: float | None = None
    included: float | None = None
    monthly_budget: float | None = None
    credits_reset: CreditsReset | None = None
    concurrency: int | None = None
    extra: Mapping[str, JsonValue] = field(default_factory=lambda: MappingProxyType({}))
    card: CardSettings = CardSettings()
