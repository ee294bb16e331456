"""Client of an S3-compatible store, and what its errors mean.

This is the only importer of obstore, and is loaded if a store is configured.  The text
of a server is never repeated, as it quotes keys and signed requests.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import ObjectStore, S3Store

from daemon.config.addresses import StoreLocation
from daemon.imaging.store import StoreUnavailableError

if TYPE_CHECKING:
    from obstore.store import S3Config, S3Credential

T = TypeVar("T")

#: Enough for 25 MB at 4 Mbit/s, and less than systemd waits for a stop.
_TIMEOUT = timedelta(seconds=60)
_CONNECT_TIMEOUT = timedelta(seconds=5)
#: A call retries only brief errors; the caller retries after longer ones.
_RETRIES = 2
_RETRY_FOR = timedelta(seconds=5)
_BACKOFF = timedelta(milliseconds=200)
_MAX_BACKOFF = timedelta(seconds=1)
#: Threads of obstore; its default is one for each core.
_THREADS = "2"
_PROBE_PREFIX = ".postbrush-check-"


@dataclass(frozen=True, slots=True)
class RemoteStore:
    """One prefix of one bucket.

    Attributes:
        where: Address of the prefix, "s3://bucket/prefix".
    """

    where: str
    bucket: str
    _objects: ObjectStore = field(repr=False)

    @classmethod
    def open(cls, place: StoreLocation, key_id: str, key: str) -> RemoteStore:
        """Return the store at *place*, without a request to it."""
        os.environ.setdefault("TOKIO_WORKER_THREADS", _THREADS)
        credential: S3Credential = {
            "access_key_id": key_id,
            "secret_access_key": key,
            "token": None,
            "expires_at": None,
        }
        config: S3Config = {"region": place.region}
        if place.endpoint:
            config["endpoint"] = place.endpoint
        objects = S3Store(
            place.bucket,
            prefix=place.prefix or None,
            config=config,
            # obstore must not read other credentials from the environment.
            credential_provider=lambda: credential,
            client_options={
                "allow_http": place.endpoint.startswith("http://"),
                "timeout": _TIMEOUT,
                "connect_timeout": _CONNECT_TIMEOUT,
                "default_content_type": "image/png",
            },
            retry_config={
                "max_retries": _RETRIES,
                "retry_timeout": _RETRY_FOR,
                "backoff": {
                    "init_backoff": _BACKOFF,
                    "max_backoff": _MAX_BACKOFF,
                    "base": 2,
                },
            },
        )
        return cls(str(place), place.bucket, objects)

    def put_new(self, name: str, data: bytes) -> bool:
        """Create an object; return False, without a change, if it exists already.

        Raises:
            StoreUnavailableError: It is unknown whether the object was created.
        """

        def put() -> bool:
            try:
                obstore.put(self._objects, name, data, mode="create")
            except AlreadyExistsError:
                return False
            return True

        return self._call_service(put)

    def get(self, name: str) -> bytes:
        """Return the bytes of an object.

        Raises:
            FileNotFoundError: There is no object of that name.
            StoreUnavailableError: The request failed.
        """
        return self._call_service(
            lambda: bytes(obstore.get(self._objects, name).bytes()), name
        )

    def remove(self, name: str) -> None:
        """Remove an object if it exists.

        Raises:
            StoreUnavailableError: The request failed.
        """

        def delete() -> None:
            try:
                obstore.delete(self._objects, name)
            except FileNotFoundError as error:
                if s3_error_code(str(error)) == "NoSuchBucket":
                    raise

        self._call_service(delete)

    def object_sizes(self) -> dict[str, int]:
        """Return the size in bytes of every object, by name, without subfolders.

        Raises:
            StoreUnavailableError: The request failed.
        """
        listed = self._call_service(
            lambda: obstore.list_with_delimiter(self._objects)["objects"]
        )
        # Some servers list the folder itself as an object without a name.
        return {meta["path"]: meta["size"] for meta in listed if meta["path"]}

    def check_access(self) -> None:
        """Check that the store answers and may be read.

        Raises:
            StoreUnavailableError: It does not, or it may not be read.
        """
        # A HEAD request cannot tell a missing object from a missing bucket.
        with suppress(FileNotFoundError):
            self.get(_PROBE_PREFIX)

    def check_read_write(self) -> None:
        """Check that objects can be created, read, listed and removed.

        Raises:
            StoreUnavailableError: One of these requests failed.
        """
        name, data = f"{_PROBE_PREFIX}{secrets.token_hex(8)}", secrets.token_bytes(64)
        if not self.put_new(name, data) or self.get(name) != data:
            raise self._unavailable_error(
                "a test object was not read back as it was written"
            )
        self.object_sizes()
        self.remove(name)

    def _unavailable_error(self, why: str) -> StoreUnavailableError:
        return StoreUnavailableError(
            f"the image store {self.where} is not available ({why})"
        )

    def _call_service(self, work: Callable[[], T], name: str = "") -> T:
        try:
            return work()
        except FileNotFoundError as error:
            message, is_missing = str(error), bool(name)
        except (BaseError, OSError, NotImplementedError, ValueError) as error:
            message, is_missing = str(error), False
        # Raised outside of `except`, as the context of the original may hold a key.
        if is_missing and s3_error_code(message) != "NoSuchBucket":
            raise FileNotFoundError(errno.ENOENT, "not on the store", name)
        raise self._unavailable_error(explain_s3_error(message, self.bucket))


_CODE = re.compile(r"<Code>\s*([A-Za-z]{1,60})\s*</Code>")
_STATUS = re.compile(r"\bstatus: ([1-5][0-9]{2})\b")


def s3_error_code(message: str) -> str:
    """Return the S3 error code in *message*, such as "NoSuchBucket"; else empty."""
    match = _CODE.search(message)
    return match.group(1) if match else ""


def explain_s3_error(message: str, bucket: str) -> str:
    """Return why a store cannot be used, from the error message of obstore."""
    code, status = s3_error_code(message), _STATUS.search(message)
    match code, status.group(1) if status else "":
        case "NoSuchBucket", _:
            return f"bucket {bucket!r} does not exist; create it, or edit images.store"
        case (("InvalidAccessKeyId" | "InvalidClientTokenId"), _):
            return "AWS_ACCESS_KEY_ID is not a key of this store"
        case "SignatureDoesNotMatch", _:
            return "AWS_SECRET_ACCESS_KEY does not match AWS_ACCESS_KEY_ID"
        # The signature of a request includes the time.
        case (("RequestTimeTooSkewed" | "RequestExpired"), _):
            return "this machine's clock is wrong; set it with timedatectl set-ntp true"
        # The signature of a request includes the region.
        case (("AuthorizationHeaderMalformed" | "PermanentRedirect"), _):
            return "the bucket is in another region; set images.store_region"
        case (("IllegalLocationConstraintException" | "TemporaryRedirect"), _):
            return "the bucket is in another region; set images.store_region"
        # A redirect without a target also means another region.
        case _, "301" | "307" | "308":
            return "the bucket is in another region; set images.store_region"
        # The key is valid, but lacks a permission.
        case _, "401" | "403":
            return (
                f"the key needs permission to list bucket {bucket!r}, and to read, "
                "write and delete objects in it"
            )
        # Without If-None-Match, two installations could overwrite each other.
        case ("NotImplemented", _) | (_, "501"):
            return "the server does not support If-None-Match, which postbrush needs"
        case "SlowDown", _:
            return "rate limit reached"
        case _, other if other:
            return f"HTTP {other}{f' {code}' if code else ''}"
    return _explain_connection_error(message)


def _explain_connection_error(message: str) -> str:
    low = message.lower()
    if "dns error" in low or "failed to lookup" in low:
        return "unknown host name; check images.store_endpoint"
    if "certificate" in low:
        return "this machine does not trust its certificate"
    if "bareredirect" in low:
        return "the bucket is in another region; set images.store_region"
    if "kind: timeout" in low or "timed out" in low:
        return "no response in time"
    if "kind: connect" in low or "connection refused" in low:
        return "no connection; check that the server runs, and images.store_endpoint"
    return "the connection was lost"
