"""Notion's answers to a sweep, held up so that something happens before they count."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from daemon.notion.api import NotionApi
from daemon.notion.model import Page, Schema

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

    door: NotionApi
    meanwhile: Happens = _nothing
    shows: Shows = lambda page: page
    windows: int = field(default=0)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the door has
        return getattr(self.door, name)

    async def iterate_page_batches(
        self, schema: Schema
    ) -> AsyncIterator[tuple[Sequence[Page], bool]]:
        async for pages, has_more in self.door.iterate_page_batches(schema):
            self.windows += 1
            await self.meanwhile(self.windows)
            yield [self.shows(page) for page in pages], has_more
