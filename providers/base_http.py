"""The base class of the kinds of image service: traits and requests."""

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
from providers.sizes import RequestSize

_JOB_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
Price = Callable[[float], float]
Reader = Callable[[Response], Step]


def flat_price(dollars: float) -> Price:
    """Return a price that is the same for every image, in US dollars."""
    return lambda _megapixels: dollars


def price_per_megapixel(dollars: float) -> Price:
    """Return a price in proportion to the image's megapixels, in US dollars."""
    return lambda megapixels: dollars * megapixels


FREE = flat_price(0.0)


def raise_no_image(response: Response) -> Step:
    """Read the response to a request that is not for an image.

    Raises:
        UnavailableError: Always.
    """
    raise UnavailableError("answered without an image", status=response.status)


def is_job_id(text: str) -> bool:
    """Return True if *text* can be a job id in a path: 1 to 128 of A-Za-z0-9_-."""
    return _JOB_ID.fullmatch(text) is not None


def with_fallback(
    call: HttpCall,
    error: type[ProviderError],
    otherwise: HttpCall,
    applies: Callable[[ProviderError], bool] = lambda _error: True,
) -> HttpCall:
    """Return *call*, which *otherwise* follows if its response means *error*.

    Args:
        applies: Decides whether *otherwise* follows that particular error.
    """

    def read(response: Response) -> Step:
        try:
            return call.read(response)
        except error as caught:
            if not applies(caught):
                raise
            return FollowUp(call=otherwise)

    return replace(call, read=read)


class BaseProvider:
    """The base class of the kinds, which add their requests and readers.

    Attributes:
        error_rules: The service's own spellings of errors.
    """

    error_rules: ClassVar[tuple[ErrorRule, ...]] = ()

    def __init__(
        self,
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
        **more: Any,  # noqa: ANN401 - the remaining fields of ProviderTraits
    ) -> None:
        """Set the kind's traits, which the owner's settings override.

        Args:
            settings: The owner's settings.
            price: US dollars as a function of megapixels.
            included: US dollars that the plan includes.
            timeout: Seconds.
            credits_reset: Most services are prepaid, and a 402 remains until the
                owner pays.  The default probes after an hour, then two, up to a day.
        """
        self._settings = settings
        own = settings.price
        self.traits = ProviderTraits(
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

    def supported_size(self, request: ImageRequest) -> RequestSize:
        """Return the size to request; kinds with restrictions override this."""
        return RequestSize(width=request.width, height=request.height)

    def dropped_options(self, request: ImageRequest) -> tuple[str, ...]:
        """Return the options of *request* that will be ignored, in a few words each."""
        size, honours = self.supported_size(request), self.traits.honours
        dropped = [option for option in ("seed", "steps") if option not in honours]
        if (size.width, size.height) != (request.width, request.height):
            dropped.append(f"size: {size} is asked for")
        return tuple(dropped)

    def resume(self, remote: str) -> HttpCall | None:
        """Return the call that continues from a committed URL or job id, or None."""
        if remote.startswith(("https://", "http://")):
            return self._download_call(remote)
        return self._poll_call(remote) if is_job_id(remote) else None

    def _poll_call(self, job_id: str) -> HttpCall | None:
        """Return the call that polls a job; most services have no jobs."""
        del job_id
        return None

    def cancel(self, remote: str) -> HttpCall | None:
        """Return the call that cancels the remote job, or None if there is none."""
        return self._cancel_call(remote) if is_job_id(remote) else None

    def _cancel_call(self, job_id: str) -> HttpCall | None:
        """Return the call that cancels a job; most services have no jobs."""
        del job_id
        return None

    def health_check_call(self) -> HttpCall | None:
        """Return None: only a job shows whether a hosted service is up."""
        return None

    def token_check_call(self) -> HttpCall | None:
        """Return None: most services have no free request that needs the token."""
        return None

    def raise_for_error(self, response: Response) -> None:
        """Return if *response* is a good one, else raise the ProviderError it means."""
        responses.raise_for_error(response, *self.error_rules)

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
        """Return the request for an image, with the owner's `extra` in its body."""
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
        **more: Any,  # noqa: ANN401 - the remaining fields of HttpCall
    ) -> HttpCall:
        """Return any other request to the service."""
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
    """Return the value of a Basic Authorization header for "user:password"."""
    return f"Basic {base64.b64encode(user_and_password.encode()).decode()}"


def merge_body(
    body: Mapping[str, JsonValue], extra: Mapping[str, JsonValue]
) -> dict[str, JsonValue]:
    """Return *body* overridden by *extra*; tables are merged recursively."""
    merged = dict(body)
    for key, value in extra.items():
        inner = merged.get(key)
        if isinstance(value, dict) and isinstance(inner, dict):
            merged[key] = merge_body(inner, value)
        else:
            merged[key] = value
    return merged
