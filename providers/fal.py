"""fal.ai, FLUX.1-schnell: a request is queued, waited for, and its image fetched.

Protocol: fal's queue API and client 1.0.  The request's id is committed before it
is waited for; status and result stand below the app's name, without what follows
it in the model's (`fal-ai/flux`, not `fal-ai/flux/schnell`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from providers.answers import Spelling
from providers.base import Again, Call, JsonValue, Order, Reply, Step
from providers.outcomes import (
    GoneError,
    LoadingError,
    OutOfCreditsError,
    ProviderError,
    RefusedError,
    RemoteFailedError,
    TimedOutError,
)
from providers.replies import as_object, error_text
from providers.results import Fetch, at, without_image
from providers.service import Service, is_job_id, per_megapixel, traits_of
from providers.settings import ProviderSettings
from providers.sizes import Size, fitting

MODEL = "fal-ai/flux/schnell"
FILE_HOSTS = ("fal.media", ".fal.media")
_POLL_SECONDS = 1.0
_WAITING = frozenset({"IN_QUEUE", "IN_PROGRESS"})
_OK = 200


def fal_body(order: Order, size: Size) -> dict[str, JsonValue]:
    """Return the input of FLUX.1-schnell as fal runs it."""
    return {
        "prompt": order.prompt,
        "image_size": {"width": size.width, "height": size.height},
        "num_inference_steps": 4,
        "seed": order.seed,
        "num_images": 1,
        "output_format": "png",
    }


def read_fal(reply: Reply, fetch: Fetch, *, remember: bool = True) -> Step:
    """Read `{"images": [{"url"}], "has_nsfw_concepts": [...]}`.

    Raises:
        ProviderError: There is no image in it, or one its filter has blackened.
    """
    data = as_object(reply)
    flagged = data.get("has_nsfw_concepts")
    if isinstance(flagged, list) and any(flagged):
        raise RefusedError("its filter flagged the image")
    images = data.get("images")
    first = images[0] if isinstance(images, list) and images else None
    if not isinstance(first, dict):
        raise without_image(reply)
    return at(first.get("url"), fetch, remember=remember)


class Fal(Service):
    """The provider kind `fal`."""

    spellings = (
        Spelling(means=OutOfCreditsError, status=403, words="exhausted balance"),
        Spelling(means=LoadingError, words="runner_scheduling_failure"),
        Spelling(means=LoadingError, words="startup_timeout"),
        Spelling(means=TimedOutError, words="request_timeout"),
        Spelling(means=RefusedError, words="content_policy_violation"),
        Spelling(means=GoneError, status=404, words="application"),
    )

    def __init__(self, settings: ProviderSettings) -> None:
        super().__init__(
            settings,
            traits_of(
                settings,
                label="fal FLUX",
                prefix="fal",
                # What a new account may have at once.
                concurrency=2,
                price=per_megapixel(0.003),
                price_source="fal's price per megapixel",
                base_url="https://queue.fal.run",
                max_prompt=2000,
                honours=frozenset({"size", "seed", "steps"}),
                file_hosts=FILE_HOSTS,
            ),
        )
        self._model = settings.model or MODEL
        self._app = "/".join(self._model.split("/")[:2])

    def size(self, order: Order) -> Size:
        """Return a size in steps of 16."""
        return fitting(order, 16)

    def start(self, order: Order, now: datetime) -> Call:
        """Return the request that queues the work."""
        del now
        return self._order(
            f"/{self._model}", fal_body(order, self.size(order)), self._queued
        )

    def cancel(self, remote: str) -> Call | None:
        """Return the call that cancels the request."""
        if not is_job_id(remote):
            return None
        return self._ask(f"/{self._app}/requests/{remote}/cancel", method="PUT")

    def _headers(self) -> Mapping[str, str]:
        token = self._settings.token
        return {"Authorization": f"Key {token}"} if token else {}

    def _look(self, name: str) -> Call:
        return self._ask(
            f"/{self._app}/requests/{name}/status",
            lambda reply: self._seen(name, reply),
            waits=True,
        )

    def _queued(self, reply: Reply) -> Step:
        name = str(as_object(reply).get("request_id") or "")
        # A proxy that answers at once, as fal.run itself does.
        if not is_job_id(name):
            return read_fal(reply, self._fetch)
        return Again(call=self._look(name), seconds=_POLL_SECONDS, remote=name)

    def _seen(self, name: str, reply: Reply) -> Step:
        data = as_object(reply)
        status = str(data.get("status") or "")
        if status in _WAITING:
            return Again(call=self._look(name), seconds=_POLL_SECONDS)
        if status != "COMPLETED":
            raise without_image(reply)
        # Not through `check`: an error here is how the work ended, not the asking.
        result = Call(
            method="GET",
            url=f"{self.traits.base_url}/{self._app}/requests/{name}",
            headers=self._headers(),
            read=self._result,
            waits=True,
        )
        return Again(call=result)

    def _result(self, reply: Reply) -> Step:
        if reply.status == _OK:
            return read_fal(reply, self._fetch, remember=False)
        try:
            self.check(reply)
        except RefusedError:
            raise
        # The same words as for asking, but said of work that was done.
        except ProviderError as error:
            raise _ended(error, reply) from error
        raise without_image(reply)


def _ended(error: ProviderError, reply: Reply) -> ProviderError:
    if isinstance(error, TimedOutError):
        return error
    return RemoteFailedError(error_text(reply), status=reply.status)
