"""The settings that the pure decisions depend on.  No behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from daemon.notion.filters import Wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetLimits:
    """`[budget]` and `free_only`; None: no limit.  Dollars, and images."""

    month: float | None
    day: float | None
    per_post_day: int | None
    free_only: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class InputSettings:
    """The settings that turn a page into inputs."""

    template: str
    style: str
    format: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The settings a decision depends on."""

    wait_after_edit: timedelta
    on_edit: Literal["keep", "regenerate"]
    only: Mapping[str, Wanted]
    skip: Mapping[str, Wanted]
