"""The state of the pretend Hugging Face: its account, its model, what it served."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from daemon.pretend.chat import FakeChat
from daemon.pretend.errors import Fault, FaultQueue

#: The model that its partners serve.
MODEL = "black-forest-labs/FLUX.1-schnell"
#: US dollars of an image, as far as the account is concerned.
_PRICE = 0.0035
#: US dollars that the owner buys at a time.
_TOP_UP = 10.0
_NANO = 1_000_000_000


@dataclass(slots=True)
class FakeAccount:
    """The account, and the rights of its token; amounts in US dollars.

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


@dataclass(frozen=True, slots=True)
class ServedRequest:
    """One request for an image and the status of its response; `size` in pixels."""

    at: datetime
    route: str
    status: int
    prompt: str
    seed: int | None
    size: tuple[int, int]


@dataclass(slots=True)
class FakeHuggingFace:
    """The state of the pretend service.

    Attributes:
        credits: Images that the credits pay for; None for any number.
        loading_every: Number of images after which the model is unloaded; 0 for never.
        fetched: Names of the finished files that were fetched.
        routes: Model id at each partner that serves the model.
        hub_is_up: Whether the Hub answers; otherwise it responds with 503.
        painted: Number of images generated; each was charged.
        changed: Called after every change that the board shows.
        loaded_at: When the model is loaded; None if it is loaded from the start.
    """

    now: Callable[[], datetime]
    token: str
    credits: int | None = None
    seconds_per_image: float = 0.0
    loading_every: int = 0
    loading_seconds: float = 8.0
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    faults: FaultQueue = field(default_factory=FaultQueue)
    served: list[ServedRequest] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)
    routes: Mapping[str, str] = field(
        default_factory=lambda: {"nscale": MODEL, "fal-ai": "fal-ai/flux/schnell"}
    )
    hub_is_up: bool = True
    changed: Callable[[], None] = lambda: None
    loaded_at: datetime | None = None
    files: dict[str, bytes] = field(default_factory=dict)
    painted: int = 0
    account: FakeAccount = field(default_factory=FakeAccount)
    chat: FakeChat = field(default_factory=FakeChat)

    def add_credits(self, images: int) -> None:
        """Add credits for *images* images."""
        self.credits = (self.credits or 0) + images
        self.account.give_back(images)
        self.changed()

    def spend_all(self) -> None:
        """Use up all credits."""
        self.credits = 0
        self.changed()

    def unload_model(self) -> None:
        """Unload the model, so that it loads for `loading_seconds` from now."""
        self.loaded_at = self.now() + timedelta(seconds=self.loading_seconds)
        self.changed()

    @property
    def loading_left(self) -> float:
        """Seconds until the model is there."""
        if self.loaded_at is None:
            return 0.0
        return max(0.0, (self.loaded_at - self.now()).total_seconds())

    def inject_fault(self, match: str = "POST", times: int = 1, **what: Any) -> None:  # noqa: ANN401 - fields of Fault
        """Inject a fault for the next *times* matching requests; see `Fault`."""
        self.faults.add(Fault(match=match, **what), times)
