"""A text-to-image Space of Hugging Face on ZeroGPU: free within a daily quota.

Protocol: Gradio's HTTP API (`gradio_api`).  An image takes up to five requests: the
account's quota, the Space's description (once a day), the call, which returns the id
of an event, the event's stream, which ends with the address of the file, and the file.

The token goes to the Space as `X-HF-Authorization`, as from Hugging Face's own client
(gradio_client 2.7): their proxy reads it, and the Space's code does not get it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from providers import gradio_api, outcomes, responses, zero_gpu
from providers.base import (
    FollowUp,
    HttpCall,
    ImageRequest,
    ImageSize,
    ProviderSettings,
    ProviderTraits,
    Response,
    Step,
)
from providers.job_provider import job_id_in
from providers.outcomes import OutOfCreditsError
from providers.provider import Provider, Reader
from providers.request_fitting import RequestSize, flat_price
from providers.zero_gpu import SpaceHub, SpaceQuotaError

_MODEL = "black-forest-labs/FLUX.1-schnell"
_DAY = timedelta(days=1)
_PART = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,95}"
_SPACE_NAME = re.compile(f"{_PART}/{_PART}")
#: What is committed of an event: the path of its stream.
_EVENT = re.compile(r"(/gradio_api|)/call/[A-Za-z0-9_.-]{1,100}/([A-Za-z0-9_-]{1,128})")
#: The size of the image if the Space does not let one choose it: most models' own.
_OWN_SIZE = RequestSize(width=1024, height=1024)
_OLD_SPACE = "the Space did not see the token, it is probably outdated"


class Space(Provider):
    """The provider kind `space`."""

    defaults = ProviderTraits(
        label="Hugging Face Space",
        prefix="space",
        price=flat_price(0.0),
        price_source="within a daily quota",
        included_per="day",
        # Up to a minute in ZeroGPU's queue, then the image.  A stop waits for it, and
        # systemd for the stop (TimeoutStopSec).
        timeout=90.0,
        concurrency=1,
        max_prompt=2000,
        supported_options=frozenset({"size", "seed", "steps"}),
    )

    def __init__(self, settings: ProviderSettings) -> None:
        super().__init__(settings)
        self._space = settings.model or _MODEL
        own = f"https://{gradio_api.space_host(self._space)}"
        self.traits = replace(self.traits, base_url=self.traits.base_url or own)
        self._hub = SpaceHub(settings, self._space)
        is_default = self._space == _MODEL
        # None until the Space's description was read.
        self._endpoint = gradio_api.FLUX_SCHNELL if is_default else None
        self._read_at: datetime | None = None
        # The GPU seconds that the Space asks for.
        self._duration = zero_gpu.DEFAULT_DURATION
        self._is_reported_outdated = False

    def supported_size(self, request: ImageSize) -> RequestSize:
        """Return the nearest size that the Space accepts, or the size of its own."""
        endpoint = self._endpoint
        if endpoint is None or not endpoint.accepts("width", "height"):
            return _OWN_SIZE
        return endpoint.fit_size(request)

    def dropped_options(self, request: ImageRequest) -> tuple[str, ...]:
        """Return the options of *request* that the Space ignores, once it is known."""
        if (endpoint := self._endpoint) is None:
            return ()
        options = {"seed": "seed", "steps": "num_inference_steps"}
        dropped = [name for name, key in options.items() if not endpoint.accepts(key)]
        size = self.supported_size(request)
        if not endpoint.accepts("width", "height"):
            dropped.append("size: the Space chooses it")
        elif (size.width, size.height) != (request.width, request.height):
            dropped.append(f"size: {size} is asked for")
        return tuple(dropped)

    def start(self, request: ImageRequest, now: datetime) -> HttpCall:
        """Return the request for the account's quota, which decides on the others.

        Raises:
            NotFoundError: `model` is not the name of a Space.
        """
        if not _SPACE_NAME.fullmatch(self._space):
            raise outcomes.NotFoundError(
                f'model = "{self._space}" is not a Space: write "owner/name"'
            )
        is_read = self._read_at is not None and now - self._read_at < _DAY
        if self._endpoint is not None and is_read:
            call = self._image_call_for(request, self._endpoint)
        else:
            call = self._description_call("/gradio_api", request, now)
        if not self._hub.knows_account:
            return call
        return self._hub.quota_call(self._duration, call)

    def resume(self, remote_id: str) -> HttpCall | None:
        """Return the call that continues from a committed event or file, or None."""
        is_event = _EVENT.fullmatch(remote_id)
        return self._stream_call(remote_id) if is_event else super().resume(remote_id)

    def cancel(self, remote_id: str) -> HttpCall | None:
        """Return the call that takes an event out of the Space's queue, or None."""
        if (event := _EVENT.fullmatch(remote_id)) is None:
            return None
        # An event that was called without a session is its own session.
        body = {"session_hash": event[2], "fn_index": 0, "event_id": event[2]}
        return self._api_call(f"{event[1]}/cancel", method="POST", json=body)

    def token_check_call(self) -> HttpCall | None:
        """Return the free request for the quota to the Hub, if the Hub is asked."""
        return self._hub.token_check_call()

    def describe_quota(self, response: Response) -> str:
        """Return what the Hub says is left of the account's quota."""
        return zero_gpu.read_quota(responses.parse_object(response)).describe()

    def _auth_headers(self) -> Mapping[str, str]:
        token = self._settings.token
        return {"X-HF-Authorization": f"Bearer {token}"} if token else {}

    def _space_call(
        self,
        path: str,
        read: Reader,
        **more: Any,  # noqa: ANN401 - as for _api_call
    ) -> HttpCall:
        """Return a request to the Space whose reader gets every response."""
        return replace(self._api_call(path, **more), read=read)

    def _description_call(
        self, prefix: str, request: ImageRequest, now: datetime
    ) -> HttpCall:
        def read(response: Response) -> Step:
            # Gradio 4 has its paths at the top.
            if response.status == 404 and prefix and not responses.is_html(response):  # noqa: PLR2004 - not found
                return FollowUp(call=self._description_call("", request, now))
            if (step := self._failure_step(response)) is not None:
                return step
            endpoint = gradio_api.find_endpoint(
                responses.parse_object(response), prefix, self._settings.extra
            )
            if endpoint is None:
                raise outcomes.NotFoundError(
                    f"the Space {self._space} offers no endpoint that makes an image "
                    "of a prompt alone: name another Space in `model`"
                )
            self._endpoint, self._read_at = endpoint, now
            return FollowUp(call=self._image_call_for(request, endpoint))

        return self._space_call(f"{prefix}/info", read)

    def _image_call_for(
        self, request: ImageRequest, endpoint: gradio_api.Endpoint
    ) -> HttpCall:
        return self._space_call(
            endpoint.path,
            lambda response: self._read_started(response, endpoint),
            method="POST",
            json={"data": endpoint.arguments(request, self._settings.extra)},
            is_image_request=True,
        )

    def _read_started(self, response: Response, endpoint: gradio_api.Endpoint) -> Step:
        step = self._failure_step(response, is_image_request=True)
        if step is not None:
            return step
        if not (event_id := job_id_in(response, "event_id")):
            raise responses.missing_image_error(response)
        event = f"{endpoint.path}/{event_id}"
        return FollowUp(call=self._stream_call(event), remote_id=event)

    def _failure_step(
        self, response: Response, *, is_image_request: bool = False
    ) -> FollowUp | None:
        """Return None for a good response, else what to ask the Hub about it.

        Raises:
            ProviderError: The response says it all.
        """
        try:
            self.raise_for_error(response)
        except outcomes.ProviderError as error:
            refusal = zero_gpu.quota_error(
                responses.error_text(response), response.status
            )
            if refusal is not None:
                return self._after_refusal(refusal)
            if isinstance(error, OutOfCreditsError):
                return self._after_refusal(error)
            # The Space sleeps, has changed, or is gone.
            if isinstance(error, outcomes.UnavailableError | outcomes.NotFoundError):
                self._read_at = None
                if self._hub.is_asked:
                    failure = _unread(response) if is_image_request else None
                    return FollowUp(call=self._hub.stage_call(failure or error))
            raise
        return None

    def _after_refusal(self, error: OutOfCreditsError) -> FollowUp:
        """Return the request for the reset of the quota.

        Raises:
            OutOfCreditsError: The account's quota does not matter, or is not known.
        """
        if isinstance(error, SpaceQuotaError):
            self._duration = error.requested or self._duration
            if error.is_anonymous and self._settings.token:
                raise error if self._is_reported_outdated else self._note(error)
        if not self._hub.knows_account:
            raise error
        return FollowUp(call=self._hub.refusal_call(self._duration, error))

    def _note(self, error: SpaceQuotaError) -> SpaceQuotaError:
        self._is_reported_outdated = True
        return SpaceQuotaError(f"{_OLD_SPACE}: {error}", status=error.status)

    def _stream_call(self, event: str) -> HttpCall:
        return self._space_call(
            event,
            lambda response: self._read_stream(response, event),
            is_poll=True,
            is_stream=True,
        )

    def _read_stream(self, response: Response, event: str) -> Step:
        if response.status != 200 or responses.is_html(response):  # noqa: PLR2004 - OK
            self.raise_for_error(response)
        for name, data in reversed(gradio_api.read_events(response)):
            if name == "complete":
                return self._follow_file(data, event)
            if name == "error":
                return self._read_failure(data)
        raise outcomes.UnavailableError("the Space's answer ended without a result")

    def _read_failure(self, data: object) -> FollowUp:
        if isinstance(data, dict):
            data = data.get("error") or data.get("title")
        text = data if isinstance(data, str) else ""
        if (refusal := zero_gpu.quota_error(text)) is not None:
            return self._after_refusal(refusal)
        raise zero_gpu.stream_error(text)

    def _follow_file(self, outputs: object, event: str) -> Step:
        """Return the download of the first file, at the Space's own host."""
        file = gradio_api.find_file(outputs)
        if file is None:
            raise outcomes.RemoteJobFailedError("the Space ended without an image")
        url, path = file.get("url"), file.get("path")
        base = self.traits.base_url
        is_own = isinstance(url, str) and url.startswith((f"{base}/", "data:"))
        # Behind a proxy a Space may not know its own address.
        if not is_own and isinstance(path, str) and path.startswith("/"):
            prefix = event.partition("/call/")[0]
            url = f"{base}{prefix}/file={quote(path, errors='replace')}"
        seed = gradio_api.find_seed(outputs)
        return responses.follow_url(url, lambda target: self._file_call(target, seed))

    def _file_call(self, url: str, seed: int | None) -> HttpCall:
        return replace(
            self._download_call(url),
            read=lambda response: replace(responses.read_download(response), seed=seed),
        )


def _unread(response: Response) -> outcomes.InvalidImageError | None:
    """Return the error that a 2xx means which is a web page; see `charges`."""
    if not responses.is_html(response) or response.status >= 300:  # noqa: PLR2004 - a good one
        return None
    words = "answered with a web page"
    return outcomes.InvalidImageError(words, status=response.status)
