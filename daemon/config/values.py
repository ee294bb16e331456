"""Types of settings: what pydantic parses and validates."""

from __future__ import annotations

import re
from datetime import timedelta
from ipaddress import ip_network
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from daemon.config import addresses, parsing

_WEB = r"https?://[^\s/]+(/\S*)?"


def _require_form(pattern: str, message: str) -> AfterValidator:
    """Return a validator of texts: one that is not empty has this form."""

    def validate(value: str) -> str:
        if value and re.fullmatch(pattern, value) is None:
            raise ValueError(message)
        return value

    return AfterValidator(validate)


def _validate_format(value: str) -> str:
    try:
        parsing.parse_format(value)
    except parsing.FormatError:
        raise ValueError(f"must be one of these formats: {parsing.CHOICES}") from None
    return value


def _validate_template(value: str) -> str:
    if problems := parsing.template_problems(value):
        raise ValueError("; ".join(problems))
    return value


def _parse_credits_reset(value: object) -> object:
    if value in {"monthly", "daily", "manual"}:
        return value
    return parsing.parse_duration(value).total_seconds()


def _validate_listen(value: str) -> str:
    parsing.parse_listen(value)
    return value


def _validate_host(value: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?", value) is None:
        raise ValueError(
            'must be a host name without port or path, such as "images.example.org"'
        )
    return value.casefold()


def _validate_network(value: str) -> str:
    try:
        return str(ip_network(value))
    except ValueError:
        raise ValueError(
            'must be an IP address, "10.0.0.5", or a network, "172.16.0.0/12"'
        ) from None


def _validate_file_host(value: str) -> str:
    # A whole address may be a private one, as the owner names it.
    if re.fullmatch(_WEB, value) is not None:
        return value.rstrip("/")
    try:
        _validate_host(value.removeprefix("."))
    except ValueError:
        raise ValueError(
            'must be a host such as "images.example.org", ".example.org" for all its '
            'subdomains, or "http://nas.local:9000" for your own server'
        ) from None
    return value.casefold()


def _validate_match(value: object) -> object:
    is_list = isinstance(value, list) and all(isinstance(item, str) for item in value)
    if not is_list and not isinstance(value, bool | str):
        raise ValueError(
            "must compare with a text, true, false or a list of texts: "
            '{ "Status" = "Ready" }'
        )
    return value


def _validate_set(value: object) -> object:
    if not isinstance(value, bool | str):
        raise ValueError('must set a text, true or false: { "Status" = "Illustrated" }')  # noqa: TRY004 - pydantic expects it
    return value


def _validate_notifiers(value: list[SecretStr]) -> list[SecretStr]:
    for number, url in enumerate(value, 1):
        if not addresses.is_address(url.get_secret_value()):
            raise ValueError(
                f"has an entry (no. {number}) that is not an address such as "
                "ntfy://ntfy.sh/topic"
            )
    return value


def _validate_ping(value: SecretStr) -> SecretStr:
    url = value.get_secret_value()
    is_text = url.isascii() and url.isprintable() and re.fullmatch(_WEB, url)
    if url and not (is_text and addresses.host_of(url)):
        raise ValueError('must be an address, such as "https://example.org"')
    return value


def _normalize_database(value: SecretStr) -> SecretStr:
    return SecretStr(addresses.normalize_database_url(value.get_secret_value()))


Duration: TypeAlias = Annotated[timedelta, BeforeValidator(parsing.parse_duration)]
DurationOrOff: TypeAlias = Annotated[
    timedelta | None, BeforeValidator(parsing.parse_duration_or_off)
]
Bytes: TypeAlias = Annotated[int, BeforeValidator(parsing.parse_size)]
Colour: TypeAlias = Annotated[
    str, _require_form(r"#[0-9a-fA-F]{6}", 'must be a color such as "#1a2b3c"')
]
FormatName: TypeAlias = Annotated[str, AfterValidator(_validate_format)]
Template: TypeAlias = Annotated[str, AfterValidator(_validate_template)]
DatabaseUrl: TypeAlias = Annotated[SecretStr, AfterValidator(_normalize_database)]
SecretName: TypeAlias = Annotated[
    str,
    _require_form(
        r"[A-Z][A-Z0-9_]{0,63}",
        "must be the name of a secret, such as NOTION_TOKEN_SHOP. Do not put the token "
        "itself in this file. If the file has been shared, create a new token",
    ),
]
Notifiers: TypeAlias = Annotated[list[SecretStr], AfterValidator(_validate_notifiers)]
Ping: TypeAlias = Annotated[SecretStr, AfterValidator(_validate_ping)]
Listen: TypeAlias = Annotated[str, AfterValidator(_validate_listen)]
HostName: TypeAlias = Annotated[str, AfterValidator(_validate_host)]
ProxyAddress: TypeAlias = Annotated[str, AfterValidator(_validate_network)]
BasePath: TypeAlias = Annotated[
    str,
    _require_form(
        r"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~-]+)+",
        'must be a path, such as "/postbrush"',
    ),
]
FileHost: TypeAlias = Annotated[str, AfterValidator(_validate_file_host)]
Url: TypeAlias = Annotated[
    str,
    _require_form(_WEB, 'must be an address, such as "https://example.org"'),
    AfterValidator(lambda value: value.rstrip("/")),
]
StoreName: TypeAlias = Annotated[str, AfterValidator(addresses.validate_store)]
Endpoint: TypeAlias = Annotated[str, AfterValidator(addresses.validate_endpoint)]
ColumnName: TypeAlias = Annotated[str, Field(min_length=1, max_length=200)]
Money: TypeAlias = Annotated[float, Field(ge=0, le=100_000)]
CreditsReset: TypeAlias = Annotated[
    Literal["monthly", "daily", "manual"] | float, BeforeValidator(_parse_credits_reset)
]
#: A value of `posts.only` or `posts.skip`: a text, a bool, or any of several texts.
MatchValue: TypeAlias = Annotated[
    bool | str | list[str], BeforeValidator(_validate_match)
]
#: A value of `posts.on_done` or `posts.on_card`: a text or a bool.
SetValue: TypeAlias = Annotated[bool | str, BeforeValidator(_validate_set)]
