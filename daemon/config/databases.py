"""`database.url`: its form, its secrets and its requirements."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import SecretStr

if TYPE_CHECKING:
    from daemon.config.model import Options

MISSING = (
    "psycopg, which speaks to PostgreSQL, is not installed: run `make postgres` here "
    "(for the service: `sudo make install POSTGRES=1`), or install it into postbrush's "
    "environment with `python -m pip install 'psycopg[binary]'`"
)
_SCHEMES = ("postgresql+psycopg", "postgresql", "postgres")
_SECRET = ("password", "sslpassword")


def normalize_url(url: str) -> str:
    """Return an address with the scheme of psycopg; "" stays "".

    Raises:
        ValueError: It is not an address of PostgreSQL.  The message does not contain
            it, because it may hold a password.
    """
    if not url:
        return url
    scheme, separator, rest = url.partition("://")
    if scheme not in _SCHEMES or not separator:
        raise ValueError(
            "this is written postgresql+psycopg://USER@HOST/DATABASE; leave it empty "
            "for an SQLite file in data_dir"
        )
    try:
        parts = urlsplit(url)
        is_valid_port = parts.port is None or parts.port > 0
    except ValueError:
        is_valid_port = False
    if not is_valid_port or not parts.path.strip("/") or not url.isprintable():
        raise ValueError(
            "this is written postgresql+psycopg://USER@HOST:PORT/DATABASE; signs such "
            "as @ / : in a password are written %40 %2F %3A"
        )
    return f"{_SCHEMES[0]}://{rest}"


def mask_url(url: str) -> str:
    """Return an address without its secrets: scheme, user, host, port and path."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return ""
    query = dict(parse_qsl(parts.query))
    host = parts.hostname or query.get("host", "")
    user = f"{parts.username}@" if parts.username else ""
    return f"{parts.scheme}://{user}{host}{port}{parts.path}"


def database_secrets(options: Options) -> list[SecretStr]:
    """Return the passwords in `database.url`."""
    url = options.database.url.get_secret_value()
    try:
        parts = urlsplit(url)
    except ValueError:
        return []
    password = parts.password or ""
    secrets = {password, unquote(password)}
    secrets |= {text for name, text in parse_qsl(parts.query) if name in _SECRET}
    return [SecretStr(secret) for secret in sorted(secrets) if secret]


def check_database(options: Options, *, installed: bool) -> Iterator[str]:
    """Yield the problems of the database.

    Args:
        installed: Whether psycopg is installed.
    """
    if options.database.url.get_secret_value() and not installed:
        yield f"database.url: {MISSING}"


def is_installed() -> bool:
    """Return whether psycopg is installed, without the slow import."""
    return importlib.util.find_spec("psycopg") is not None
