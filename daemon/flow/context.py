"""What every step of the flow is given: one object, made by `daemon.app`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from providers.http import Studio
from structlog.stdlib import BoundLogger

from daemon.clock import Clock
from daemon.flow.inputs import Recipe
from daemon.flow.money import Limits
from daemon.flow.views import Views
from daemon.flow.wants import Rules
from daemon.notion.model import Door, Wanted
from db.engine import Database
from providers.base import Provider


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The settings of one source that its flow depends on.

    Attributes:
        source: Its name in the database.
        chain: Provider names, in order.
        hold: Posts a poll may queue by itself; 0: any number.
        replace_cards: How young a card must be to be replaced; None: off.
        fingerprints: Keyed hash of each provider's token and settings.
    """

    source: str
    rules: Rules
    recipe: Recipe
    limits: Limits
    chain: tuple[str, ...]
    hold: int
    tries: int
    on_refusal: Literal["fail", "next"]
    loading_wait: timedelta
    concurrency: int
    on_done: Mapping[str, Wanted]
    on_card: Mapping[str, Wanted] | None
    replace_cards: timedelta | None
    replacements_per_day: int
    cover: bool
    mark_ai: bool
    embed_prompt: bool
    reserve: int
    tag: str
    fingerprints: Mapping[str, str]


@dataclass(slots=True, kw_only=True)
class Flow:
    """The outside world and the settings, as the steps see them.

    Attributes:
        kick: Set by whatever may have made work; the work loop clears it.
        stopping: Set at SIGTERM: nothing more is claimed and every wait ends.
        decoding: Pictures are decoded one at a time; they are large.
    """

    plan: Plan
    db: Database
    door: Door
    studio: Studio
    providers: Mapping[str, Provider]
    images: Path
    clock: Clock
    log: BoundLogger
    views: Views = field(default_factory=Views)
    kick: asyncio.Event = field(default_factory=asyncio.Event)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    decoding: asyncio.Lock = field(default_factory=asyncio.Lock)

    def now(self) -> datetime:
        return self.clock.now()
