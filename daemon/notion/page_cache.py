"""The newest view of each page, and which pages our own writes are touching.

Every answer of Notion that holds a page is a view of it, and the newest counts.  A
view is out of date when it is applied if, since its request was sent, a write of ours
was under way or confirmed, or a view that was asked for later has been applied.
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
class CachedPage:
    page: Page
    at: datetime


class PageCache:
    """In memory only: after a restart the page is read when it matters."""

    def __init__(self) -> None:
        self._views: OrderedDict[str, CachedPage] = OrderedDict()
        self._serial = 0
        #: By page: a view that was asked for before is out of date.
        self._newest: OrderedDict[str, int] = OrderedDict()
        self._under_way: dict[str, int] = {}
        self._reading = 0

    def take_mark(self) -> int:
        """Return the moment a request is sent, for `is_outdated`."""
        self._serial += 1
        return self._serial

    @contextmanager
    def track_query(self) -> Iterator[int]:
        """Surround a query until its pages are applied; yields its `take_mark`."""
        self._reading += 1
        try:
            yield self.take_mark()
        finally:
            self._reading -= 1
            self._evict_marks()

    @contextmanager
    def track_write(self, page_id: str) -> Iterator[None]:
        """Surround a write to a page."""
        self._under_way[page_id] = self._under_way.get(page_id, 0) + 1
        try:
            yield
        finally:
            self._under_way[page_id] -= 1
            if not self._under_way[page_id]:
                del self._under_way[page_id]
            self.mark_applied(page_id, self.take_mark())

    def mark_applied(self, page_id: str, mark: int) -> None:
        """Note that a view from a request sent at *mark* counts from now on."""
        if mark > self._newest.get(page_id, 0):
            self._newest[page_id] = mark
            self._newest.move_to_end(page_id)
            self._evict_marks()

    def is_outdated(self, page_id: str, mark: int) -> bool:
        """Say whether a view from a request sent at *mark* may be out of date."""
        return page_id in self._under_way or self._newest.get(page_id, 0) > mark

    def _evict_marks(self) -> None:
        # What was noted while a query is under way still decides about its pages.
        while not self._reading and len(self._newest) > _MARKS_KEPT:
            self._newest.popitem(last=False)

    def put_page(self, page: Page, now: datetime) -> None:
        self._views[page.id] = CachedPage(page, now)
        self._views.move_to_end(page.id)
        if len(self._views) > _KEPT:
            self._views.popitem(last=False)

    def drop_page(self, page_id: str) -> None:
        """Forget a view: no job will ask for it."""
        self._views.pop(page_id, None)

    def get_fresh(self, page_id: str, now: datetime) -> Page | None:
        """Return the newest view if its file URLs are still good."""
        view = self._views.get(page_id)
        return view.page if view and now - view.at < FRESH else None
