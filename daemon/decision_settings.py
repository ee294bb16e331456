"""The settings of the pure decisions.  No behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from daemon.notion.filters import Wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetLimits:
    """`[budget]` and `free_only`; None: no limit.

    Attributes:
        month: Dollars in a calendar month.
        day: Dollars in a day.
        per_post_day: Images of one post in a day.
        free_only: Make no call that is charged.
    """

    month: float | None
    day: float | None
    per_post_day: int | None
    free_only: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class InputSettings:
    """The settings that the inputs of an image depend on."""

    template: str
    style: str
    format: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The `[posts]` settings that the planner depends on.

    Attributes:
        settle: How long a text must be unchanged before its image is generated.
        on_edit: Whether an edit regenerates the image.
        only: Filter that a post must match for an automatic image.
        skip: Filter that excludes a post from automatic images; empty: none.
    """

    wait_after_edit: timedelta
    on_edit: Literal["keep", "regenerate"]
    only: Mapping[str, Wanted]
    skip: Mapping[str, Wanted]
