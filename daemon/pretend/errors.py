"""Notion's refusals, word for word as recorded or documented."""

from __future__ import annotations

import uuid
from typing import Any

_ID_LENGTH = 32
#: What a path is about, as Notion's refusals call it.
_KINDS = ("file_upload", "data_source", "database", "page")


class ApiResponseError(Exception):
    """An answer that is not 200."""

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
        """Return the JSON of the refusal."""
        return {
            "object": "error",
            "status": self.status,
            "code": self.code,
            "message": self.message,
            **self.more,
            "request_id": request_id,
        }


def bad_token() -> ApiResponseError:
    return ApiResponseError(401, "unauthorized", "API token is invalid.")


def missing_version(given: str | None) -> ApiResponseError:
    shown = "undefined" if given is None else f'"{given}"'
    return ApiResponseError(
        400,
        "missing_version",
        "Notion-Version header failed validation: Notion-Version header should be "
        f"defined, instead was `{shown}`.",
    )


def not_found(kind: str, identifier: str) -> ApiResponseError:
    return ApiResponseError(
        404,
        "object_not_found",
        f"Could not find {kind} with ID: {identifier}. Make sure the relevant pages "
        'and databases are shared with your integration "postbrush".',
        additional_data={"integration_id": "2b1d872b-594c-8146-b2ff-0037b2a75b4b"},
    )


def upload_not_ready(identifier: str) -> ApiResponseError:
    """Return what a page write says of an unknown file, or one just sent."""
    return ApiResponseError(
        404,
        "object_not_found",
        f"Could not find file_upload with ID: {identifier}. Confirm the status of the "
        "file upload is `uploaded` and that it is shared with your integration.",
    )


def validation_error(message: str) -> ApiResponseError:
    return ApiResponseError(400, "validation_error", message)


def archived_error() -> ApiResponseError:
    return validation_error(
        "Can't edit block that is archived. You must unarchive the block before "
        "editing."
    )


def invalid_url() -> ApiResponseError:
    return ApiResponseError(400, "invalid_request_url", "Invalid request URL.")


def rate_limited(seconds: int) -> ApiResponseError:
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
    """Return what Notion says with a status when it is in trouble, or refuses."""
    identifier = next((one for one in path.split("/") if _is_id(one)), "")
    kind = next((one for one in _KINDS if one in path), "page")
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
    """Return an id in its long form; a path with anything else is refused."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise validation_error(
            f"path failed validation: path.{name} should be a valid uuid, instead "
            f'was `"{text}"`.'
        ) from None
