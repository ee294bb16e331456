"""The account at the pretend Hugging Face: its credits, and the rights of its token.

Paths and shapes are those that Hugging Face's own clients read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from aiohttp import web

#: US dollars of an image, as far as the account is concerned.
_PRICE = 0.0035
#: US dollars that the owner buys at a time.
_TOP_UP = 10.0
_NANO = 1_000_000_000


@dataclass(slots=True)
class FakeAccount:
    """The state of the account; amounts in US dollars.

    Attributes:
        included: What the plan includes a month.
        used_elsewhere: What other programs have used this month.
        limit: The spending limit that the owner has set; 0: none.
        settled_images: How many of the images are in the figures; None: all.
        rights: The rights of a fine-grained token; None: a classic token.
        usage_requests: Number of requests for the credits.
        whoami_requests: Number of requests for the owner of the token.
    """

    included: float = 2.0
    used_elsewhere: float = 0.0
    limit: float = 0.0
    settled_images: int | None = None
    rights: Sequence[str] | None = None
    usage_requests: int = 0
    whoami_requests: int = 0

    def has_right(self, right: str) -> bool:
        """Return whether the token has a right; a classic token has them all."""
        return self.rights is None or right in self.rights

    def leave_for(self, images: int) -> None:
        """Have all but the credits for *images* images used elsewhere."""
        self.used_elsewhere = max(0.0, self.included - images * _PRICE)

    def give_back(self, images: int) -> None:
        """Count the credits for *images* images as not used."""
        self.used_elsewhere = max(0.0, self.used_elsewhere - images * _PRICE)

    def usage_answer(
        self, images: int, credits_left: int | None, now: datetime
    ) -> dict[str, Any]:
        """Return the billing answer.

        Args:
            images: Number of images generated.
            credits_left: Images that the credits pay for; None: any number.
        """
        settled = images if self.settled_images is None else self.settled_images
        used, limit = self.used_elsewhere + settled * _PRICE, self.limit
        if credits_left == 0 and self.settled_images is None:
            used = max(used, self.included, limit)
        elif credits_left and used >= max(self.included, limit):
            limit = used + _TOP_UP
        start = now.astimezone(UTC).replace(
            day=1, hour=0, minute=0, second=0, microsecond=0
        )
        end = (start + timedelta(days=32)).replace(day=1)
        return {
            "usage": {
                "inferenceProviders": {
                    "usedNanoUsd": round(used * _NANO),
                    "includedNanoUsd": round(self.included * _NANO),
                    "limitNanoUsd": round(limit * _NANO),
                    "numRequests": images,
                    "periodStart": start.isoformat().replace("+00:00", "Z"),
                    "periodEnd": end.isoformat().replace("+00:00", "Z"),
                }
            }
        }

    def whoami_answer(self) -> dict[str, Any]:
        """Return the owner of the token and the token's rights."""
        token: dict[str, Any] = {"displayName": "postbrush", "role": "read"}
        if self.rights is not None:
            scoped = [right for right in self.rights if right.startswith("user.")]
            entity = {"type": "user", "name": "demo"}
            token |= {
                "role": "fineGrained",
                "fineGrained": {
                    "canReadGatedRepos": False,
                    "global": [r for r in self.rights if not r.startswith("user.")],
                    "scoped": [{"entity": entity, "permissions": scoped}],
                },
            }
        return {
            "type": "user",
            "name": "demo",
            "isPro": self.included > 0,
            "canPay": False,
            "orgs": [],
            "auth": {"type": "access_token", "accessToken": token},
        }


class AccountHost(Protocol):
    """What the paths of the account need of the pretend Hugging Face."""

    token: str
    credits: int | None
    hub_is_up: bool
    painted: int
    account: FakeAccount

    @property
    def now(self) -> Callable[[], datetime]:
        """Return the clock."""


def add_account_routes(app: web.Application, hub: AccountHost) -> None:
    """Add the paths of the Hub that answer questions about the account."""
    account = hub.account

    def has_valid_token(request: web.Request) -> bool:
        return request.headers.get("Authorization") == f"Bearer {hub.token}"

    async def serve_whoami(request: web.Request) -> web.Response:
        account.whoami_requests += 1
        if not has_valid_token(request):
            return error_response(401, "Invalid username or password.")
        return web.json_response(account.whoami_answer())

    async def serve_usage(request: web.Request) -> web.Response:
        account.usage_requests += 1
        if not has_valid_token(request):
            return error_response(401, "Invalid username or password.")
        if not hub.hub_is_up:
            return web.Response(status=503, text="Service Unavailable")
        if not account.has_right("user.billing.read"):
            return error_response(403, "Forbidden")
        answer = account.usage_answer(hub.painted, hub.credits, hub.now())
        return web.json_response(answer)

    app.router.add_get("/api/whoami-v2", serve_whoami)
    for owner in ("settings", "organizations/{org}"):
        app.router.add_get(f"/api/{owner}/billing/usage-v2", serve_usage)


def error_response(status: int, message: str) -> web.Response:
    """Return an error as Hugging Face sends it."""
    return web.json_response({"error": message}, status=status)
