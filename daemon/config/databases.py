"""`database.url`: how one is written, what of it is secret, what it needs."""

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
    """Return an address with the one scheme there is; "" stays.

    Raises:
        ValueError: It is none of PostgreSQL's; the address is not said.
    """
    if not url:
        return url
    scheme, sign, rest = url.partition("://")
    if scheme not in _SCHEMES or not sign:
        raise ValueError(
            "this is written postgresql+psycopg://USER@HOST/DATABASE; leave it empty "
            "for an SQLite file in data_dir"
        )
    try:
        parts = urlsplit(url)
        named = parts.port is None or parts.port > 0
    except ValueError:
        named = False
    if not named or not parts.path.strip("/") or not url.isprintable():
        raise ValueError(
            "this is written postgresql+psycopg://USER@HOST:PORT/DATABASE; signs such "
            "as @ / : in a password are written %40 %2F %3A"
        )
    return f"{_SCHEMES[0]}://{rest}"


def mask_url(url: str) -> str:
    """Return what may be said of an address: where it is, and for whom."""
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
    """Return what is secret in it: the passwords, and so the whole."""
    url = options.database.url.get_secret_value()
    try:
        parts = urlsplit(url)
    except ValueError:
        return []
    written = parts.password or ""
    known = {written, unquote(written)}
    known |= {text for name, text in parse_qsl(parts.query) if name in _SECRET}
    return [SecretStr(one) for one in sorted(known) if one]


def check_database(options: Options, *, installed: bool) -> Iterator[str]:
    """Yield what is wrong with the database.

    Args:
        installed: Whether psycopg is.
    """
    if options.database.url.get_secret_value() and not installed:
        yield f"database.url: {MISSING}"


def is_installed() -> bool:
    """Say whether psycopg can be imported, without doing so: that takes a while."""
    return importlib.util.find_spec("psycopg") is not None
