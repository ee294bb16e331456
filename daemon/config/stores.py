"""`images.store`: which store it is, and what it needs."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import TYPE_CHECKING

from daemon.config.secret import STORE, Secrets

if TYPE_CHECKING:
    from daemon.config.model import ImagesSection, Options

MISSING = (
    "obstore, which speaks to such stores, is not installed: run `make s3` here (for "
    "the service: `sudo make install S3=1`), or install it into postbrush's "
    "environment with `python -m pip install obstore`"
)
_STORE = re.compile(r"s3://([A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9])(?:/(.*))?")
_ENDPOINT = re.compile(
    r"https?://(?:[A-Za-z0-9][A-Za-z0-9.-]*|\[([0-9A-Fa-f:.]+)\])(?::([0-9]{1,5}))?"
    r"(?:/[A-Za-z0-9._~/-]*)?"
)
_REGION = re.compile(r"[A-Za-z0-9-]{1,40}")
_LONGEST_PREFIX = 500
_LAST_PORT = 65535
_USUAL_REGION = "us-east-1"
_HOW = 'this is written "s3://bucket/prefix"'


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreLocation:
    """One prefix of one bucket of one server.

    Attributes:
        prefix: Without slashes at its ends; empty: the whole bucket.
        endpoint: The server's address; empty: Amazon's of that region.
    """

    bucket: str
    prefix: str
    endpoint: str
    region: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}{f'/{self.prefix}' if self.prefix else ''}"


def parse_store(text: str) -> tuple[str, str]:
    """Return (bucket, prefix) of "s3://bucket/prefix".

    Raises:
        ValueError: It is something else.
    """
    found = _STORE.fullmatch(text)
    if found is None:
        raise ValueError(_HOW)
    prefix = (found.group(2) or "").strip("/")
    parts = prefix.split("/") if prefix else []
    if not prefix.isprintable() or len(prefix) > _LONGEST_PREFIX:
        raise ValueError(_HOW)
    if any(part.strip() in {"", ".", ".."} for part in parts):
        raise ValueError(f"{_HOW}, and no part of it is empty, . or ..")
    return found.group(1), prefix


def validate_store(text: str) -> str:
    """Return a store as it is shown.  Raises ValueError."""
    if not text:
        return ""
    bucket, prefix = parse_store(text)
    return str(StoreLocation(bucket=bucket, prefix=prefix, endpoint="", region=""))


def validate_endpoint(text: str) -> str:
    """Return a server's address; there is no key in it.

    Raises:
        ValueError: It is no address, or one that obstore ends the process over.
    """
    found = _ENDPOINT.fullmatch(text)
    if text and (found is None or not _is_valid_host(found.group(1), found.group(2))):
        raise ValueError('an address is written "https://s3.example.org"')
    return text.rstrip("/")


def _is_valid_host(address: str | None, port: str | None) -> bool:
    try:
        IPv6Address(address or "::")
    except ValueError:
        return False
    return 0 < int(port or 1) <= _LAST_PORT


def resolve_location(
    images: ImagesSection, environ: Mapping[str, str]
) -> StoreLocation | None:
    """Return the store that is set, None without one.

    Args:
        environ: What the file leaves open, it may say as for other programs.
    """
    if not images.store:
        return None
    bucket, prefix = parse_store(images.store)
    region = images.store_region or environ.get("AWS_REGION", "").strip()
    return StoreLocation(
        bucket=bucket,
        prefix=prefix,
        endpoint=images.store_endpoint or environ.get("AWS_ENDPOINT_URL", "").strip(),
        region=region or _USUAL_REGION,
    )


def check_store(
    options: Options, secrets: Secrets, found: StoreLocation | None, *, ready: bool
) -> Iterator[str]:
    """Yield what is wrong with the store.

    Args:
        found: As `resolve_location` returned it.
        ready: It is a problem when it has no key, or nothing to speak to it with.
    """
    if found is None:
        return
    if not options.images.store_endpoint and found.endpoint:
        try:
            validate_endpoint(found.endpoint)
        except ValueError as error:
            yield f"AWS_ENDPOINT_URL: {error}"
    if _REGION.fullmatch(found.region) is None:
        named = "images.store_region" if options.images.store_region else "AWS_REGION"
        yield f'{named}: a region is written "eu-central-1"'
    if not ready:
        return
    lacks = [names[0] for names in STORE if secrets.first_value(names) is None]
    if lacks:
        yield (
            f"images.store needs {' and '.join(lacks)}: put each into a file of its "
            "name in secrets/, or into the environment"
        )
    if not is_installed():
        yield f"images.store: {MISSING}"


def is_installed() -> bool:
    """Say whether obstore can be imported, without doing so."""
    return importlib.util.find_spec("obstore") is not None
