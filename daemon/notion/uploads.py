"""The life of a file upload: announced, sent, attached within the hour.

Notion API reference, "File uploads": single part up to 20 MiB; the content type
must be the same in both steps; the id is good for an hour until it is attached.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from daemon.notion.answers import Answer, Kind
from daemon.notion.errors import (
    AwayError,
    NotionError,
    UploadLostError,
    UploadRefusedError,
)
from daemon.notion.links import plain
from daemon.notion.model import Upload, Urgency
from daemon.notion.shapes import understood
from daemon.notion.wire import AnswerError, LostError, Wire

SINGLE_PART_LIMIT = 20 * 2**20
_TYPE = "image/png"
_TRIES = 3

Explain = Callable[[Answer], NotionError]


async def create(wire: Wire, name: str, urgency: Urgency, explain: Explain) -> Upload:
    """Announce a file; a lost answer leaves an empty upload that expires by itself."""
    try:
        raw = await wire.ask(
            urgency,
            lambda client: client.file_uploads.create(
                mode="single_part", filename=name, content_type=_TYPE
            ),
        )
    except AnswerError as error:
        raise explain(error.answer) from error
    return _upload(raw, "file_uploads.create")


async def send(
    wire: Wire,
    upload_id: str,
    name: str,
    data: bytes,
    *,
    urgency: Urgency,
    explain: Explain,
) -> Upload:
    """Send the bytes; when the answer is lost, it is looked up before it is repeated.

    Raises:
        UploadLostError: It expired, or Notion does not know it.
    """
    # A tuple: bytes alone would not become a file part of the form.
    part = (name, data, _TYPE)
    for tried in range(_TRIES):
        try:
            raw = await wire.once(
                urgency, lambda client: client.file_uploads.send(upload_id, file=part)
            )
        except AnswerError as error:
            if error.answer.kind in {Kind.NOT_FOUND, Kind.REFUSED}:
                raise UploadRefusedError(error.answer.message) from error
            raise explain(error.answer) from error
        except LostError:
            await wire.sleep(2.0**tried)
            found = await find(wire, upload_id, urgency, explain)
            if found.usable:
                return found
            if not found.pending:
                break
        else:
            return _sent(_upload(raw, "file_uploads.send"))
    raise AwayError("Notion is away: the file could not be sent")


async def find(
    wire: Wire, upload_id: str, urgency: Urgency, explain: Explain
) -> Upload:
    """Look an upload up.  Raises UploadLostError when there is none."""
    try:
        raw = await wire.ask(
            urgency, lambda client: client.file_uploads.retrieve(upload_id)
        )
    except AnswerError as error:
        raise _lost_or(error.answer, explain) from error
    return _upload(raw, "file_uploads.retrieve")


def _sent(upload: Upload) -> Upload:
    """Only a file that Notion says to have can be attached."""
    if upload.usable:
        return upload
    if upload.pending:
        raise AwayError("Notion took the file and says that it still waits for it")
    raise UploadLostError("Notion took the file and says that the upload is over")


def _lost_or(answer: Answer, explain: Explain) -> NotionError:
    if answer.kind in {Kind.NOT_FOUND, Kind.REFUSED}:
        return UploadLostError(answer.message)
    return explain(answer)


def _upload(raw: Mapping[str, Any], endpoint: str) -> Upload:
    # An expired one has no expiry time either: only the status counts.
    with understood(endpoint):
        status = raw["status"]
        return Upload(
            id=plain(raw["id"]),
            pending=status == "pending",
            usable=status == "uploaded",
        )
