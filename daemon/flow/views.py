"""The newest view of each page, and which pages our own writes are touching.

Every answer of Notion that holds a page is a view of it.  A poll's view is older
than it looks if a write of ours was under way or confirmed since its query was
sent; such a view is dropped.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from daemon.notion.model import Page

#: Pages that a job is about; 6 KB each.  What waited behind so many others is read
#: again.
_KEPT = 300
_MARKS_KEPT = 5000
#: Signed file URLs live for an hour; a write that repeats them must be younger.
FRESH = timedelta(minutes=50)


@dataclass(frozen=True, slots=True)
class View:
    page: Page
    at: datetime


class Views:
    """In memory only: after a restart the page is read when it matters."""

    def __init__(self) -> None:
        self._views: OrderedDict[str, View] = OrderedDict()
        self._serial = 0
        self._confirmed: OrderedDict[str, int] = OrderedDict()
        self._under_way: dict[str, int] = {}

    def mark(self) -> int:
        """Return the moment a query is sent, for `disturbed`."""
        return self._serial

    @contextmanager
    def writing(self, page_id: str) -> Iterator[None]:
        """Surround a write to a page."""
        self._under_way[page_id] = self._under_way.get(page_id, 0) + 1
        try:
            yield
        finally:
            self._under_way[page_id] -= 1
            if not self._under_way[page_id]:
                del self._under_way[page_id]
            self._serial += 1
            self._confirmed[page_id] = self._serial
            self._confirmed.move_to_end(page_id)
            if len(self._confirmed) > _MARKS_KEPT:
                self._confirmed.popitem(last=False)

    def disturbed(self, page_id: str, mark: int) -> bool:
        """Say whether a view from a query sent at *mark* may be out of date."""
        return page_id in self._under_way or self._confirmed.get(page_id, 0) > mark

    def put(self, page: Page, now: datetime) -> None:
        self._views[page.id] = View(page, now)
        self._views.move_to_end(page.id)
        if len(self._views) > _KEPT:
            self._views.popitem(last=False)

    def drop(self, page_id: str) -> None:
        """Forget a view: no job will ask for it."""
        self._views.pop(page_id, None)

    def fresh(self, page_id: str, now: datetime) -> Page | None:
        """Return the newest view if its file URLs are still good."""
        view = self._views.get(page_id)
        return view.page if view and now - view.at < FRESH else None
