"""Errors of requests about one page: translation, and the repetition of a 404."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from daemon.notion import sources
from daemon.notion.error_classes import ErrorClass, ErrorResponse, mentions_upload
from daemon.notion.errors import (
    NotionError,
    PageUnreachableError,
    UploadLostError,
    WriteRefusedError,
)
from daemon.notion.model import PageUpdate, Urgency
from daemon.notion.transport import ApiError, NotionTransport

#: Seconds before the second request.  A wrong 404 disappears within seconds.
_NOT_FOUND_PAUSE = 5.0

T = TypeVar("T")


async def retry_if_missing(
    wire: NotionTransport, urgency: Urgency, send: Callable[[], Awaitable[T]]
) -> T:
    """Send a request about a page, and repeat it once after a 404 about the page.

    Raises:
        ApiError, LostResponseError, NotionUnavailableError: From the request.
    """
    try:
        return await send()
    except ApiError as error:
        # A sweep reads pages that a query did not list, so one 404 is enough.
        if not _is_missing_page(error.answer) or urgency is Urgency.SWEEP:
            raise
    await wire.sleep(_NOT_FOUND_PAUSE)
    return await send()


def _is_missing_page(answer: ErrorResponse) -> bool:
    return answer.kind is ErrorClass.NOT_FOUND and not mentions_upload(answer.message)


def explain_read(answer: ErrorResponse) -> NotionError:
    """Return the error for a refusal to read a page."""
    if _is_missing_page(answer):
        return PageUnreachableError(answer.message)
    return sources.explain_item_refusal(answer)


def explain_write(answer: ErrorResponse, change: PageUpdate) -> NotionError:
    """Return the error for a refusal to write to a page."""
    refused = answer.kind in {ErrorClass.REFUSED, ErrorClass.NOT_FOUND}
    # The 400 or 404 is about a file upload that is not ready, or lost.
    if refused and change.uploads and mentions_upload(answer.message):
        return UploadLostError(answer.message)
    if answer.kind is not ErrorClass.REFUSED:
        return explain_read(answer)
    if change.image_only and change.keep:
        names = ", ".join(f"'{file.name}'" for file in change.keep)
        refused_write = WriteRefusedError(
            f"Notion does not let postbrush keep {names} beside the new image; "
            f"move it out of the column and tick again ({answer.message})"
        )
        refused_write.is_final = True
        return refused_write
    return WriteRefusedError(answer.message)
