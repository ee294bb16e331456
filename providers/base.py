"""The interface between the daemon and an image service.  Standard library only.

A provider builds requests and reads responses.  It does not send, sleep, retry or
log.  `start` returns the first `HttpCall` (or, for the card, the image itself).  Each
`HttpCall` names the function that reads its response.  That function returns a
`GeneratedImage` or a `FollowUp` (the next call, after a pause), or raises one of::

    ProviderError
    ├── OutOfCreditsError     next provider; paused until the credits are reset
    ├── ModelLoadingError     wait, then call the same provider again
    ├── RateLimitedError      wait, then call the same provider again
    ├── TimedOutError         no response in time: next provider; may be charged
    ├── UnavailableError      unreachable, 5xx, a 200 without an image: next provider
    ├── InvalidImageError     undecodable image or decompression bomb: next provider
    ├── UnauthorizedError     401, or a 403 about the token: paused until it changes
    ├── NotFoundError         model or route no longer served: paused for a day
    ├── PromptRefusedError    moderation: about the prompt, not about the service
    ├── BlankImageError       a blank or single-colour image: treated as a refusal
    ├── BadRequestError       any other 400/422: our mistake, logged for a report
    └── RemoteJobFailedError  the remote job failed: next provider
        └── RemoteJobLostError  the job or its image no longer exists: next provider

Only the response to a request *for an image*, or the end of the remote job it
started, moves a breaker.  Any other error while a remote job is polled or its image
downloaded is retried until the deadline, or becomes a `RemoteJobLostError`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Literal, Protocol, TypeAlias

from providers.outcomes import ProviderError

JsonValue: TypeAlias = (
    "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"
)

NO_HEADERS: Mapping[str, str] = MappingProxyType({})


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
    """Bytes that claim to be an image, not yet decoded.

    Attributes:
        data: The bytes as received.
        seed: The seed that the provider reports, or None.
        model: The model that the provider reports, or None.
    """

    data: bytes = field(repr=False)
    seed: int | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpCall:
    """One HTTP request and the function that reads its response.

    Attributes:
        read: Reads every response but a redirect.  Raises ProviderError.
        wants_image: This is the request for an image.  Only its response moves the
            breaker, and only before it is an attempt committed.
        failed: Returns the next step if an optional request (the Hub's list of
            routes) fails.
        fetches: The request downloads a finished file: without token, only https,
            only public addresses, only the provider's file hosts.
        waits: The request polls a remote job and can be repeated.
    """

    method: Literal["GET", "POST", "PUT", "DELETE"]
    url: str
    read: Callable[[Response], Step]
    json: JsonValue = None
    headers: Mapping[str, str] = field(default_factory=lambda: NO_HEADERS, repr=False)
    wants_image: bool = False
    failed: Callable[[ProviderError], FollowUp] | None = None
    fetches: bool = False
    waits: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """The image is not ready: send `call` after `seconds`.

    Attributes:
        remote: A job id or result URL that is committed before `call` is sent.
            `Provider.resume` continues from it after a crash.
    """

    call: HttpCall
    seconds: float = 0.0
    remote: str | None = None


Step: TypeAlias = GeneratedImage | FollowUp


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderTraits:
    """The constant properties and capabilities of a provider.

    Attributes:
        name: The entry's name in the configuration and the chain.
        label: The name for people: "Hugging Face FLUX", "Card".
        prefix: The prefix of image file names.
        price: US dollars for one image, as a function of the requested megapixels.
        price_source: The source of the price, for people.
        included: US dollars that the plan includes every `included_per`.
        monthly_budget: The most this provider may cost a month, in US dollars; None
            if it has no limit of its own.
        credits_reset: "monthly", "daily", "manual" or seconds, doubling to a day.
        credits_probe: The interval of probes while credits are used up; None: never.
        timeout: Seconds for one image, from the request to the last byte.
        concurrency: Maximum of simultaneous calls.
        max_prompt: Maximum length of a prompt in characters; None if unlimited.
        honours: The options of "size", "seed", "steps" that the service accepts.
        is_card: The provider renders cards: locally, free of charge.
        file_hosts: Hosts, or ".suffix" for all subdomains, from which finished
            files may be downloaded.
        base_url: The base of all requests.  The owner has named it, so its files may
            be downloaded over plain http and from a private address.
    """

    name: str
    label: str
    prefix: str
    price: Callable[[float], float] = field(repr=False)
    price_source: str
    included: float = 0.0
    included_per: Literal["month", "day"] = "month"
    monthly_budget: float | None = None
    credits_reset: Literal["monthly", "daily", "manual"] | float = 3600.0
    credits_probe: timedelta | None = None
    timeout: float = 60.0
    concurrency: int = 4
    max_prompt: int | None = None
    honours: frozenset[str] = frozenset()
    is_card: bool = False
    file_hosts: tuple[str, ...] = ()
    base_url: str = ""


class Provider(Protocol):
    """Builds the requests of one image service and reads its responses."""

    @property
    def traits(self) -> ProviderTraits:
        """The properties of the provider."""

    def start(self, request: ImageRequest, now: datetime) -> HttpCall | GeneratedImage:
        """Return the first call for *request*, or the image itself (the card).

        Raises:
            ProviderError: This provider cannot serve the request.
        """

    def dropped_options(self, request: ImageRequest) -> tuple[str, ...]:
        """Return the options of *request* that will be ignored, in a few words each."""

    def resume(self, remote: str) -> HttpCall | None:
        """Return the call that continues from an earlier `FollowUp.remote`, or None."""

    def cancel(self, remote: str) -> HttpCall | None:
        """Return the call that cancels the remote job, or None if there is none."""

    def health_check_call(self) -> HttpCall | None:
        """Return a cheap call whose good response shows that the server is up.

        The owner's servers have one, so that no job is tried on a server that is
        down.  None if only a job can tell.
        """

    def token_check_call(self) -> HttpCall | None:
        """Return a free call that shows whether the token is valid, or None."""

    def raise_for_error(self, response: Response) -> None:
        """Return if *response* is a good one, else raise what it means.

        Raises:
            ProviderError: Its class, by status and text, says what to do.
        """
