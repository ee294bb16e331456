"""What a refusal that is about one page means, and how often it is believed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from daemon.notion import sources
from daemon.notion.answers import Answer, Kind, about_upload
from daemon.notion.errors import (
    NotionError,
    PageUnreachableError,
    RefusedWriteError,
    UploadLostError,
)
from daemon.notion.model import Change, Urgency
from daemon.notion.wire import AnswerError, Wire

#: One 404 clears up within seconds; a second one after this pause is believed.
_NOT_FOUND_PAUSE = 5.0

T = TypeVar("T")


async def ask_twice_if_missing(
    wire: Wire, urgency: Urgency, send: Callable[[], Awaitable[T]]
) -> T:
    """Send a request about a page; a 404 about the page is asked once more.

    Raises:
        AnswerError, LostError, AwayError: As the request itself.
    """
    try:
        return await send()
    except AnswerError as error:
        # The sweep only asks about pages that Notion did not list: known twice.
        if not _is_missing_page(error.answer) or urgency is Urgency.SWEEP:
            raise
    await wire.sleep(_NOT_FOUND_PAUSE)
    return await send()


def _is_missing_page(answer: Answer) -> bool:
    return answer.kind is Kind.NOT_FOUND and not about_upload(answer.message)


def explain_page(answer: Answer) -> NotionError:
    """Return what a refusal to read a page means."""
    if _is_missing_page(answer):
        return PageUnreachableError(answer.message)
    return sources.about_row(answer)


def explain_write(answer: Answer, change: Change) -> NotionError:
    """Return what a refusal to write to a page means."""
    refused = answer.kind in {Kind.REFUSED, Kind.NOT_FOUND}
    # 400 or 404 about a file of ours: it is not ready yet, or lost; not the page.
    if refused and change.uploads and about_upload(answer.message):
        return UploadLostError(answer.message)
    if answer.kind is not Kind.REFUSED:
        return explain_page(answer)
    if change.image_only and change.keep:
        names = ", ".join(f"'{file.name}'" for file in change.keep)
        refused_write = RefusedWriteError(
            f"Notion does not let postbrush keep {names} beside the new image; "
            f"move it out of the column and tick again ({answer.message})"
        )
        refused_write.is_final = True
        return refused_write
    return RefusedWriteError(answer.message)
