"""What the kinds of service have in common: their traits, and building requests."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, ClassVar, Literal

from providers import responses
from providers.base import (
    FollowUp,
    HttpCall,
    ImageRequest,
    JsonValue,
    ProviderTraits,
    Response,
    Step,
)
from providers.outcomes import ProviderError, UnavailableError
from providers.responses import ErrorRule, read_download
from providers.settings import ProviderSettings
from providers.sizes import RequestSize, target_size

_JOB_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
Price = Callable[[float], float]
Reader = Callable[[Response], Step]


def flat_price(dollars: float) -> Price:
    """Return a price that is the same for every image."""
    return lambda _megapixels: dollars


def price_per_megapixel(dollars: float) -> Price:
    """Return a price that grows with the image."""
    return lambda megapixels: dollars * megapixels


#: For what a service takes that says nothing certain about it.
UNKNOWN_PRICE = flat_price(0.01)
UNKNOWN_SOURCE = "not known for certain, so counted as $0.01"
FREE = flat_price(0.0)


def build_traits(
    settings: ProviderSettings,
    *,
    label: str,
    prefix: str,
    price: Price,
    price_source: str,
    base_url: str,
    included: float = 0.0,
    timeout: float = 60.0,
    concurrency: int = 4,
    credits_reset: Literal["monthly", "daily", "manual"] | float = 3600.0,
    **more: Any,  # noqa: ANN401 - the remaining fields of Traits
) -> ProviderTraits:
    """Return a kind's traits, the owner's settings over its defaults.

    Args:
        timeout: Seconds; 60 unless a kind has a reason.
        credits_reset: Most are prepaid, and a 402 stays until somebody pays: asked
            again after an hour, then two, up to a day.
    """
    own = settings.price
    return ProviderTraits(
        name=settings.name,
        label=settings.label or label,
        prefix=prefix,
        price=price if own is None else flat_price(own),
        price_source=price_source if own is None else "configuration",
        included=included if settings.included is None else settings.included,
        monthly_budget=settings.monthly_budget,
        credits_reset=settings.credits_reset or credits_reset,
        timeout=settings.timeout or timeout,
        concurrency=settings.concurrency or concurrency,
        base_url=(settings.base_url or base_url).rstrip("/"),
        **more,
    )


def raise_no_image(response: Response) -> Step:
    """Read the answer to a request that was not about an image."""
    raise UnavailableError("answered without an image", status=response.status)


def is_job_id(name: str) -> bool:
    """Say whether what a service calls a job can be part of a path."""
    return _JOB_ID.fullmatch(name) is not None


def with_fallback(
    call: HttpCall,
    error: type[ProviderError],
    otherwise: HttpCall,
    applies: Callable[[ProviderError], bool] = lambda _error: True,
) -> HttpCall:
    """Return *call*, followed by *otherwise* when its answer is that *error*."""

    def read(response: Response) -> Step:
        try:
            return call.read(response)
        except error as caught:
            if not applies(caught):
                raise
            return FollowUp(call=otherwise)

    return replace(call, read=read)


class BaseProvider:
    """The base of the kinds: a kind says what it sends and how it reads the answer.

    Attributes:
        spellings: The service's own ways of saying what is wrong.
    """

    spellings: ClassVar[tuple[ErrorRule, ...]] = ()

    def __init__(self, settings: ProviderSettings, traits: ProviderTraits) -> None:
        self._settings = settings
        self.traits = traits

    def supported_size(self, request: ImageRequest) -> RequestSize:
        """Return the size that is asked for; a kind that cannot do any, overrides."""
        return target_size(request)

    def dropped_options(self, request: ImageRequest) -> tuple[str, ...]:
        """Say in a few words each what of *order* will not be honoured."""
        asked = self.supported_size(request)
        lost = [one for one in ("seed", "steps") if one not in self.traits.honours]
        if asked != target_size(request):
            lost.append(f"size: {asked} is asked for")
        return tuple(lost)

    def resume(self, remote: str) -> HttpCall | None:
        """Return the call that goes on from a committed address or job id."""
        if remote.startswith(("https://", "http://")):
            return self._download_call(remote)
        return self._poll_call(remote) if is_job_id(remote) else None

    def _poll_call(self, name: str) -> HttpCall | None:
        """Return the call that asks for a job; most services have none."""
        del name
        return None

    def cancel(self, remote: str) -> HttpCall | None:
        """Nothing runs on at most services."""
        del remote
        return None

    def health_check_call(self) -> HttpCall | None:
        """Only a job can tell, unless it is the owner's own server."""
        return None

    def token_check_call(self) -> HttpCall | None:
        """Most services have no question that costs nothing."""
        return None

    def raise_for_error(self, response: Response) -> None:
        """Raise what *reply* means, unless it is a good one."""
        responses.raise_for_error(response, *self.spellings)

    def _with_error_check(self, read: Reader) -> Reader:
        def checked(response: Response) -> Step:
            self.raise_for_error(response)
            return read(response)

        return checked

    def _auth_headers(self) -> Mapping[str, str]:
        token = self._settings.token
        return {"Authorization": f"Bearer {token}"} if token else {}

    def _image_call(
        self,
        path: str,
        body: Mapping[str, JsonValue],
        read: Reader,
        headers: Mapping[str, str] | None = None,
    ) -> HttpCall:
        """Return the request for an image; the owner's `extra` goes into its body."""
        return HttpCall(
            method="POST",
            url=f"{self.traits.base_url}{path}",
            json=merge_body(body, self._settings.extra),
            headers={**self._auth_headers(), **(headers or {})},
            read=self._with_error_check(read),
            wants_image=True,
        )

    def _api_call(
        self,
        path: str,
        read: Reader = raise_no_image,
        method: Literal["GET", "POST", "PUT", "DELETE"] = "GET",
        **more: Any,  # noqa: ANN401 - the remaining fields of Call
    ) -> HttpCall:
        """Return any other request to the service itself."""
        return HttpCall(
            method=method,
            url=f"{self.traits.base_url}{path}",
            headers=self._auth_headers(),
            read=self._with_error_check(read),
            **more,
        )

    def _download_call(self, url: str) -> HttpCall:
        return HttpCall(method="GET", url=url, read=read_download, fetches=True)


def basic_auth_header(user_and_password: str) -> str:
    """Return the value of an Authorization header for "user:password"."""
    return f"Basic {base64.b64encode(user_and_password.encode()).decode()}"


def merge_body(
    body: Mapping[str, JsonValue], extra: Mapping[str, JsonValue]
) -> dict[str, JsonValue]:
    """Return *body* with *extra* over it, table by table."""
    both = dict(body)
    for key, value in extra.items():
        inner = both.get(key)
        if isinstance(value, dict) and isinstance(inner, dict):
            both[key] = merge_body(inner, value)
        else:
            both[key] = value
    return both
