"""Notion's answers to a sweep, held up so that something happens before they count."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from daemon.notion.model import NotionClient, Page, Schema
from daemon.notion.query_position import QueryPosition

Happens = Callable[[int], Awaitable[None]]
Shows = Callable[[Page], Page]


async def _nothing(_window: int) -> None:
    """Nothing happens."""


@dataclass(slots=True)
class HeldUp:
    """A door whose answers to a sweep are late, or show pages as they were.

    Attributes:
        meanwhile: Awaited after an answer was read and before it is applied.
        shows: What the sweep is shown instead of a page.
        windows: Answers so far.
    """

    door: NotionClient
    meanwhile: Happens = _nothing
    shows: Shows = lambda page: page
    windows: int = field(default=0)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the door has
        return getattr(self.door, name)

    async def fetch_page_batch(
        self, schema: Schema, *, after: QueryPosition | None
    ) -> tuple[Sequence[Page], QueryPosition | None]:
        pages, position = await self.door.fetch_page_batch(schema, after=after)
        self.windows += 1
        await self.meanwhile(self.windows)
        return [self.shows(page) for page in pages], position
