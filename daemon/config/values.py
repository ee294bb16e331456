"""Types of settings: parsing and validation of durations, sizes, addresses, texts."""

from __future__ import annotations

import re
from datetime import timedelta
from ipaddress import ip_address
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from daemon.config import databases, stores
from daemon.config.addresses import host_of, is_address
from daemon.config.formats import FormatError, parse_format
from daemon.config.prompt_template import template_problems

#: Names of settings in bytes.
IN_BYTES = frozenset({"min_free_disk"})
_LONGEST = timedelta(days=3650)
_LAST_PORT = 65535
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_BINARY = {"KIB": 2**10, "MIB": 2**20, "GIB": 2**30}
_BYTES = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, **_BINARY}
_WEB = r"https?://[^\s/]+(/\S*)?"


def parse_duration(value: object) -> object:
    """Return the timedelta of a text such as "500ms", "30s", "2m", "12h" or "1d".

    Raises:
        ValueError: It is not a duration, or is longer than ten years.
    """
    if not isinstance(value, str):
        if isinstance(value, timedelta):
            return value
        raise ValueError('a duration is written "30s", "2m", "12h" or "1d"')
    match = re.fullmatch(r"\s*([0-9]{1,9}(?:\.[0-9]+)?)\s*(ms|s|m|h|d|w)\s*", value)
    if match is None:
        raise ValueError('a duration is written "30s", "2m", "12h" or "1d"')
    seconds = float(match[1]) * _UNITS[match[2]]
    if seconds > _LONGEST.total_seconds():
        raise ValueError("a duration is at most 3650d, which is ten years")
    return timedelta(seconds=seconds)


def parse_duration_or_off(value: object) -> object:
    """Return None for "off", else a timedelta.  Raises ValueError."""
    return None if value is None or value == "off" else parse_duration(value)


def parse_size(value: object) -> object:
    """Return the bytes of a text such as "100MiB" or "1 GB".  Raises ValueError."""
    if isinstance(value, int):
        return value
    match = re.fullmatch(r"\s*([0-9]{1,9}(?:\.[0-9]+)?)\s*([KMG]?i?B)\s*", str(value))
    if match is None or match[2].upper() not in _BYTES:
        raise ValueError('a size is written "100MiB" or "1GB"')
    return int(float(match[1]) * _BYTES[match[2].upper()])


def show_duration(value: timedelta | None) -> str:
    """Return a duration as the configuration writes it."""
    if value is None:
        return "off"
    seconds = value.total_seconds()
    for unit in ("d", "h", "m", "s"):
        if seconds >= _UNITS[unit] and seconds % _UNITS[unit] == 0:
            return f"{seconds / _UNITS[unit]:.0f}{unit}"
    return f"{seconds * 1000:.0f}ms" if seconds else "0s"


def show_bytes(value: int) -> str:
    """Return a size in bytes as the configuration writes it."""
    for unit, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if value >= size and value % size == 0:
            return f"{value // size}{unit}"
    return str(value)


def _validate_colour(value: str) -> str:
    if value and re.fullmatch(r"#[0-9a-fA-F]{6}", value) is None:
        raise ValueError('a colour is written "#1a2b3c"')
    return value


def _validate_format(value: str) -> str:
    try:
        parse_format(value)
    except FormatError as error:
        raise ValueError(str(error)) from None
    return value


def _validate_template(value: str) -> str:
    if problems := template_problems(value):
        raise ValueError("; ".join(problems))
    return value


def _validate_url(value: str) -> str:
    if value and re.fullmatch(_WEB, value) is None:
        raise ValueError('an address is written "https://example.org"')
    return value.rstrip("/")


def _parse_credits_reset(value: object) -> object:
    if value in {"monthly", "daily", "manual"}:
        return value
    duration = parse_duration(value)
    return duration.total_seconds() if isinstance(duration, timedelta) else duration


def parse_listen(text: str) -> tuple[str, int] | None:
    """Return (address, port) of "127.0.0.1:8787" or "[::1]:8787"; None for "off".

    Raises:
        ValueError: The text has another form.
    """
    if text == "off":
        return None
    match = re.fullmatch(
        r"(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+)):([0-9]{1,5})", text
    )
    if match is None or int(match[3]) > _LAST_PORT:
        raise ValueError('this is written "127.0.0.1:8787", "[::1]:8787" or "off"')
    return match[1] or match[2], int(match[3])


def is_loopback(address: str) -> bool:
    """Return whether only this machine can connect to *address*."""
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return address.casefold() == "localhost"


def _validate_listen(value: str) -> str:
    parse_listen(value)
    return value


def _validate_host(value: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?", value) is None:
        raise ValueError('a host is a name without port or path: "images.example.org"')
    return value.casefold()


def _validate_match(value: object) -> object:
    is_list = isinstance(value, list) and all(isinstance(item, str) for item in value)
    if not is_list and not isinstance(value, bool | str):
        raise ValueError('this is a text, true or false, or a list of texts: "Ready"')
    return value


def _validate_set(value: object) -> object:
    if not isinstance(value, bool | str):
        raise ValueError('this is a text, or true or false: "Illustrated"')  # noqa: TRY004 - pydantic expects it
    return value


def _validate_notifiers(value: list[SecretStr]) -> list[SecretStr]:
    for number, url in enumerate(value, 1):
        if not is_address(url.get_secret_value()):
            raise ValueError(f"no. {number} is no address such as ntfy://ntfy.sh/topic")
    return value


def _validate_ping(value: SecretStr) -> SecretStr:
    address = value.get_secret_value()
    is_text = address.isascii() and address.isprintable()
    if address and not (is_text and re.fullmatch(_WEB, address) and host_of(address)):
        raise ValueError('an address is written "https://example.org"')
    return value


def _validate_secret_name(value: str) -> str:
    if value and re.fullmatch(r"[A-Z][A-Z0-9_]{0,63}", value) is None:
        raise ValueError(
            "this is the name of a secret, such as NOTION_TOKEN_SHOP; a token itself "
            "does not belong into the file (make a new one if this file was shared)"
        )
    return value


def _normalize_database(value: SecretStr) -> SecretStr:
    return SecretStr(databases.normalize_url(value.get_secret_value()))


Duration: TypeAlias = Annotated[timedelta, BeforeValidator(parse_duration)]
DurationOrOff: TypeAlias = Annotated[
    timedelta | None, BeforeValidator(parse_duration_or_off)
]
Bytes: TypeAlias = Annotated[int, BeforeValidator(parse_size)]
Colour: TypeAlias = Annotated[str, AfterValidator(_validate_colour)]
FormatName: TypeAlias = Annotated[str, AfterValidator(_validate_format)]
Template: TypeAlias = Annotated[str, AfterValidator(_validate_template)]
DatabaseUrl: TypeAlias = Annotated[SecretStr, AfterValidator(_normalize_database)]
SecretName: TypeAlias = Annotated[str, AfterValidator(_validate_secret_name)]
Notifiers: TypeAlias = Annotated[list[SecretStr], AfterValidator(_validate_notifiers)]
Ping: TypeAlias = Annotated[SecretStr, AfterValidator(_validate_ping)]
Listen: TypeAlias = Annotated[str, AfterValidator(_validate_listen)]
HostName: TypeAlias = Annotated[str, AfterValidator(_validate_host)]
Url: TypeAlias = Annotated[str, AfterValidator(_validate_url)]
StoreName: TypeAlias = Annotated[str, AfterValidator(stores.validate_store)]
Endpoint: TypeAlias = Annotated[str, AfterValidator(stores.validate_endpoint)]
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
