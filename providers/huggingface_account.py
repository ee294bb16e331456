"""The free questions about a Hugging Face account, asked with its token at the Hub."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from urllib.parse import quote

from providers.account import TokenRight, missing_rights, month_start_utc
from providers.base import HttpCall, ProviderSettings, Response
from providers.provider import Provider

_HUB = "https://huggingface.co"


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

    def _auth_headers(self) -> Mapping[str, str]:
        account = self._settings.account
        bill_to = {"X-HF-Bill-To": account} if account else {}
        return {**super()._auth_headers(), **bill_to}
