"""The life of a file upload in the pretend Notion: pending, uploaded, or expired."""

from __future__ import annotations

import mimetypes
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from daemon.pretend.errors import not_found, upload_not_ready, validation_error

Json = dict[str, Any]

_LIFE = timedelta(minutes=60)
_SINGLE_PART_LIMIT = 20 * 2**20
_NAME_BYTES = 900
_TYPES = {"image/png", "image/jpeg", "image/webp", "image/gif", "text/plain"}


def floor_to_minute(time: datetime) -> datetime:
    """Floor to the minute, as Notion does."""
    return time.replace(second=0, microsecond=0)


def iso_time(time: datetime) -> str:
    """Write a time as Notion does."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time.microsecond // 1000:03}Z"


@dataclass(slots=True)
class FileUpload:
    """One announced file."""

    id: str
    created_at: datetime
    filename: str
    content_type: str
    data: bytes | None = None
    attached: bool = False

    def status_at(self, now: datetime) -> str:
        """Return "pending", "uploaded" or "expired"."""
        if not self.attached and now >= floor_to_minute(self.created_at) + _LIFE:
            return "expired"
        return "pending" if self.data is None else "uploaded"


@dataclass(slots=True)
class UploadStore:
    """All announced files of a workspace."""

    now: Callable[[], datetime]
    limit: int
    bot_id: str
    files: dict[str, FileUpload] = field(default_factory=dict)

    def create(self, body: Json, base: str) -> Json:
        """Announce a file."""
        if body.get("mode", "single_part") != "single_part":
            raise validation_error(
                "This workspace only accepts single_part file uploads."
            )
        name = body.get("filename")
        kind = body.get("content_type")
        if not isinstance(name, str) or "." not in name:
            raise validation_error(
                "body failed validation: body.filename should have an extension."
            )
        if len(name.encode()) > _NAME_BYTES:
            raise validation_error("body failed validation: body.filename is too long.")
        guessed = mimetypes.guess_type(name)[0]
        kind = kind or guessed or "application/octet-stream"
        if kind not in _TYPES:
            raise validation_error(
                f"The content type {kind} is not supported for the File Upload API."
            )
        if guessed != kind:
            raise validation_error(
                f"Provided `filename` extension for `{name}` does not match the "
                f"content type {kind}."
            )
        made = FileUpload(str(uuid.uuid4()), self.now(), name, kind)
        self.files[made.id] = made
        return self.to_json(made) | {
            "upload_url": f"{base}/v1/file_uploads/{made.id}/send"
        }

    def send(self, identifier: str, kind: str, data: bytes) -> Json:
        """Take the bytes."""
        found = self.find(identifier)
        status = found.status_at(self.now())
        if status != "pending":
            raise validation_error(
                f"File upload {found.id} is `{status}`, but must be `pending` to send."
            )
        if kind != found.content_type:
            raise validation_error(
                f"Current file content type of `{kind}` does not match the original "
                f"content type of `{found.content_type}`. Use the original content "
                "type determined during File Upload creation, or try again with a new "
                "File Upload."
            )
        limit = min(self.limit, _SINGLE_PART_LIMIT)
        if len(data) > limit:
            raise validation_error(
                f"File size of {len(data)} bytes exceeds {limit} bytes."
            )
        found.data = data
        return self.to_json(found)

    def name_of(self, path: str) -> str:
        """Return the name of the file that a path is about; empty: of none."""
        found = (self.files.get(_dashed_id(part)) for part in path.split("/"))
        return next((one.filename for one in found if one is not None), "")

    def find(self, identifier: str) -> FileUpload:
        """Return an upload.  Raises 404."""
        found = self.files.get(_dashed_id(identifier))
        if found is None:
            raise not_found("file_upload", identifier)
        return found

    def attach(self, identifier: object) -> FileUpload:
        """Take an upload for a page: once attached it never expires.

        Raises:
            RefusalError: Unknown, not sent yet, or expired.
        """
        found = self.files.get(_dashed_id(str(identifier)))
        if found is None:
            raise upload_not_ready(str(identifier))
        status = found.status_at(self.now())
        if status != "uploaded":
            raise validation_error(
                f"File upload {found.id} has status `{status}`; only an `uploaded` "
                "file upload can be attached."
            )
        found.attached = True
        return found

    def to_json(self, upload: FileUpload) -> Json:
        """Return an upload as Notion shows it."""
        created = floor_to_minute(upload.created_at)
        status = upload.status_at(self.now())
        # Null once attached, and also once expired: the status is what counts.
        lives = not upload.attached and status != "expired"
        return {
            "object": "file_upload",
            "id": upload.id,
            "created_time": iso_time(created),
            "created_by": {"id": self.bot_id, "type": "bot"},
            "last_edited_time": iso_time(created),
            "expiry_time": iso_time(created + _LIFE) if lives else None,
            "in_trash": False,
            "status": status,
            "filename": upload.filename,
            "content_type": upload.content_type,
            "content_length": len(upload.data) if upload.data is not None else None,
            "archived": False,
        }


def _dashed_id(identifier: str) -> str:
    try:
        return str(uuid.UUID(identifier))
    except ValueError:
        return identifier
