"""File uploads: create, send the bytes, attach within an hour.

Source: Notion API reference, "File uploads".  A single part has at most 20 MiB.  The
content type must be the same in both steps.  The ID expires after an hour unless it is
attached.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from daemon.config.parsing import plain_id
from daemon.notion.answer_shapes import translate_shape_errors
from daemon.notion.error_classes import ErrorClass, ErrorResponse
from daemon.notion.errors import (
    NotionError,
    NotionUnavailableError,
    UploadLostError,
    UploadRefusedError,
)
from daemon.notion.model import Upload, Urgency
from daemon.notion.sources import explain_item_refusal
from daemon.notion.transport import ApiError, LostResponseError, NotionTransport

SINGLE_PART_LIMIT = 20 * 2**20
_TYPE = "image/png"
_TOO_LARGE = 413
_TRIES = 3


async def create_upload(wire: NotionTransport, name: str, urgency: Urgency) -> Upload:
    """Create a file upload.

    A lost answer leaves an empty upload at Notion, which expires automatically.

    Raises:
        UploadRefusedError: Notion does not accept such a file.
    """
    try:
        raw = await wire.send_with_retries(
            urgency,
            lambda client: client.file_uploads.create(
                mode="single_part", filename=name, content_type=_TYPE
            ),
        )
    except ApiError as error:
        raise _explain_refusal(error.answer) from error
    return _to_upload(raw, "file_uploads.create")


async def send_upload(
    wire: NotionTransport, upload_id: str, name: str, data: bytes, urgency: Urgency
) -> Upload:
    """Send the bytes of a PNG.  After a lost answer, look the upload up before a retry.

    Raises:
        UploadRefusedError: The upload expired, Notion does not know it, or the file
            is too large.
        UploadLostError: A look-up after a lost answer found no usable upload.
        NotionUnavailableError: Notion did not confirm the upload.
    """
    # Bytes without a tuple would not become a file part of the form.
    part = (name, data, _TYPE)
    for attempt in range(_TRIES):
        try:
            raw = await wire.send_once(
                urgency, lambda client: client.file_uploads.send(upload_id, file=part)
            )
        except ApiError as error:
            raise _explain_refusal(error.answer) from error
        except LostResponseError as error:
            # A repetition would send the same number of bytes.
            if error.answer.status == _TOO_LARGE:
                raise UploadRefusedError(error.answer.message) from error
            await wire.sleep(2.0**attempt)
            upload = await find_upload(wire, upload_id, urgency)
            if upload.usable:
                return upload
            if not upload.pending:
                break
        else:
            return _require_usable(_to_upload(raw, "file_uploads.send"))
    raise NotionUnavailableError("Notion is away: the file could not be sent")


async def find_upload(
    wire: NotionTransport, upload_id: str, urgency: Urgency
) -> Upload:
    """Return the state of an upload.  Raises UploadLostError if it is unknown."""
    try:
        raw = await wire.send_with_retries(
            urgency, lambda client: client.file_uploads.retrieve(upload_id)
        )
    except ApiError as error:
        if error.answer.kind in {ErrorClass.NOT_FOUND, ErrorClass.REFUSED}:
            raise UploadLostError(error.answer.message) from error
        raise explain_item_refusal(error.answer) from error
    return _to_upload(raw, "file_uploads.retrieve")


def _explain_refusal(answer: ErrorResponse) -> NotionError:
    if answer.kind in {ErrorClass.NOT_FOUND, ErrorClass.REFUSED}:
        return UploadRefusedError(answer.message)
    return explain_item_refusal(answer)


def _require_usable(upload: Upload) -> Upload:
    """Return an upload that can be attached, and raise an error for any other."""
    if upload.usable:
        return upload
    if upload.pending:
        raise NotionUnavailableError(
            "Notion took the file and says that it still waits for it"
        )
    raise UploadLostError("Notion took the file and says that the upload is over")


def _to_upload(raw: Mapping[str, Any], endpoint: str) -> Upload:
    # An expired upload has no expiry time, so only the status counts.
    with translate_shape_errors(endpoint):
        status = raw["status"]
        return Upload(
            id=plain_id(raw["id"]),
            pending=status == "pending",
            usable=status == "uploaded",
        )
