"""File uploads: create, send the bytes, attach within an hour.

Source: Notion API reference, "File uploads".  A single part has at most 20 MiB.  The
content type must be the same in both steps.  The ID expires after an hour unless it is
attached.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from daemon.config.parsing import plain_id
from daemon.notion.errors import (
    NotionError,
    NotionUnavailableError,
    UploadLostError,
    UploadRefusedError,
)
from daemon.notion.model import Upload, Urgency
from daemon.notion.responses import (
    ErrorClass,
    ErrorResponse,
    explain_item_refusal,
    translate_shape_errors,
)
from daemon.notion.transport import ApiError, LostResponseError, NotionTransport

SINGLE_PART_LIMIT = 20 * 2**20
_TYPE = "image/png"
_TOO_LARGE = 413
_TRIES = 3


async def create_upload(
    transport: NotionTransport, name: str, urgency: Urgency
) -> Upload:
    """Create a file upload.

    A lost response leaves an empty upload at Notion, which expires automatically.

    Raises:
        UploadRefusedError: Notion does not accept such a file.
    """
    try:
        raw = await transport.send_with_retries(
            urgency,
            lambda client: client.file_uploads.create(
                mode="single_part", filename=name, content_type=_TYPE
            ),
        )
    except ApiError as error:
        raise _explain_refusal(error.response, UploadRefusedError) from error
    return _to_upload(raw, "file_uploads.create")


async def send_upload(
    transport: NotionTransport,
    upload_id: str,
    name: str,
    data: bytes,
    urgency: Urgency,
) -> Upload:
    """Send the bytes of a PNG.  After a lost response, the upload is looked up first.

    Raises:
        UploadRefusedError: The upload expired, Notion does not know it, or the file
            is too large.
        UploadLostError: A look-up after a lost response found no usable upload.
        NotionUnavailableError: Notion did not confirm the upload.
    """
    # Bytes without a tuple would not become a file part of the form.
    part = (name, data, _TYPE)
    for attempt in range(_TRIES):
        try:
            raw = await transport.send_once(
                urgency, lambda client: client.file_uploads.send(upload_id, file=part)
            )
        except ApiError as error:
            raise _explain_refusal(error.response, UploadRefusedError) from error
        except LostResponseError as error:
            # A repetition would send the same number of bytes.
            if error.response.status == _TOO_LARGE:
                raise UploadRefusedError(error.response.message) from error
            await transport.sleep(2.0**attempt)
            upload = await find_upload(transport, upload_id, urgency)
            if upload.usable:
                return upload
            if not upload.pending:
                break
        else:
            return _require_usable(_to_upload(raw, "file_uploads.send"))
    raise NotionUnavailableError("the file could not be sent to Notion")


async def find_upload(
    transport: NotionTransport, upload_id: str, urgency: Urgency
) -> Upload:
    """Return the state of an upload.  Raises UploadLostError if it is unknown."""
    try:
        raw = await transport.send_with_retries(
            urgency, lambda client: client.file_uploads.retrieve(upload_id)
        )
    except ApiError as error:
        raise _explain_refusal(error.response, UploadLostError) from error
    return _to_upload(raw, "file_uploads.retrieve")


def _explain_refusal(
    response: ErrorResponse, refused: type[UploadLostError]
) -> NotionError:
    if response.kind in {ErrorClass.NOT_FOUND, ErrorClass.REFUSED}:
        return refused(response.message)
    return explain_item_refusal(response)


def _require_usable(upload: Upload) -> Upload:
    """Return an upload that can be attached, and raise an error for any other."""
    if upload.usable:
        return upload
    if upload.pending:
        raise NotionUnavailableError(
            "Notion accepted the file, but reports the upload as pending"
        )
    raise UploadLostError("Notion accepted the file, but reports the upload as expired")


def _to_upload(raw: Mapping[str, Any], endpoint: str) -> Upload:
    # An expired upload has no expiry time, so only the status counts.
    with translate_shape_errors(endpoint):
        status = raw["status"]
        return Upload(
            id=plain_id(raw["id"]),
            name=str(raw.get("filename") or ""),
            pending=status == "pending",
            usable=status == "uploaded",
        )
