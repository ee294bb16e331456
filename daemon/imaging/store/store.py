"""Where image files are: everything that reads or writes one goes through this."""

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
from daemon.imaging.store.errors import (
    DamagedImageError,
    NameCollisionError,
    StoreUnavailableError,
)

if TYPE_CHECKING:
    from daemon.imaging.store.remote import RemoteStore

T = TypeVar("T")

#: How long who is told that the store is away waits before the next try, in seconds.
RETRY_PAUSE = 30.0
#: For a moment less than that, the store is not asked again.
_REST = RETRY_PAUSE - 1


@dataclass(slots=True)
class Store:
    """The images of one data folder.  It blocks: call it from a thread.

    Attributes:
        folder: `images/`: all there is, or a cache of the remote.
        remote: The store that machines share; None: there is none.
        away: Why the remote could not be asked last time; empty: it could.
    """

    folder: Path
    remote: RemoteStore | None = None
    monotonic: Callable[[], float] = time.monotonic
    away: str = ""
    _asked_at: float = -math.inf

    def save_image(self, name: str, data: bytes) -> None:
        """Put an image under a name that is not taken: durably here, then there.

        After a failure it may be called again with the same, and does what is left.

        Raises:
            FileExistsError: The name is taken here; nothing was changed.
            OSError: The disk is full, ...; nothing is left behind.
            StoreAwayError: It is here, and not known to be there.
            TakenError: It is here, and another image has its name there.
        """
        try:
            files.save_new(self.folder, name, data)
        except FileExistsError:
            # Kept before: it is the remote that does not have it yet.
            if (self.folder / name).read_bytes() != data:
                raise
        self.push_to_remote(name, data)

    def push_to_remote(self, name: str, data: bytes) -> None:
        """Put an image that is here on the remote, if there is one.

        Raises:
            StoreAwayError: It is not known to be there.
            TakenError: Another image has its name there.
        """
        if (remote := self.remote) is None:
            return
        if self._call_remote(lambda: remote.put_new(name, data)):
            return
        # The answer to an earlier try was lost; or it is somebody else's.
        if self._call_remote(lambda: remote.get(name)) != data:
            raise NameCollisionError(
                f"{remote.where} has another image named {name}: give each "
                "installation a prefix of its own in images.store"
            )

    def is_local(self, name: str) -> bool:
        """Say whether the folder has it; nobody is asked."""
        return os.path.lexists(self.folder / name)

    def is_lost(self, name: str) -> bool:
        """Say whether nobody can have it; nobody is asked."""
        return self.remote is None and not (self.folder / name).is_file()

    def ensure_local(self, name: str, sha256: str = "") -> Path:
        """Return a file of the folder, fetched from the remote if it has to be.

        Args:
            sha256: Of the image, in hex, where a row says so: what is fetched and is
                something else is not put into the folder.

        Raises:
            FileNotFoundError: Neither has it; DamagedError: the remote has a wreck.
            OSError: What was fetched cannot be written.
            StoreAwayError: It is not here, and the remote cannot be asked.
        """
        path = self.folder / name
        if self.is_local(name):
            return path
        if self.remote is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        remote = self.remote
        data = self._call_remote(lambda: remote.get(name))
        if sha256 and hashlib.sha256(data).hexdigest() != sha256:
            raise DamagedImageError(
                errno.ENOENT, "it is damaged on the store", str(path)
            )
        # Somebody else has fetched it meanwhile.
        with suppress(FileExistsError):
            files.save_new(self.folder, name, data)
        return path

    def remove(self, name: str) -> None:
        """Remove an image from both; one that is not there is no error.

        Raises:
            StoreAwayError: It is still in both.
        """
        if self.remote is not None:
            remote = self.remote
            self._call_remote(lambda: remote.remove(name))
        (self.folder / name).unlink(missing_ok=True)

    def replace_remote(self, name: str) -> None:
        """Put what the folder has in the place of what the remote has.

        Raises:
            OSError, StoreAwayError, TakenError: As `save_image`.
        """
        data = (self.folder / name).read_bytes()
        if self.remote is not None:
            remote = self.remote
            self._call_remote(lambda: remote.remove(name))
            self.push_to_remote(name, data)

    def remote_sizes(self) -> Mapping[str, int] | None:
        """Return the bytes of all that the remote has, by name; None: there is none.

        Raises:
            StoreAwayError: It cannot be asked.
        """
        return (
            None if self.remote is None else self._call_remote(self.remote.object_sizes)
        )

    def check_remote(self) -> None:
        """See whether the remote answers; without one there is nothing to see.

        Raises:
            StoreAwayError: It does not, or was asked a moment ago and did not.
        """
        if self.remote is not None:
            self._call_remote(self.remote.check_access)

    @property
    def is_backing_off(self) -> bool:
        """It was away a moment ago, and is not asked again yet."""
        asked = self.monotonic() - self._asked_at
        return bool(self.away) and asked < _REST

    def _call_remote(self, work: Callable[[], T]) -> T:
        # Whoever looks at a page of forty images does not wait forty times.
        if self.is_backing_off:
            raise StoreUnavailableError(self.away)
        try:
            found = work()
        except StoreUnavailableError as error:
            self.away, self._asked_at = str(error), self.monotonic()
            raise
        except FileNotFoundError:
            self.away = ""
            raise
        self.away = ""
        return found
