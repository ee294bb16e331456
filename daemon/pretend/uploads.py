"""File uploads of the pretend Notion: pending, uploaded or expired."""

from __future__ import annotations

import mimetypes
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from daemon.pretend.errors import not_found, upload_not_ready, validation_error
from daemon.pretend.models import Json

_LIFETIME = timedelta(minutes=60)
_SINGLE_PART_LIMIT = 20 * 2**20
_MAX_NAME_BYTES = 900
_TYPES = {"image/png", "image/jpeg", "image/webp", "image/gif", "text/plain"}


def floor_to_minute(time: datetime) -> datetime:
    """Return *time* rounded down to the minute, as Notion reports times."""
    return time.replace(second=0, microsecond=0)


def iso_time(time: datetime) -> str:
    """Format a UTC time as Notion does."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time.microsecond // 1000:03}Z"


@dataclass(slots=True)
class FileUpload:
    """One file upload; `data` is None until the bytes are sent."""

    id: str
    created_at: datetime
    filename: str
    content_type: str
    data: bytes | None = None
    attached: bool = False

    def status_at(self, now: datetime) -> str:
        """Return "pending", "uploaded" or "expired"."""
        if not self.attached and now >= floor_to_minute(self.created_at) + _LIFETIME:
            return "expired"
        return "pending" if self.data is None else "uploaded"


@dataclass(slots=True)
class UploadStore:
    """All file uploads of a workspace; `limit` is the largest file in bytes."""

    now: Callable[[], datetime]
    limit: int
    bot_id: str
    files: dict[str, FileUpload] = field(default_factory=dict)

    def create(self, body: Json, base: str) -> Json:
        """Carry out POST /v1/file_uploads; *base* is the URL of the API.

        Raises a 400 if the file is not accepted.
        """
        if body.get("mode", "single_part") != "single_part":
            raise validation_error(
                "This workspace only accepts single_part file uploads."
            )
        name = body.get("filename")
        if not isinstance(name, str) or "." not in name:
            raise validation_error(
                "body failed validation: body.filename should have an extension."
            )
        if len(name.encode()) > _MAX_NAME_BYTES:
            raise validation_error("body failed validation: body.filename is too long.")
        guessed = mimetypes.guess_type(name)[0]
        content_type = body.get("content_type") or guessed or "application/octet-stream"
        if content_type not in _TYPES:
            raise validation_error(
                f"The content type {content_type} is not supported for the File Upload "
                "API."
            )
        if guessed != content_type:
            raise validation_error(
                f"Provided `filename` extension for `{name}` does not match the "
                f"content type {content_type}."
            )
        upload = FileUpload(str(uuid.uuid4()), self.now(), name, content_type)
        self.files[upload.id] = upload
        return self.to_json(upload) | {
            "upload_url": f"{base}/v1/file_uploads/{upload.id}/send"
        }

    def send(self, identifier: str, content_type: str, data: bytes) -> Json:
        """Carry out POST /v1/file_uploads/{id}/send.

        Raises a 404 if it is unknown; a 400 for another type or if it is too large.
        """
        upload = self.find(identifier)
        status = upload.status_at(self.now())
        if status != "pending":
            raise validation_error(
                f"File upload {upload.id} is `{status}`, but must be `pending` to send."
            )
        if content_type != upload.content_type:
            raise validation_error(
                f"Current file content type of `{content_type}` does not match the "
                f"original content type of `{upload.content_type}`. Use the original "
                "content type determined during File Upload creation, or try again "
                "with a new File Upload."
            )
        limit = min(self.limit, _SINGLE_PART_LIMIT)
        if len(data) > limit:
            raise validation_error(
                f"File size of {len(data)} bytes exceeds {limit} bytes."
            )
        upload.data = data
        return self.to_json(upload)

    def name_of(self, path: str) -> str:
        """Return the file name of the upload whose id is in *path*; empty if none."""
        uploads = (self.files.get(_dashed_id(part)) for part in path.split("/"))
        return next((upload.filename for upload in uploads if upload is not None), "")

    def find(self, identifier: str) -> FileUpload:
        """Return an upload; a 404 if there is no such upload."""
        upload = self.files.get(_dashed_id(identifier))
        if upload is None:
            raise not_found("file_upload", identifier)
        return upload

    def attach(self, identifier: object) -> FileUpload:
        """Attach an upload to a page; an attached upload never expires.

        Raises a 404 if it is unknown, and a 400 if it is not sent yet or expired.
        """
        upload = self.files.get(_dashed_id(str(identifier)))
        if upload is None:
            raise upload_not_ready(str(identifier))
        status = upload.status_at(self.now())
        if status != "uploaded":
            raise validation_error(
                f"File upload {upload.id} has status `{status}`; only an `uploaded` "
                "file upload can be attached."
            )
        upload.attached = True
        return upload

    def to_json(self, upload: FileUpload) -> Json:
        """Return an upload as JSON of the API."""
        created = floor_to_minute(upload.created_at)
        status = upload.status_at(self.now())
        # `expiry_time` is null once attached, and also once expired.
        can_expire = not upload.attached and status != "expired"
        return {
            "object": "file_upload",
            "id": upload.id,
            "created_time": iso_time(created),
            "created_by": {"id": self.bot_id, "type": "bot"},
            "last_edited_time": iso_time(created),
            "expiry_time": iso_time(created + _LIFETIME) if can_expire else None,
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
