"""Notion's error responses, word for word as recorded or documented."""

from __future__ import annotations

import uuid
from typing import Any

_ID_LENGTH = 32
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

    def to_json(self, request_id: str) -> dict[str, Any]:
        """Return the body of the response."""
        return {
            "object": "error",
            "status": self.status,
            "code": self.code,
            "message": self.message,
            **self.more,
            "request_id": request_id,
        }


def bad_token() -> ApiResponseError:
    """Return the response to an unknown token."""
    return ApiResponseError(401, "unauthorized", "API token is invalid.")


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


def archived_error() -> ApiResponseError:
    """Return the response to an edit of a page in the trash."""
    return validation_error(
        "Can't edit block that is archived. You must unarchive the block before "
        "editing."
    )


def invalid_url() -> ApiResponseError:
    """Return the response to an unknown path."""
    return ApiResponseError(400, "invalid_request_url", "Invalid request URL.")


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
    identifier = next((part for part in path.split("/") if _is_id(part)), "")
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


def _is_id(text: str) -> bool:
    return len(text.replace("-", "")) == _ID_LENGTH


def parse_uuid(text: str, name: str) -> str:
    """Return an id of a path with dashes.

    Raises:
        ApiResponseError: 400, *text* is not a UUID.
    """
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise validation_error(
            f"path failed validation: path.{name} should be a valid uuid, instead "
            f'was `"{text}"`.'
        ) from None
