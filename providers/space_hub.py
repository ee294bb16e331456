"""What the Hub knows about a Space's user and the Space: quota and stage.  Pure.

Every answer is optional: without one, the Space itself says what it thinks of a call.
"""

from __future__ import annotations

from dataclasses import dataclass

from providers import outcomes
from providers.base import FollowUp, HttpCall, ProviderSettings, Response, Step
from providers.outcomes import OutOfCreditsError, ProviderError, QuotaUsedUpError
from providers.provider import OnError, Reader, raise_no_image
from providers.responses import error_text, is_html, parse_object
from providers.zero_gpu import read_quota

_HUB = "https://huggingface.co"
_QUOTA_PATH = "/api/spaces/zero-gpu/quota"
_WAKING = frozenset({"SLEEPING", "BUILDING", "APP_STARTING"})
_STOPPED = frozenset(
    {
        *("PAUSED", "STOPPED", "DELETING", "NO_APP_FILE"),
        *("RUNTIME_ERROR", "BUILD_ERROR", "CONFIG_ERROR"),
    }
)


@dataclass(frozen=True, slots=True)
class SpaceHub:
    """Builds the requests to the Hub for one Space, "owner/name"."""

    settings: ProviderSettings
    space: str

    @property
    def is_asked(self) -> bool:
        """Whether the Hub knows the Space: an own server, named alone, is not there."""
        return self.settings.base_url is None or self.settings.hub_url is not None

    @property
    def knows_account(self) -> bool:
        """Whether the Hub can be asked for the quota.

        A mirror of the Hub, named alone, is not trusted with the token.
        """
        is_mirror = self.settings.hub_url is not None and self.settings.base_url is None
        return self.is_asked and bool(self.settings.token) and not is_mirror

    def token_check_call(self) -> HttpCall | None:
        """Return the request for the quota, for which the Hub rejects a wrong token."""
        return self._call(_QUOTA_PATH) if self.knows_account else None

    def quota_call(self, duration: float, next_call: HttpCall) -> HttpCall:
        """Return the request for the quota before an image.

        Too small a quota is out of credits without a call that might be charged.

        Args:
            duration: The GPU seconds that the Space asks for.
            next_call: Sent if the quota suffices or is not known.
        """

        def read(response: Response) -> Step:
            if response.status == 401 and not is_html(response):  # noqa: PLR2004 - unauthorized
                raise outcomes.UnauthorizedError(error_text(response), status=401)
            if (shortage := _shortage(response, duration)) is not None:
                raise shortage
            return FollowUp(call=next_call)

        def on_error(error: ProviderError) -> FollowUp:
            if isinstance(error, OutOfCreditsError | outcomes.UnauthorizedError):
                raise error
            return FollowUp(call=next_call)

        return self._call(_QUOTA_PATH, read, on_error)

    def refusal_call(self, duration: float, error: OutOfCreditsError) -> HttpCall:
        """Return the request for the quota's reset after a refusal; raises always."""

        def read(response: Response) -> Step:
            shortage = _shortage(response, duration)
            raise QuotaUsedUpError(
                str(error),
                status=error.status,
                seconds=error.seconds,
                until=shortage.until if shortage else None,
            )

        return self._call(_QUOTA_PATH, read, _or_else(error))

    def stage_call(self, error: ProviderError) -> HttpCall:
        """Return the request for the Space's stage after an *error*; raises always."""

        def read(response: Response) -> Step:
            runtime = parse_object(response).get("runtime")
            stage = runtime.get("stage") if isinstance(runtime, dict) else None
            # The failed request has woken it; that takes minutes.
            if stage in _WAKING:
                words = f"the Space {self.space} is starting ({stage})"
                raise outcomes.ModelLoadingError(words, status=error.status)
            # Only its owner can start it again.
            if stage in _STOPPED:
                words = f"the Space {self.space} is not running ({stage})"
                raise outcomes.NotFoundError(words, status=error.status)
            raise error

        return self._call(f"/api/spaces/{self.space}", read, _or_else(error))

    def _call(
        self, path: str, read: Reader = raise_no_image, on_error: OnError | None = None
    ) -> HttpCall:
        hub = (self.settings.hub_url or _HUB).rstrip("/")
        headers = (
            {"Authorization": f"Bearer {self.settings.token}"}
            if self.knows_account
            else {}
        )
        return HttpCall(
            method="GET",
            url=f"{hub}{path}",
            headers=headers,
            read=read,
            on_error=on_error,
        )


def _shortage(response: Response, duration: float) -> OutOfCreditsError | None:
    is_good = response.status == 200  # noqa: PLR2004 - OK
    return read_quota(parse_object(response) if is_good else {}).shortage(duration)


def _or_else(original: ProviderError) -> OnError:
    """Return what raises the verdict of a reader, or the original error without one."""

    def on_error(error: ProviderError) -> FollowUp:
        is_verdict = isinstance(
            error,
            OutOfCreditsError | outcomes.ModelLoadingError | outcomes.NotFoundError,
        )
        raise error if is_verdict else original

    return on_error
