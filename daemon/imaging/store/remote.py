"""An S3-compatible store; the only module that knows obstore, loaded when it is set."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import ObjectStore, S3Store

from daemon.config.stores import StoreLocation
from daemon.imaging.store.errors import StoreUnavailableError
from daemon.imaging.store.s3_errors import explain_s3_error, s3_error_code

if TYPE_CHECKING:
    from obstore.store import S3Config, S3Credential

T = TypeVar("T")

#: An image of 25 MB at 4 Mbit/s; a stop waits for it, and no longer than systemd does.
_LONGEST = timedelta(seconds=60)
_CONNECT = timedelta(seconds=5)
#: Within a call only what goes by in a moment is tried again: who calls does the rest.
_RETRIES = 2
_RETRY_FOR = timedelta(seconds=5)
_BACKOFF = timedelta(milliseconds=200)
_LONGEST_BACKOFF = timedelta(seconds=1)
#: Two do what is asked here; by itself it takes one for each core of the machine.
_THREADS = "2"
_PROBE = ".postbrush-check-"


@dataclass(frozen=True, slots=True)
class RemoteStore:
    """One prefix of one bucket.

    Attributes:
        where: As it is written, "s3://bucket/prefix".
    """

    where: str
    bucket: str
    _objects: ObjectStore = field(repr=False)

    @classmethod
    def open(cls, place: StoreLocation, key_id: str, key: str) -> RemoteStore:
        """Return the store at *place*; nothing is sent before the first request."""
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
            # Whatever the environment holds besides is left aside.
            credential_provider=lambda: credential,
            client_options={
                "allow_http": place.endpoint.startswith("http://"),
                "timeout": _LONGEST,
                "connect_timeout": _CONNECT,
                "default_content_type": "image/png",
            },
            retry_config={
                "max_retries": _RETRIES,
                "retry_timeout": _RETRY_FOR,
                "backoff": {
                    "init_backoff": _BACKOFF,
                    "max_backoff": _LONGEST_BACKOFF,
                    "base": 2,
                },
            },
        )
        return cls(str(place), place.bucket, objects)

    def put_new(self, name: str, data: bytes) -> bool:
        """Put an object that is not there yet; False: it is, and nothing was changed.

        Raises:
            StoreAwayError: It may be there, or not.
        """

        def put() -> bool:
            try:
                obstore.put(self._objects, name, data, mode="create")
            except AlreadyExistsError:
                return False
            return True

        return self._call_service(put)

    def get(self, name: str) -> bytes:
        """Return the whole of an object.

        Raises:
            FileNotFoundError: There is none of that name.
            StoreAwayError: It cannot be asked, or broke off.
        """
        return self._call_service(
            lambda: bytes(obstore.get(self._objects, name).bytes()), name
        )

    def remove(self, name: str) -> None:
        """Remove an object; one that is not there is no error.

        Raises:
            StoreAwayError: It cannot be asked.
        """

        def delete() -> None:
            try:
                obstore.delete(self._objects, name)
            except FileNotFoundError as error:
                if s3_error_code(str(error)) == "NoSuchBucket":
                    raise

        self._call_service(delete)

    def object_sizes(self) -> dict[str, int]:
        """Return the bytes of every object, by name; folders below are others'.

        Raises:
            StoreAwayError: It cannot be asked.
        """
        listed = self._call_service(
            lambda: obstore.list_with_delimiter(self._objects)["objects"]
        )
        # Some servers list the folder itself, as something without a name.
        return {one["path"]: one["size"] for one in listed if one["path"]}

    def check_access(self) -> None:
        """See that it answers and lets us read.

        Raises:
            StoreAwayError: It does not.
        """
        try:
            # Not only whether it is there: that answer does not say what is missing,
            # an object or the whole bucket.
            self.get(_PROBE)
        except FileNotFoundError:
            return

    def check_read_write(self) -> None:
        """Put something, read it and remove it.

        Raises:
            StoreAwayError: One of these is refused.
        """
        name, data = f"{_PROBE}{secrets.token_hex(8)}", secrets.token_bytes(64)
        if not self.put_new(name, data) or self.get(name) != data:
            raise self._unavailable_error("it does not give back what was put there")
        self.object_sizes()
        self.remove(name)

    def _unavailable_error(self, why: str) -> StoreUnavailableError:
        return StoreUnavailableError(
            f"the store {self.where} cannot be reached ({why})"
        )

    def _call_service(self, work: Callable[[], T], name: str = "") -> T:
        try:
            return work()
        except FileNotFoundError as error:
            said, gone = str(error), bool(name)
        except (BaseError, OSError, NotImplementedError, ValueError) as error:
            said, gone = str(error), False
        # Raised out here: its own words may hold a key, and are not carried along.
        if gone and s3_error_code(said) != "NoSuchBucket":
            raise FileNotFoundError(errno.ENOENT, "it is not on the store", name)
        raise self._unavailable_error(explain_s3_error(said, self.bucket))
