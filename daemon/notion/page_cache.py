"""The newest view of each page, and the pages that postbrush is writing to.

Every response with a page is a view of it.  A view is outdated if, since its request
was sent, postbrush wrote to the page, or applied a view that was requested later.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from daemon.notion.model import Page

#: 6 KB each; a page that was dropped is read again.
_VIEWS_KEPT = 300
_MARKS_KEPT = 5000
#: Signed file URLs expire after an hour; a write must repeat younger ones.
_FRESH = timedelta(minutes=50)


class PageCache:
    """Holds views in memory; after a restart each page is read when it is needed."""

    def __init__(self) -> None:
        #: Each page with the time when it was read, the newest last.
        self._views: OrderedDict[str, tuple[Page, datetime]] = OrderedDict()
        self._last_mark = 0
        #: The mark of each page's newest view or write; older views are outdated.
        self._newest: OrderedDict[str, int] = OrderedDict()
        #: The number of writes under way to each page.
        self._writes: Counter[str] = Counter()
        self._queries = 0

    def take_mark(self) -> int:
        """Return a mark of the present moment, for `is_outdated`."""
        self._last_mark += 1
        return self._last_mark

    @contextmanager
    def track_query(self) -> Iterator[int]:
        """Yield a mark for a query; leave the context when its pages are applied."""
        self._queries += 1
        try:
            yield self.take_mark()
        finally:
            self._queries -= 1
            self._evict_marks()

    @contextmanager
    def track_write(self, page_id: str) -> Iterator[None]:
        """Make views of a page outdated during a write, and until the write's end."""
        self._writes[page_id] += 1
        try:
            yield
        finally:
            self._writes[page_id] -= 1
            self._writes = +self._writes  # Without the pages at 0.
            self.mark_applied(page_id, self.take_mark())

    def mark_applied(self, page_id: str, mark: int) -> None:
        """Record that a view from a request sent at *mark* has been applied."""
        if mark > self._newest.get(page_id, 0):
            self._newest[page_id] = mark
            self._newest.move_to_end(page_id)
            self._evict_marks()

    def is_outdated(self, page_id: str, mark: int) -> bool:
        """Return whether a view from a request sent at *mark* may be outdated."""
        return page_id in self._writes or self._newest.get(page_id, 0) > mark

    def _evict_marks(self) -> None:
        # A query under way still needs the marks set since it was sent.
        while not self._queries and len(self._newest) > _MARKS_KEPT:
            self._newest.popitem(last=False)

    def put_page(self, page: Page, now: datetime) -> None:
        """Store the newest view of a page."""
        self._views[page.id] = page, now
        self._views.move_to_end(page.id)
        if len(self._views) > _VIEWS_KEPT:
            self._views.popitem(last=False)

    def drop_page(self, page_id: str) -> None:
        """Remove the view of a page that no job needs."""
        self._views.pop(page_id, None)

    def get_fresh(self, page_id: str, now: datetime) -> Page | None:
        """Return the newest view if its file URLs are valid for ten minutes or more."""
        page, read_at = self._views.get(page_id, (None, now))
        return page if now - read_at < _FRESH else None
