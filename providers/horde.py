"""AI Horde: volunteers' machines, free, slow; anonymous images are shared publicly.

Protocol: AI-Horde's source (API v2).  A request is handed in, waited for by a
cheap question, and its image (WebP) fetched from where the volunteer left it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from providers.answers import Spelling
from providers.base import Again, Call, JsonValue, Order, Reply, Step
from providers.outcomes import (
    BadTokenError,
    RefusedError,
    RejectedError,
    RemoteFailedError,
    ThrottledError,
    UnavailableError,
)
from providers.plain import without_hashes, without_tags, without_weights
from providers.replies import as_object
from providers.results import at_or_in, without_image
from providers.service import FREE, Service, is_job_id, or_else, traits_of
from providers.settings import ProviderSettings
from providers.sizes import Size, within

_ANONYMOUS = "0000000000"
_AGENT = "postbrush:1:unknown"
_STEPS = 20
#: A megapixel, and what is let in without an account when the queue is long.
_PIXELS, _FEW_PIXELS = 1024 * 1024, 576 * 576
_LEAST_POLL, _MOST_POLL = 2.0, 15.0


class _TooLargeError(RejectedError):
    """More than an account without kudos may ask for now."""


class Horde(Service):
    """The provider kind `horde`."""

    spellings = (
        Spelling(means=_TooLargeError, status=403, words="kudosupfront"),
        Spelling(means=ThrottledError, status=403, words="timeoutip"),
        Spelling(means=BadTokenError, status=403),
        Spelling(means=RefusedError, status=400, words="corruptprompt"),
        # Nobody is there who could do it now, or nobody may.
        Spelling(means=UnavailableError, status=400, words="novalidworkers"),
        Spelling(means=UnavailableError, status=400, words="maintenancemode"),
    )

    def __init__(self, settings: ProviderSettings) -> None:
        super().__init__(
            settings,
            traits_of(
                settings,
                label="AI Horde",
                prefix="horde",
                price=FREE,
                price_source="volunteers",
                base_url="https://aihorde.net",
                # A request lives there for 10 to 20 minutes.
                timeout=600.0,
                concurrency=1,
                max_prompt=1000,
                honours=frozenset({"size", "seed", "steps"}),
                file_hosts=(".r2.cloudflarestorage.com",),
            ),
        )

    def size(self, order: Order) -> Size:
        """Return a megapixel of the order's shape, in steps of 64."""
        return within(order, _PIXELS, 64)

    def start(self, order: Order, now: datetime) -> Call:
        """Return the request that hands the work in."""
        del now
        smaller = self._request(order, within(order, _FEW_PIXELS, 64))
        return or_else(self._request(order, self.size(order)), _TooLargeError, smaller)

    def cancel(self, remote: str) -> Call | None:
        """Return the call that takes the request back."""
        if not is_job_id(remote):
            return None
        return self._ask(f"/api/v2/generate/status/{remote}", method="DELETE")

    def account(self) -> Call:
        """Ask whose key it is; the anonymous one is somebody, too."""
        return self._ask("/api/v2/find_user")

    def _headers(self) -> Mapping[str, str]:
        return {"apikey": self._settings.token or _ANONYMOUS, "Client-Agent": _AGENT}

    def _request(self, order: Order, size: Size) -> Call:
        words = without_weights(without_tags(without_hashes(order.prompt)))
        body: dict[str, JsonValue] = {
            "prompt": words,
            "params": {
                "width": size.width,
                "height": size.height,
                "steps": _STEPS,
                # A text there, not a number.
                "seed": str(order.seed),
                "n": 1,
            },
            "nsfw": False,
            "censor_nsfw": True,
            "r2": True,
            "shared": self._settings.token is None,
        }
        if self._settings.model:
            body["models"] = [self._settings.model]
        return self._order("/api/v2/generate/async", body, self._handed_in)

    def _look(self, name: str) -> Call:
        return self._ask(
            f"/api/v2/generate/check/{name}",
            lambda reply: self._seen(name, reply),
            waits=True,
        )

    def _handed_in(self, reply: Reply) -> Step:
        name = str(as_object(reply).get("id") or "")
        if not is_job_id(name):
            raise without_image(reply)
        return Again(call=self._look(name), seconds=_LEAST_POLL, remote=name)

    def _seen(self, name: str, reply: Reply) -> Step:
        data = as_object(reply)
        if data.get("faulted"):
            raise RemoteFailedError("the volunteer's machine failed")
        if data.get("is_possible") is False:
            raise RemoteFailedError("nobody there can do it")
        if data.get("done"):
            finished = self._ask(
                f"/api/v2/generate/status/{name}", self._finished, waits=True
            )
            return Again(call=finished)
        return Again(call=self._look(name), seconds=_pause(data.get("wait_time")))

    def _finished(self, reply: Reply) -> Step:
        made = as_object(reply).get("generations")
        first = made[0] if isinstance(made, list) and made else None
        if not isinstance(first, dict):
            raise RemoteFailedError("it ended without an image")
        if first.get("censored"):
            raise RefusedError("its filter censored the image")
        return at_or_in(first.get("img"), self._fetch, remember=False)


def _pause(wait: object) -> float:
    """Return how long to leave it alone, by how long it says it will take."""
    half = wait / 2 if isinstance(wait, int | float) else _LEAST_POLL
    return min(_MOST_POLL, max(_LEAST_POLL, half))
