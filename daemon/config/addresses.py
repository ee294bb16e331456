"""Addresses of notifiers, ping, database and image store, and the secrets in them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv6Address
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import SecretStr

from daemon.config.secret import NOTIFY, Secrets

_BETWEEN = re.compile(r"[,\s]+(?=[A-Za-z][A-Za-z0-9+.-]*://)")
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+")
_HOST = re.compile(r"localhost|[a-z0-9-]+(?:\.[a-z0-9-]+)+|\[[0-9a-f:]+\]")
_SHORTEST = 6
#: A part of this length is secret in any case; ordinary words are shorter.
_LONG = 16
_POSTGRES = ("postgresql+psycopg", "postgresql", "postgres")
_PASSWORDS = ("password", "sslpassword")
_STORE = re.compile(r"s3://([A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9])(?:/(.*))?")
_ENDPOINT = re.compile(
    r"https?://(?:[A-Za-z0-9][A-Za-z0-9.-]*|\[([0-9A-Fa-f:.]+)\])(?::([0-9]{1,5}))?"
    r"(?:/[A-Za-z0-9._~/-]*)?"
)
_LONGEST_PREFIX = 500
_LAST_PORT = 65535
_STORE_FORM = 'must be a bucket, such as "s3://bucket/prefix"'


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifierAddress:
    """One notifier; `place` is its origin, such as "notify.urls no. 2 (ntfy)"."""

    place: str
    url: SecretStr


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreLocation:
    """The location of a store.

    Attributes:
        prefix: Without slashes at its ends; "" is the whole bucket.
        endpoint: The address of the server; "" is Amazon's for the region.
    """

    bucket: str
    prefix: str
    endpoint: str
    region: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}{f'/{self.prefix}' if self.prefix else ''}"


def split_addresses(text: str) -> list[str]:
    """Return the addresses of a text, separated by commas or white space."""
    return [address for address in _BETWEEN.split(text.strip()) if address]


def is_address(text: str) -> bool:
    """Return whether a text has the form of an address; Apprise checks the rest."""
    return _ADDRESS.fullmatch(text) is not None


def host_of(address: str) -> str:
    """Return the host of a web address, which is not secret; "" if it has none."""
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def collect_notifiers(
    urls: Iterable[SecretStr], secrets: Secrets
) -> list[NotifierAddress]:
    """Return each notifier once: those of the file, then those of the variable."""
    by_origin = {
        "notify.urls": [url.get_secret_value() for url in urls],
        NOTIFY[0]: split_addresses(secrets.first_value(NOTIFY) or ""),
    }
    notifiers: dict[str, NotifierAddress] = {}
    for origin, addresses in by_origin.items():
        for number, url in enumerate(addresses, 1):
            place = f"{origin} no. {number} ({url.partition('://')[0]})"
            notifiers.setdefault(url, NotifierAddress(place=place, url=SecretStr(url)))
    return list(notifiers.values())


def secret_parts(address: str) -> Iterator[str]:
    """Yield the secret texts of a notifier or ping: the whole, then its parts.

    The user, the host and the path may contain a token, so each part that looks like
    one is secret.
    """
    yield address
    rest = address.partition("://")[2]
    login, at, _ = rest.split("/", maxsplit=1)[0].rpartition("@")
    # A password is secret, even if it looks like an ordinary word.
    passwords = [login.partition(":")[2]] if at else []
    parts = re.split(r"[/?&=@:#,]", rest)
    for part in [*passwords, *filter(_looks_secret, parts)]:
        yield from {part, unquote(part)}


def _looks_secret(part: str) -> bool:
    if len(part) < _SHORTEST or _HOST.fullmatch(part):
        return False
    return len(part) >= _LONG or re.search(r"[A-Z0-9%]", part) is not None


def normalize_database_url(url: str) -> str:
    """Return an address with the scheme of psycopg; "" stays "".

    Raises:
        ValueError: It is not an address of PostgreSQL.  The message does not contain
            it, because it may hold a password.
    """
    if not url:
        return url
    scheme, separator, rest = url.partition("://")
    if scheme not in _POSTGRES or not separator:
        raise ValueError(
            "must be postgresql+psycopg://USER@HOST/DATABASE. Leave it empty for an "
            "SQLite file in data_dir"
        )
    try:
        parts = urlsplit(url)
        is_valid_port = parts.port is None or parts.port > 0
    except ValueError:
        is_valid_port = False
    if not is_valid_port or not parts.path.strip("/") or not url.isprintable():
        raise ValueError(
            "must be postgresql+psycopg://USER@HOST:PORT/DATABASE. In a password, "
            "write @ / : as %40 %2F %3A"
        )
    return f"{_POSTGRES[0]}://{rest}"


def mask_database_url(url: str) -> str:
    """Return an address without its secrets: scheme, user, host, port and path."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return ""
    host = parts.hostname or dict(parse_qsl(parts.query)).get("host", "")
    user = f"{parts.username}@" if parts.username else ""
    return f"{parts.scheme}://{user}{host}{port}{parts.path}"


def database_passwords(url: str) -> set[str]:
    """Return the passwords in an address of PostgreSQL, as written and decoded."""
    parts = urlsplit(url)
    password = parts.password or ""
    in_query = {text for name, text in parse_qsl(parts.query) if name in _PASSWORDS}
    return {password, unquote(password), *in_query} - {""}


def parse_store(text: str) -> tuple[str, str]:
    """Return (bucket, prefix) of "s3://bucket/prefix".

    Raises:
        ValueError: The text has another form.
    """
    match = _STORE.fullmatch(text)
    prefix = (match[2] or "").strip("/") if match else ""
    if match is None or not prefix.isprintable() or len(prefix) > _LONGEST_PREFIX:
        raise ValueError(_STORE_FORM)
    parts = prefix.split("/") if prefix else []
    if any(part.strip() in {"", ".", ".."} for part in parts):
        raise ValueError(f"{_STORE_FORM}, without empty parts, . or ..")
    return match[1], prefix


def validate_store(text: str) -> str:
    """Return a store in its canonical form; "" stays "".  Raises ValueError."""
    if not text:
        return ""
    bucket, prefix = parse_store(text)
    return str(StoreLocation(bucket=bucket, prefix=prefix, endpoint="", region=""))


def validate_endpoint(text: str) -> str:
    """Return the address of a server without a slash at its end; "" stays "".

    Raises:
        ValueError: It is not an address, contains a key, or would crash obstore.
    """
    match = _ENDPOINT.fullmatch(text)
    if text and (match is None or not _is_valid_host(match[1], match[2])):
        raise ValueError('must be an address, such as "https://s3.example.org"')
    return text.rstrip("/")


def _is_valid_host(address: str | None, port: str | None) -> bool:
    try:
        IPv6Address(address or "::")
    except ValueError:
        return False
    return 0 < int(port or 1) <= _LAST_PORT
