"""What goes wrong at Notion, by what is done about it."""

from __future__ import annotations

from daemon.errors import PostbrushError


class NotionError(PostbrushError):
    """Something Notion said, in one line for people."""


class NotionUnavailableError(NotionError):
    """Notion is away, and the patience for one request is used up.

    Unreachable, 409, 429, 5xx, or an answer that is not JSON: says nothing of the
    page.
    """


class NoAccessError(NotionError):
    """401, 403, or 404 on the source: what to click is in the message."""


class SchemaOutdatedError(NoAccessError):
    """400 at a query, or a page without a property: they have changed since."""


class ItemRefusedError(NotionError):
    """A refusal about one page or one file: says nothing of the source."""


class RequestRejectedError(NotionError):
    """What we sent is refused: the third time in the same words, the job ends."""


class PageGoneError(NotionError):
    """The page is in the trash, archived, or was moved out of the source."""


class PageUnreachableError(PageGoneError):
    """404 on a page, twice, or no write is allowed although nothing shows why.

    It was deleted or is no longer shared; a query may list it all the same.
    """


class WriteRefusedError(RequestRejectedError):
    """400 on a write, after the schema was read again: Notion's own sentence.

    Attributes:
        is_final: Only a person can mend it: no other try is made.
    """

    is_final = False


class UploadLostError(NotionError):
    """The file upload expired, is unknown or cannot be attached: send it again."""


class UploadRefusedError(UploadLostError, RequestRejectedError):
    """400 or 404 to a new file or its bytes, 413 to its bytes."""
