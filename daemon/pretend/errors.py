"""Notion's error responses, word for word as recorded; faults to inject."""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

#: The kinds of objects, as Notion's messages name them, that occur in paths.
_KINDS = ("file_upload", "data_source", "database", "page")


class ApiResponseError(Exception):
    """An error response of the API.

    Args:
        status: HTTP status.
        code: Notion's error code.
        retry_after: Seconds for the Retry-After header; None for no header.
        more: Further fields of the body.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        retry_after: int | None = None,
        **more: Any,  # noqa: ANN401 - JSON
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.retry_after = retry_after
        self.more = more

    def to_json(self, request_id: str = "") -> dict[str, Any]:
        """Return the body of the response."""
        return {
            "object": "error",
            "status": self.status,
            "code": self.code,
            "message": self.message,
            **self.more,
            "request_id": request_id,
        }


def missing_version(version: str | None) -> ApiResponseError:
    """Return the response to a missing or unknown Notion-Version header."""
    shown = "undefined" if version is None else f'"{version}"'
    return ApiResponseError(
        400,
        "missing_version",
        "Notion-Version header failed validation: Notion-Version header should be "
        f"defined, instead was `{shown}`.",
    )


def not_found(kind: str, identifier: str) -> ApiResponseError:
    """Return the response to the id of an unknown or hidden object."""
    return ApiResponseError(
        404,
        "object_not_found",
        f"Could not find {kind} with ID: {identifier}. Make sure the relevant pages "
        'and databases are shared with your integration "postbrush".',
        additional_data={"integration_id": "2b1d872b-594c-8146-b2ff-0037b2a75b4b"},
    )


def upload_not_ready(identifier: str) -> ApiResponseError:
    """Return the response to a page write with an unknown or unsent file upload."""
    return ApiResponseError(
        404,
        "object_not_found",
        f"Could not find file_upload with ID: {identifier}. Confirm the status of the "
        "file upload is `uploaded` and that it is shared with your integration.",
    )


def validation_error(message: str) -> ApiResponseError:
    """Return the response to an invalid request."""
    return ApiResponseError(400, "validation_error", message)


def rate_limited(seconds: int) -> ApiResponseError:
    """Return the response to a request above the rate limit."""
    return ApiResponseError(
        429,
        "rate_limited",
        "You have been rate limited. Please try again in a few minutes.",
        retry_after=seconds,
        additional_data={
            "rate_limit_reason": "public_api_request_rate_limit",
            "retry_after": str(seconds),
        },
    )


def error_for_status(status: int, path: str = "") -> ApiResponseError:
    """Return Notion's response with a given HTTP status.

    Args:
        path: The request's path, for the kind and id that a 404 names.
    """
    parts = path.split("/")
    identifier = next((part for part in parts if len(part.replace("-", "")) == 32), "")  # noqa: PLR2004 - digits of a UUID
    kind = next((kind for kind in _KINDS if kind in path), "page")
    code, message = {
        400: ("validation_error", "body failed validation: body should be an object."),
        401: ("unauthorized", "API token is invalid."),
        403: ("restricted_resource", "Insufficient permissions for this endpoint."),
        404: ("object_not_found", not_found(kind, identifier).message),
        413: ("validation_error", "The request is too large."),
        409: ("conflict_error", "Conflict occurred while saving. Please try again."),
        500: ("internal_server_error", "Unexpected error occurred."),
        502: ("bad_gateway", "Bad gateway."),
        503: ("service_unavailable", "Notion is unavailable, please try again later."),
        504: ("gateway_timeout", "Gateway timeout."),
        529: ("service_overload", "Notion is overloaded, please try again later."),
    }.get(status, ("internal_server_error", "Unexpected error occurred."))
    return ApiResponseError(status, code, message)


def parse_uuid(text: str, name: str) -> str:
    """Return an id of a path with dashes; a 400 if *text* is not a UUID."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise validation_error(
            f"path failed validation: path.{name} should be a valid uuid, instead "
            f'was `"{text}"`.'
        ) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedRequest:
    """One request and the status of its response; 0 if the connection was dropped."""

    method: str
    path: str
    status: int
    at: datetime
    body: Any = None

    @property
    def is_write(self) -> bool:
        """Whether the request changes something or creates a file upload."""
        is_read = self.path.endswith("/query") or self.path.endswith("/search")
        return self.method in {"POST", "PATCH", "PUT", "DELETE"} and not is_read


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A fault of the response to a matching request.

    Attributes:
        match: A part of "METHOD /path".
        status: HTTP status of the response.
        after: The request is carried out before the response is replaced.
        drop: The connection is closed without a response.
        html: The response is an HTML page, as from a proxy.
        retry_after: Seconds for the Retry-After header; None for no header.
        delay: Seconds before the request is handled.
        body: JSON, or bytes, to respond with.
        chosen: Called with the path and the content of a request that matches; returns
            whether the fault applies.
    """

    match: str
    status: int = 500
    after: bool = False
    drop: bool = False
    html: bool = False
    retry_after: int | None = None
    delay: float = 0.0
    body: Any = None
    chosen: Callable[[str, str], bool] = lambda _path, _about: True

    def applies_to(self, method: str, path: str, about: str) -> bool:
        """Return whether the fault applies to a request; see `FaultQueue.pop_match`."""
        return self.match in f"{method} {path}" and self.chosen(path, about)


@dataclass(slots=True)
class FaultQueue:
    """Injected faults, oldest first.

    Attributes:
        waiting: Faults that apply to one request each.
        lasting: Faults that apply to every matching request until they are removed.
    """

    waiting: deque[Fault] = field(default_factory=deque)
    lasting: list[Fault] = field(default_factory=list)

    def add(self, fault: Fault, times: int | None) -> None:
        """Inject *fault* for the next *times* matching requests; None for all."""
        if times is None:
            self.lasting.append(fault)
        else:
            self.waiting.extend([fault] * times)

    def pop_match(self, method: str, path: str, about: str = "") -> Fault | None:
        """Return the first fault that applies, and remove it unless it is lasting.

        Args:
            about: Content of the request, such as the name of a file.
        """
        for fault in self.waiting:
            if fault.applies_to(method, path, about):
                self.waiting.remove(fault)
                return fault
        lasting = (f for f in self.lasting if f.applies_to(method, path, about))
        return next(lasting, None)
