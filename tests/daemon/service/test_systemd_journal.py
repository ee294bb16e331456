"""journald's native protocol, on a socket that stands where the journal's does."""

from __future__ import annotations

import array
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from daemon.service import log, systemd
from daemon.service.systemd import JournalSocket, encode_entry


@pytest.fixture(name="listener")
def _listener(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "socket"))
        listener.settimeout(5)
        yield listener


def _decoded(data: bytes) -> dict[str, str]:
    """Read entries as systemd documents them."""
    found: dict[str, str] = {}
    while data:
        line, _, rest = data.partition(b"\n")
        if b"=" in line:
            name, _, value = line.partition(b"=")
            data = rest
        else:
            (size,) = struct.unpack("<Q", rest[:8])
            name, value, data = line, rest[8 : 8 + size], rest[8 + size + 1 :]
        found[name.decode()] = value.decode()
    return found


def test_a_value_of_several_lines_keeps_its_lines() -> None:
    fields = {"MESSAGE": "one\ntwo=2\n", "PRIORITY": "4", "PB_EVENT": "a.b=c"}
    assert _decoded(encode_entry(fields)) == fields


def test_a_line_arrives_with_its_fields(
    listener: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender = JournalSocket(str(tmp_path / "socket"))
    monkeypatch.setattr(log, "JournalSocket", lambda: sender)
    logger = log.configure("info", "journal", environ={}, secrets=["s3cret-value"])
    logger.warning("breaker.opened", summary="flux: s3cret-value", provider="flux")
    structlog.reset_defaults()
    sender.close()
    fields = _decoded(listener.recv(65536))
    assert fields["MESSAGE"] == "breaker.opened flux: [secret]"
    assert fields["PRIORITY"] == "4"
    assert fields["PB_EVENT"] == "breaker.opened"
    assert fields["PB_PROVIDER"] == "flux"


def test_what_does_not_fit_a_datagram_goes_as_a_sealed_file(
    listener: socket.socket, tmp_path: Path
) -> None:
    sender = JournalSocket(str(tmp_path / "socket"))
    long = "x" * 2_000_000
    assert sender.send({"MESSAGE": long})
    rights = array.array("i")
    _, ancillary, _, _ = listener.recvmsg(16, socket.CMSG_SPACE(rights.itemsize))
    rights.frombytes(ancillary[0][2])
    with os.fdopen(rights[0], "rb") as handed_over:
        handed_over.seek(0)
        assert _decoded(handed_over.read()) == {"MESSAGE": long}
    sender.close()


def test_a_journal_that_is_away_loses_the_line_and_nothing_else(tmp_path: Path) -> None:
    sender = JournalSocket(str(tmp_path / "nobody"))
    assert sender.send({"MESSAGE": "x"}) is False
    sender.close()


def test_the_journal_is_known_by_its_inode(tmp_path: Path) -> None:
    with (tmp_path / "stream").open("w") as stream:
        status = os.fstat(stream.fileno())
        mine = {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
        assert systemd.is_journal_stream(stream, mine)
        assert not systemd.is_journal_stream(stream, {"JOURNAL_STREAM": "1:2"})
        assert not systemd.is_journal_stream(stream, {})
