"""The image files of one data folder; every read and write goes through `Store`."""

from __future__ import annotations

import errno
import hashlib
import math
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from daemon.imaging import files
from daemon.imaging.store import (
    DamagedImageError,
    NameCollisionError,
    StoreUnavailableError,
)

if TYPE_CHECKING:
    from daemon.imaging.store.remote import RemoteStore

T = TypeVar("T")

#: Seconds that a caller waits after StoreUnavailableError before its next try.
RETRY_PAUSE = 30.0
#: Seconds without requests after an error; shorter, so that the next try is sent.
_BACKOFF = RETRY_PAUSE - 1


@dataclass(slots=True)
class Store:
    """The images of one data folder.  Its methods block, so call them in a thread.

    Attributes:
        folder: `images/`, which is a cache if there is a remote.
        remote: The shared store; None if `images.store` is not set.
        away: Why the last request to the remote failed; empty after a success.
    """

    folder: Path
    remote: RemoteStore | None = None
    monotonic: Callable[[], float] = time.monotonic
    away: str = ""
    _failed_at: float = -math.inf

    def save_image(self, name: str, data: bytes) -> None:
        """Save an image under a new name: durably in the folder, then on the remote.

        After a failure, the same call may be repeated; it does what is missing.

        Raises:
            FileExistsError: Another image in the folder has the name.
            OSError: The write failed, such as on a full disk; nothing is left behind.
            StoreUnavailableError: The image is in the folder; whether it is on the
                remote is unknown.
            NameCollisionError: The image is in the folder; another image on the remote
                has the name.
        """
        try:
            files.save_new(self.folder, name, data)
        except FileExistsError:
            # An earlier call saved the file, but may not have reached the remote.
            if (self.folder / name).read_bytes() != data:
                raise
        self.push_to_remote(name, data)

    def push_to_remote(self, name: str, data: bytes) -> None:
        """Put an image of the folder on the remote, if there is one.

        Raises:
            StoreUnavailableError: It is unknown whether the remote has the image.
            NameCollisionError: Another image on the remote has the name.
        """
        if (remote := self.remote) is None:
            return
        if self._call_remote(lambda: remote.put_new(name, data)):
            return
        # An earlier try may have put it; else it is of another installation.
        if self._call_remote(lambda: remote.get(name)) != data:
            raise NameCollisionError(
                f"{remote.where} has another image named {name}. Give each "
                "installation its own prefix in images.store"
            )

    def is_local(self, name: str) -> bool:
        """Return True if the folder has an entry of that name."""
        return os.path.lexists(self.folder / name)

    def is_lost(self, name: str) -> bool:
        """Return True if there is no remote and the folder lacks the image."""
        return self.remote is None and not (self.folder / name).is_file()

    def ensure_local(self, name: str, sha256: str = "") -> Path:
        """Return the path of an image, fetched from the remote if the folder lacks it.

        Args:
            sha256: Expected hash in hex; a fetched file with another one is rejected.

        Raises:
            FileNotFoundError: Neither the folder nor the remote has the image.
            DamagedImageError: The remote has a file with another hash.
            OSError: The fetched file cannot be written.
            StoreUnavailableError: The folder lacks the image, and the remote cannot be
                reached.
        """
        path = self.folder / name
        if self.is_local(name):
            return path
        if (remote := self.remote) is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        data = self._call_remote(lambda: remote.get(name))
        if sha256 and hashlib.sha256(data).hexdigest() != sha256:
            raise DamagedImageError(errno.ENOENT, "damaged on the store", str(path))
        # Another task may have fetched the file meanwhile.
        with suppress(FileExistsError):
            files.save_new(self.folder, name, data)
        return path

    def remove(self, name: str) -> None:
        """Remove an image from the remote and the folder, where it exists.

        Raises:
            StoreUnavailableError: The remote cannot be reached; nothing is removed.
        """
        if (remote := self.remote) is not None:
            self._call_remote(lambda: remote.remove(name))
        (self.folder / name).unlink(missing_ok=True)

    def replace_remote(self, name: str) -> None:
        """Replace the image on the remote by the one in the folder.

        Raises:
            OSError, StoreUnavailableError, NameCollisionError: As `save_image`.
        """
        data = (self.folder / name).read_bytes()
        if (remote := self.remote) is not None:
            self._call_remote(lambda: remote.remove(name))
            self.push_to_remote(name, data)

    def remote_sizes(self) -> Mapping[str, int] | None:
        """Return the bytes of every image on the remote by name; None without one.

        Raises:
            StoreUnavailableError: The remote cannot be reached.
        """
        return self._call_remote(self.remote.object_sizes) if self.remote else None

    def check_remote(self) -> None:
        """Check that the remote can be reached, if there is one.

        Raises:
            StoreUnavailableError: It cannot, or could not less than 29 s ago.
        """
        if self.remote is not None:
            self._call_remote(self.remote.check_access)

    @property
    def is_backing_off(self) -> bool:
        """True for 29 s after a failed request, during which no request is sent."""
        return bool(self.away) and self.monotonic() - self._failed_at < _BACKOFF

    def _call_remote(self, work: Callable[[], T]) -> T:
        # Fail fast, so that a page of forty images does not wait for forty timeouts.
        if self.is_backing_off:
            raise StoreUnavailableError(self.away)
        try:
            result = work()
        except StoreUnavailableError as error:
            self.away, self._failed_at = str(error), self.monotonic()
            raise
        except FileNotFoundError:
            self.away = ""
            raise
        self.away = ""
        return result
