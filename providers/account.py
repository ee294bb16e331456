"""The account at Hugging Face: its credits, its rights, a refusal for lack of them.

Pure.  Hugging Face documents the paths, but not the shape of its billing answer, so
missing and new fields are tolerated: what cannot be read is not known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import quote

from providers.base import HttpCall, ProviderSettings, Response
from providers.breaker import CreditsVerdict
from providers.huggingface_routes import check_route
from providers.provider import Provider
from providers.responses import parse_object

_HUB = "https://huggingface.co"
#: Every routed request books so many US dollars until it is settled minutes later.
_PLACEHOLDER = 0.01
_NANO = 1e-9
#: A larger number of nano-dollars is not an amount of money.
_MAX_NANO = 10**18
#: The last moment of a month is sent as 23:59:59.999.
_LAST_MOMENT = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountUsage:
    """The credits of an account in the current period, in US dollars.

    Attributes:
        included: What the plan includes.
        used: Settled use, whatever paid for it.
        limit: Use beyond which the service refuses, set by the owner; None: not set.
        resets_at: When `used` begins at zero again; None: not stated.
    """

    included: float
    used: float
    limit: float | None = None
    resets_at: datetime | None = None


def judge_credits(
    usage: AccountUsage | None, price: float, *, just_refused: bool
) -> CreditsVerdict:
    """Return what the account's answer means while credits seem to be used up.

    Args:
        usage: None if the account could not be asked.
        price: US dollars of one image.
        just_refused: The service has refused a call just now (402); otherwise this is
            a later look.
    """
    # Not known: one probe after minutes, then the long pause.
    if usage is None:
        return CreditsVerdict.KEEP
    needed = usage.used + max(price, _PLACEHOLDER)
    has_credits = needed <= max(usage.included, usage.limit or 0.0)
    # Refused although credits are left: the placeholders of recent calls block them.
    if has_credits and just_refused:
        return CreditsVerdict.UNSETTLED
    # A later look finds credits: the owner has bought some, or raised the limit.
    if has_credits:
        return CreditsVerdict.TOPPED_UP
    # Refused, and nothing is left.
    if just_refused:
        return CreditsVerdict.USED_UP
    # A later look finds nothing: the pause has been right.
    return CreditsVerdict.KEEP


def read_usage(response: Response, now: datetime) -> AccountUsage | None:
    """Return the usage in Hugging Face's billing answer, or None if it has none.

    Source: the clients that use `usage-v2`; 1 nano-dollar is 1e-9 US dollars.
    """
    usage = parse_object(response).get("usage")
    entry = usage.get("inferenceProviders") if isinstance(usage, dict) else None
    if not isinstance(entry, dict):
        return None
    included = _read_dollars(entry.get("includedNanoUsd"))
    used = _read_dollars(entry.get("usedNanoUsd"))
    if included is None or used is None:
        return None
    return AccountUsage(
        included=included,
        used=used,
        # No limit is sent as 0.
        limit=_read_dollars(entry.get("limitNanoUsd")) or None,
        resets_at=_read_reset(entry.get("periodEnd"), now),
    )


def _read_dollars(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value * _NANO if 0 <= value < _MAX_NANO else None


def _read_reset(value: object, now: datetime) -> datetime | None:
    """Return the end of the period if it can be a reset: a first of a month (UTC).

    The service may send the end of our query instead.
    """
    try:
        end = datetime.fromisoformat(value if isinstance(value, str) else "")
        end = end.replace(tzinfo=end.tzinfo or UTC).astimezone(UTC)
        reset = (end + _LAST_MOMENT).replace(second=0, microsecond=0)
    except (ValueError, OverflowError):
        return None
    is_reset = reset == month_start_utc(reset)
    is_next = now < reset <= now + timedelta(days=32)
    return reset if is_reset and is_next else None


def next_month_utc(now: datetime) -> datetime:
    """Return the next first of a month, 00:00 UTC."""
    return (month_start_utc(now) + timedelta(days=32)).replace(day=1)


def month_start_utc(now: datetime) -> datetime:
    """Return the last first of a month, 00:00 UTC."""
    return now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


class TokenRight(StrEnum):
    """A right of a fine-grained token, by the name that the whoami answer has."""

    INFERENCE = "inference.serverless.write"
    BILLING = "user.billing.read"


#: The names of the rights on the page of the token.
RIGHT_LABELS: Mapping[TokenRight, str] = {
    TokenRight.INFERENCE: "Make calls to Inference Providers",
    TokenRight.BILLING: "Billing: read",
}


def missing_rights(response: Response, organization: str) -> tuple[TokenRight, ...]:
    """Return the rights that a token lacks, by Hugging Face's whoami answer.

    A classic token has every right of its role, and an answer that cannot be read
    lacks nothing: the calls themselves will show it.

    Args:
        organization: The organisation that pays; empty: the token's own account.
    """
    auth = parse_object(response).get("auth")
    token = auth.get("accessToken") if isinstance(auth, dict) else None
    if not isinstance(token, dict) or token.get("role") != "fineGrained":
        return ()
    granted = token.get("fineGrained")
    if not isinstance(granted, dict):
        return ()
    rights = set(_granted_rights(granted, organization.casefold()))
    # The name of an organisation's right to read its billing is not published.
    needed = [TokenRight.INFERENCE, *([] if organization else [TokenRight.BILLING])]
    return tuple(right for right in needed if right not in rights)


def _granted_rights(granted: Mapping[str, Any], organization: str) -> Iterable[str]:
    """Yield the rights that apply to every account, and those for the paying one."""
    if isinstance(everywhere := granted.get("global"), list):
        yield from (str(right) for right in everywhere)
    entries = granted.get("scoped")
    for entry in entries if isinstance(entries, list) else ():
        if not isinstance(entry, dict):
            continue
        entity, rights = entry.get("entity"), entry.get("permissions")
        is_other = isinstance(entity, dict) and (
            str(entity.get("name")).casefold() != organization
            if organization
            else entity.get("type") not in {None, "user"}
        )
        if isinstance(rights, list) and not is_other:
            yield from (str(right) for right in rights)


class HuggingFaceAccount(Provider):
    """What all kinds that use Hugging Face's router have in common."""

    def __init__(self, settings: ProviderSettings) -> None:
        super().__init__(settings)
        self._hub = (settings.hub_url or _HUB).rstrip("/")

    def _hub_may_see_token(self) -> bool:
        return self._settings.hub_url is None or self._settings.base_url is not None

    def token_check_call(self) -> HttpCall:
        """Return the free request for the owner of the token, to the Hub."""
        path = "/api/whoami-v2"
        return replace(self._api_call(path), url=f"{self._hub}{path}")

    def usage_call(self, now: datetime) -> HttpCall | None:
        """Return the free request for the credits of this month, to the Hub.

        None if the owner's own router may not pass its token on to the Hub.  Source:
        Hugging Face's OpenAPI.
        """
        if not self._hub_may_see_token():
            return None
        path = "/api/settings/billing/usage-v2"
        if self._settings.account:
            name = quote(self._settings.account, safe="")
            path = f"/api/organizations/{name}/billing/usage-v2"
        begin, end = int(month_start_utc(now).timestamp()), int(now.timestamp())
        query = f"?startDate={begin}&endDate={max(end, begin + 1)}"
        return replace(self._api_call(path), url=f"{self._hub}{path}{query}")

    def missing_rights(self, response: Response) -> tuple[TokenRight, ...]:
        """Return the rights that the token lacks, by the response to its check."""
        return missing_rights(response, self._settings.account or "")

    def raise_for_error(self, response: Response) -> None:
        """Return if the router's response is a good one, else raise what it means."""
        check_route(response)

    def _auth_headers(self) -> Mapping[str, str]:
        account = self._settings.account
        bill_to = {"X-HF-Bill-To": account} if account else {}
        return {**super()._auth_headers(), **bill_to}
