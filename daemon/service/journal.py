"""Writes log entries to journald by its native protocol.

Source: systemd, "Native Journal Protocol".  Each entry is one datagram of fields.  A
value with a newline is written with its length.  An entry that does not fit a datagram
is sent as a sealed memfd.
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
    """Return whether *stream* goes to the journal, by $JOURNAL_STREAM."""
    device, _, inode = environ.get("JOURNAL_STREAM", "").partition(":")
    if not inode:
        return False
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return (str(status.st_dev), str(status.st_ino)) == (device, inode)


def encode_entry(fields: Mapping[str, str]) -> bytes:
    """Return one entry in the native protocol."""
    entry = bytearray()
    for name, value in fields.items():
        raw = value.encode("utf-8", "replace")
        if b"\n" in raw:
            entry += name.encode() + b"\n" + struct.pack("<Q", len(raw)) + raw + b"\n"
        else:
            entry += name.encode() + b"=" + raw + b"\n"
    return bytes(entry)


class JournalSocket:
    """A socket to journald; an error loses the entry and never stops the daemon."""

    def __init__(self, path: str = SOCKET) -> None:
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)

    def send(self, fields: Mapping[str, str]) -> bool:
        """Send one entry; return whether the journal accepted it."""
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
            descriptors = array.array("i", [handle])
            ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptors)]
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
