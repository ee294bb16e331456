"""Errors of Notion's API, one class for each reaction to them.

NotionError
├── NotionUnavailableError
├── NoAccessError
│   └── SchemaOutdatedError
├── ItemRefusedError
├── PageGoneError
│   └── PageUnreachableError
├── RequestRejectedError
│   ├── WriteRefusedError
│   └── UploadRefusedError
└── UploadLostError
    └── UploadRefusedError
"""

from __future__ import annotations

from daemon.errors import PostbrushError


class NotionError(PostbrushError):
    """Base class.  The message is one line for people."""


class NotionUnavailableError(NotionError):
    """Notion is unavailable, and every attempt of one request has failed.

    Causes: no connection, 409, 429, 5xx, or a response that is not JSON.  The error
    says nothing about the page.
    """


class NoAccessError(NotionError):
    """401, 403, or 404 on the source.  The message says what to click in Notion."""


class SchemaOutdatedError(NoAccessError):
    """400 on a query, or a page without a known property: the schema has changed."""


class ItemRefusedError(NotionError):
    """Notion refuses one page or one file.  The source may still be accessible."""


class RequestRejectedError(NotionError):
    """Notion refuses a request of a job, which fails after the third such refusal."""


class PageGoneError(NotionError):
    """The page is in the trash, archived, or was moved out of the source."""


class PageUnreachableError(PageGoneError):
    """Two requests found no page (404), or a parent of the page is archived.

    The page was deleted or is no longer shared.  Queries may still list it.
    """


class WriteRefusedError(RequestRejectedError):
    """400 on a write after the schema was read again.  The message is Notion's own.

    Attributes:
        is_final: Whether only a person can correct the cause.  There is no retry.
    """

    def __init__(self, message: str, *, is_final: bool = False) -> None:
        super().__init__(message)
        self.is_final = is_final


class UploadLostError(NotionError):
    """The file upload expired, is unknown or cannot be attached; send it again."""


class UploadRefusedError(UploadLostError, RequestRejectedError):
    """Notion refuses a new file or its bytes with 400 or 404, or its bytes with 413."""
