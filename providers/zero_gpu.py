"""What the Hub and a Space on ZeroGPU say: the daily quota, the Space's stage.  Pure.

Every answer of the Hub is optional: without one, the Space itself says what it thinks
of a call.

Sources: the Hub's OpenAPI and clients of `/api/spaces/zero-gpu/quota`; the texts are
those of the package `spaces` (`zero/client.py`), 2024 to November 2026.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from providers import outcomes
from providers.base import FollowUp, HttpCall, ProviderSettings, Response, Step
from providers.outcomes import OutOfCreditsError, ProviderError, QuotaUsedUpError
from providers.provider import OnError, Reader, raise_no_image
from providers.refusals import is_refusal
from providers.responses import error_text, is_html, parse_object, sanitize_text

_HUB = "https://huggingface.co"
_QUOTA_PATH = "/api/spaces/zero-gpu/quota"
_WAKING = frozenset({"SLEEPING", "BUILDING", "APP_STARTING"})
_STOPPED = frozenset(
    {
        *("PAUSED", "STOPPED", "DELETING", "NO_APP_FILE"),
        *("RUNTIME_ERROR", "BUILD_ERROR", "CONFIG_ERROR"),
    }
)
#: GPU seconds that a Space asks for unless it says otherwise (`spaces.GPU`).
DEFAULT_DURATION = 60.0
#: The quota returns 24 hours after its first use.
_MOST_SECONDS = timedelta(days=1).total_seconds()
_TAG = re.compile(r"<[^<>]{0,500}>")
_QUOTA = re.compile(
    r"exceeded your .{0,40}(?:quota|runs limit)|quotas? exceeded|"
    r"running out of .{0,40}quota|reached its gpu limit",
    re.IGNORECASE,
)
#: A call that the Space took for one without an account.
_ANONYMOUS = re.compile(
    r"create a free account|sign-?up on hugging ?face|authenticate with|"
    r"reached its gpu limit|unlogged",
    re.IGNORECASE,
)
_TOO_LONG = re.compile(r"larger than the maximum allowed", re.IGNORECASE)
#: The event is unknown, or its replica was stopped.
_LOST = re.compile(r"^404: not found|server stopped|session not found", re.IGNORECASE)
_TIME = re.compile(
    r"(?:try again|retry) in (?:(\d{1,2}) days?, )?(\d{1,3}):(\d{2}):(\d{2})",
    re.IGNORECASE,
)
_REQUESTED = re.compile(r"(\d{1,5})s requested", re.IGNORECASE)


class SpaceQuotaError(QuotaUsedUpError):
    """A Space refused a call because of the quota.

    Attributes:
        requested: The GPU seconds that the Space asked for, or None.
        is_anonymous: The Space took the call for one without an account.
    """

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message, status=status, seconds=_seconds_in(message))
        found = _REQUESTED.search(message)
        self.requested = float(found[1]) if found else None
        self.is_anonymous = _ANONYMOUS.search(message) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """What is left of an account's quota; None for what the Hub does not say.

    Attributes:
        seconds: GPU seconds that are left.
        runs: Runs that are left.
        resets_at: When all of `seconds` return.
        runs_reset_at: When `runs` return.
    """

    seconds: float | None = None
    runs: float | None = None
    resets_at: datetime | None = None
    runs_reset_at: datetime | None = None

    def describe(self) -> str:
        """Return "210 s of ZeroGPU time and 7 runs left today"; "": not known."""
        known = {"s of ZeroGPU time": self.seconds, "runs": self.runs}
        left = [
            f"{max(0.0, amount):.0f} {unit}"
            for unit, amount in known.items()
            if amount is not None
        ]
        return f"{' and '.join(left)} left today" if left else ""

    def shortage(self, duration: float) -> OutOfCreditsError | None:
        """Return the error if the quota is too small for *duration* GPU seconds."""
        if self.runs is not None and self.runs < 1:
            until = self.runs_reset_at or self.resets_at
            return OutOfCreditsError("no ZeroGPU runs are left today", until=until)
        if self.seconds is not None and self.seconds < duration:
            left = max(0.0, self.seconds)
            words = f"{left:.0f} s of ZeroGPU time left today, {duration:.0f} s needed"
            return OutOfCreditsError(words, until=self.resets_at)
        return None


def read_quota(answer: Mapping[str, Any]) -> Quota:
    """Return the quota of the Hub's *answer*, as far as it can be understood."""
    runs = answer.get("runs")
    runs = runs if isinstance(runs, dict) else {"remaining": runs}
    return Quota(
        seconds=_number(answer.get("current")),
        runs=_number(runs.get("remaining")),
        resets_at=_moment(answer.get("resetsAt")),
        runs_reset_at=_moment(runs.get("resetsAt")),
    )


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < 1e9 else None  # noqa: PLR2004 - no nan, no inf


def _moment(value: object) -> datetime | None:
    """Return a time that is given in ISO 8601, or as seconds or milliseconds."""
    try:
        if isinstance(value, str) and not value.strip().isdigit():
            moment = datetime.fromisoformat(value.strip())
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            return None
        seconds = float(value)
        if seconds > 1e11:  # noqa: PLR2004 - the year 5138, or milliseconds
            seconds /= 1000
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _seconds_in(text: str) -> float | None:
    found = _TIME.search(text)
    if found is None:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    total = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    return min(total.total_seconds(), _MOST_SECONDS) or None


def plain_text(text: str) -> str:
    """Return a Space's message without HTML, on one line."""
    return sanitize_text(html.unescape(_TAG.sub(" ", text[:2000])))


def quota_error(text: str, status: int | None = None) -> SpaceQuotaError | None:
    """Return the error if a Space's message is about the quota, else None."""
    text = plain_text(text)
    return SpaceQuotaError(text, status=status) if _QUOTA.search(text) else None


def stream_error(text: str) -> ProviderError:
    """Return what an `error` event means whose message is not about the quota."""
    text = plain_text(text)
    if not text:
        return outcomes.RemoteJobFailedError("the Space failed without a reason")
    if _LOST.search(text):
        return outcomes.RemoteJobLostError(text)
    if _TOO_LONG.search(text):
        return outcomes.BadRequestError(text)
    if is_refusal(text):
        return outcomes.PromptRefusedError(text)
    return outcomes.RemoteJobFailedError(text)


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
