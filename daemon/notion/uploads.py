"""The life of a file upload: announced, sent, attached within the hour.

Notion API reference, "File uploads": single part up to 20 MiB; the content type
must be the same in both steps; the id is good for an hour until it is attached.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from daemon.config.notion_links import plain_id
from daemon.notion.answer_shapes import translate_shape_errors
from daemon.notion.error_classes import ErrorClass, ErrorResponse
from daemon.notion.errors import (
    NotionError,
    NotionUnavailableError,
    UploadLostError,
    UploadRefusedError,
)
from daemon.notion.model import Upload, Urgency
from daemon.notion.transport import ApiError, LostResponseError, NotionTransport

SINGLE_PART_LIMIT = 20 * 2**20
_TYPE = "image/png"
_TOO_LARGE = 413
_TRIES = 3

Explain = Callable[[ErrorResponse], NotionError]


async def create_upload(
    wire: NotionTransport, name: str, urgency: Urgency, explain: Explain
) -> Upload:
    """Announce a file; a lost answer leaves an empty upload that expires by itself.

    Raises:
        UploadRefusedError: Notion does not take such a file.
    """
    try:
        raw = await wire.send_with_retries(
            urgency,
            lambda client: client.file_uploads.create(
                mode="single_part", filename=name, content_type=_TYPE
            ),
        )
    except ApiError as error:
        raise _explain_refusal(error.answer, explain) from error
    return _to_upload(raw, "file_uploads.create")


async def send_upload(
    wire: NotionTransport,
    upload_id: str,
    name: str,
    data: bytes,
    *,
    urgency: Urgency,
    explain: Explain,
) -> Upload:
    """Send the bytes; when the answer is lost, it is looked up before it is repeated.

    Raises:
        UploadRefusedError: It expired, Notion does not know it, or it is too large.
    """
    # A tuple: bytes alone would not become a file part of the form.
    part = (name, data, _TYPE)
    for tried in range(_TRIES):
        try:
            raw = await wire.send_once(
                urgency, lambda client: client.file_uploads.send(upload_id, file=part)
            )
        except ApiError as error:
            raise _explain_refusal(error.answer, explain) from error
        except LostResponseError as error:
            # The same bytes are too many the next time, too.
            if error.answer.status == _TOO_LARGE:
                raise UploadRefusedError(error.answer.message) from error
            await wire.sleep(2.0**tried)
            found = await find_upload(wire, upload_id, urgency, explain)
            if found.usable:
                return found
            if not found.pending:
                break
        else:
            return _require_usable(_to_upload(raw, "file_uploads.send"))
    raise NotionUnavailableError("Notion is away: the file could not be sent")


async def find_upload(
    wire: NotionTransport, upload_id: str, urgency: Urgency, explain: Explain
) -> Upload:
    """Look an upload up.  Raises UploadLostError when there is none."""
    try:
        raw = await wire.send_with_retries(
            urgency, lambda client: client.file_uploads.retrieve(upload_id)
        )
    except ApiError as error:
        raise _explain_lookup(error.answer, explain) from error
    return _to_upload(raw, "file_uploads.retrieve")


def _explain_refusal(answer: ErrorResponse, explain: Explain) -> NotionError:
    if answer.kind in {ErrorClass.NOT_FOUND, ErrorClass.REFUSED}:
        return UploadRefusedError(answer.message)
    return explain(answer)


def _require_usable(upload: Upload) -> Upload:
    """Only a file that Notion says to have can be attached."""
    if upload.usable:
        return upload
    if upload.pending:
        raise NotionUnavailableError(
            "Notion took the file and says that it still waits for it"
        )
    raise UploadLostError("Notion took the file and says that the upload is over")


def _explain_lookup(answer: ErrorResponse, explain: Explain) -> NotionError:
    if answer.kind in {ErrorClass.NOT_FOUND, ErrorClass.REFUSED}:
        return UploadLostError(answer.message)
    return explain(answer)


def _to_upload(raw: Mapping[str, Any], endpoint: str) -> Upload:
    # An expired one has no expiry time either: only the status counts.
    with translate_shape_errors(endpoint):
        status = raw["status"]
        return Upload(
            id=plain_id(raw["id"]),
            pending=status == "pending",
            usable=status == "uploaded",
        )
