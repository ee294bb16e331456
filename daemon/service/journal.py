"""journald's native protocol: one datagram a line, fields instead of text.

Facts: systemd, "Native Journal Protocol"; a line whose value holds a newline is
written with its length; what does not fit a datagram goes as a sealed memfd.
"""

from __future__ import annotations

import array
import errno
import fcntl
import os
import socket
import struct
from collections.abc import Mapping
from typing import TextIO

SOCKET = "/run/systemd/journal/socket"


def is_journal_stream(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Say whether *stream* is the journal itself, by $JOURNAL_STREAM."""
    device, _, inode = environ.get("JOURNAL_STREAM", "").partition(":")
    if not inode:
        return False
    try:
        found = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return (str(found.st_dev), str(found.st_ino)) == (device, inode)


def encode_entry(fields: Mapping[str, str]) -> bytes:
    """Return one entry in the native protocol."""
    out = bytearray()
    for name, value in fields.items():
        raw = value.encode("utf-8", "replace")
        if b"\n" in raw:
            out += name.encode() + b"\n" + struct.pack("<Q", len(raw)) + raw + b"\n"
        else:
            out += name.encode() + b"=" + raw + b"\n"
    return bytes(out)


class JournalSocket:
    """The way to journald; a journal that is away loses the line, not the daemon."""

    def __init__(self, path: str = SOCKET) -> None:
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)

    def send(self, fields: Mapping[str, str]) -> bool:
        """Send one entry; say whether the journal took it."""
        data = encode_entry(fields)
        try:
            self._socket.sendto(data, self._path)
        except OSError as error:
            if error.errno not in {errno.EMSGSIZE, errno.ENOBUFS}:
                return False
            return self._send_large(data)
        return True

    def _send_large(self, data: bytes) -> bool:
        handle = os.memfd_create("postbrush-log", os.MFD_ALLOW_SEALING)
        try:
            os.write(handle, data)
            seals = (
                fcntl.F_SEAL_SHRINK
                | fcntl.F_SEAL_GROW
                | fcntl.F_SEAL_WRITE
                | fcntl.F_SEAL_SEAL
            )
            fcntl.fcntl(handle, fcntl.F_ADD_SEALS, seals)
            rights = array.array("i", [handle])
            ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)]
            self._socket.sendmsg([b""], ancillary, 0, self._path)
        except OSError:
            return False
        else:
            return True
        finally:
            os.close(handle)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
