"""What passes between the daemon and an image service.  Standard library only.

A provider builds requests and reads replies; it never sends, sleeps, retries or
logs.  `start` gives the first `HttpCall` (or, for the card, the image itself); each
`HttpCall` names the function that reads its reply, and reading gives a
`GeneratedImage` or `FollowUp` (the next call, after a pause) or raises one of::

    ProviderError
    ├── OutOfCreditsError   no money there: next provider, rests until the reset
    ├── LoadingError        the model is being loaded: wait, ask the same again
    ├── ThrottledError      too fast: wait, ask the same again
    ├── TimedOutError       no answer in time: next provider, may have been billed
    ├── UnavailableError    unreachable, 5xx, a 200 without an image: next provider
    ├── UnusableError       an image that cannot be decoded or is a bomb: next provider
    ├── BadTokenError       401 or a 403 about the token: rests until it changes
    ├── GoneError           model or route no longer served: rests for a day
    ├── RefusedError        moderation: says something of the prompt, not the service
    ├── BlankError          a blank or single-colour image: treated as refused
    ├── RejectedError       any other 400/422: our mistake, asks to be reported
    └── RemoteFailedError   the remote job failed: next provider
        └── LostError       it cannot be found any more, or its image: the same

Only the answer to a request *for an image* moves a breaker: its own reply, or how
the remote job it began ended.  Whatever else goes wrong while a remote job is
waited for or fetched is asked again until the deadline, or is a `LostError`.
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
    """One image wanted.

    Attributes:
        prompt: What to paint, already cut to the service's limit.
        words: The post's own words, which the card letters; never the prompt.
        width: Pixels of the finished image; a service that cannot do it is asked
            for the nearest size that covers it.
        height: Likewise.
        seed: Drawn fresh for every image, 0 to 2**31 - 1.
    """

    prompt: str
    words: str
    width: int
    height: int
    seed: int


@dataclass(frozen=True, slots=True)
class Response:
    """What came back: status, headers with lower-case names, the whole body."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratedImage:
    """Bytes that claim to be an image, not yet decoded.

    Attributes:
        data: As received.
        seed: The seed the service reports, when it does; else None.
        model: The model that answered, as the service names it, when it says so.
    """

    data: bytes = field(repr=False)
    seed: int | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpCall:
    """One HTTP request and the function that reads its reply.

    Attributes:
        read: Sees every reply whose status the sender does not handle itself.
        wants_image: Whether this is the request for an image: only its answer
            moves the breaker, and only it is preceded by a committed attempt.
        failed: For a request whose failure does not matter (the Hub's list of
            routes): what to do instead when it could not be made.
        fetches: The request fetches a finished file from wherever the service put
            it: no token, https only, public addresses, the provider's file hosts.
        waits: It asks how a remote job is getting on, and can be asked again.
    """

    method: Literal["GET", "POST", "PUT", "DELETE"]
    url: str
    read: Callable[[Response], Step]
    json: JsonValue = None
    headers: Mapping[str, str] = field(default_factory=lambda: NO_HEADERS, repr=False)
    wants_image: bool = False
    failed: Callable[[ProviderError], Step] | None = None
    fetches: bool = False
    waits: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """Not yet: send `call` after `seconds`.

    Attributes:
        remote: A job id or result URL to be committed before `call` is sent, from
            which `Provider.resume` can go on after a crash.
    """

    call: HttpCall
    seconds: float = 0.0
    remote: str | None = None


Step: TypeAlias = GeneratedImage | FollowUp


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderTraits:
    """What a provider is, says and can honour; the same for its whole life.

    Attributes:
        name: The entry's name in the configuration and the chain.
        label: For people: "Hugging Face FLUX", "Card".
        prefix: Of the file names it makes.
        price: US dollars for one image of the requested width and height, as a
            function of the megapixels asked for.
        price_source: Where the price comes from, for people.
        included: Dollars that cost nothing every `included_per`.
        monthly_budget: Dollars a month this provider may cost; None: no own cap.
        credits_reset: "monthly", "daily", "manual" or seconds, doubling to a day.
        credits_probe: How often to ask anyway while credits are out; None: never.
        timeout: Seconds for one image, from the request to the last byte.
        concurrency: Calls at once.
        max_prompt: Characters; None when unlimited.
        honours: Of "size", "seed", "steps": what is not in it is dropped.
        is_card: The card: free, always works, made here.
        file_hosts: Hosts, or ".suffix" for all below one, from which finished
            files may be fetched.
        base_url: Where requests go; the one origin whose files may be fetched over
            plain http and from a private address, since the owner named it.
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
    """One image service, as one small file builds and reads it."""

    @property
    def traits(self) -> ProviderTraits: ...

    def start(self, request: ImageRequest, now: datetime) -> HttpCall | GeneratedImage:
        """Return the first call for *order*, or the image itself (the card).

        Raises:
            ProviderError: The order cannot be carried out by this provider.
        """

    def dropped_options(self, request: ImageRequest) -> tuple[str, ...]:
        """Say in a few words each what of *order* will not be honoured."""

    def resume(self, remote: str) -> HttpCall | None:
        """Return the call that asks for the result of an earlier `FollowUp.remote`."""

    def cancel(self, remote: str) -> HttpCall | None:
        """Return the call that stops the remote job, if the service has one."""

    def health_check_call(self) -> HttpCall | None:
        """Return a cheap call that any good answer to shows the server to be up.

        For the owner's own servers: after an outage they are greeted, not tried out
        on a job.  None: only a job can tell.
        """

    def token_check_call(self) -> HttpCall | None:
        """Return a call that costs nothing and shows whether the token is good."""

    def raise_for_error(self, response: Response) -> None:
        """Raise what *reply* means, by status and text, unless it is a good one.

        Raises:
            ProviderError: One that says what to do.
        """
