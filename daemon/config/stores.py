"""`images.store`: its location and its requirements."""

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


def parse_store(text: str) -> tuple[str, str]:
    """Return (bucket, prefix) of "s3://bucket/prefix".

    Raises:
        ValueError: The text has another form.
    """
    match = _STORE.fullmatch(text)
    if match is None:
        raise ValueError(_HOW)
    prefix = (match.group(2) or "").strip("/")
    parts = prefix.split("/") if prefix else []
    if not prefix.isprintable() or len(prefix) > _LONGEST_PREFIX:
        raise ValueError(_HOW)
    if any(part.strip() in {"", ".", ".."} for part in parts):
        raise ValueError(f"{_HOW}, and no part of it is empty, . or ..")
    return match.group(1), prefix


def validate_store(text: str) -> str:
    """Return a store in its canonical form.  Raises ValueError."""
    if not text:
        return ""
    bucket, prefix = parse_store(text)
    return str(StoreLocation(bucket=bucket, prefix=prefix, endpoint="", region=""))


def validate_endpoint(text: str) -> str:
    """Return the address of a server without a slash at its end.

    Raises:
        ValueError: It is not an address, contains a key, or would crash obstore.
    """
    match = _ENDPOINT.fullmatch(text)
    if text and (match is None or not _is_valid_host(match.group(1), match.group(2))):
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
    """Return the configured store, None without one.

    Args:
        environ: Its AWS_REGION and AWS_ENDPOINT_URL count if the file has none.
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
    options: Options, secrets: Secrets, location: StoreLocation | None, *, ready: bool
) -> Iterator[str]:
    """Yield the problems of the store.

    Args:
        location: The result of `resolve_location`.
        ready: Whether a missing key or a missing obstore is a problem.
    """
    if location is None:
        return
    if not options.images.store_endpoint and location.endpoint:
        try:
            validate_endpoint(location.endpoint)
        except ValueError as error:
            yield f"AWS_ENDPOINT_URL: {error}"
    if _REGION.fullmatch(location.region) is None:
        setting = "images.store_region" if options.images.store_region else "AWS_REGION"
        yield f'{setting}: a region is written "eu-central-1"'
    if not ready:
        return
    missing = [names[0] for names in STORE if secrets.first_value(names) is None]
    if missing:
        yield (
            f"images.store needs {' and '.join(missing)}: put each into a file of its "
            "name in secrets/, or into the environment"
        )
    if not is_installed():
        yield f"images.store: {MISSING}"


def is_installed() -> bool:
    """Return whether obstore is installed, without importing it."""
    return importlib.util.find_spec("obstore") is not None
