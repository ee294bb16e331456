"""A real S3 server on this machine, and a gate before it that can be shut."""

from __future__ import annotations

import asyncio
import secrets
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

KEY_ID, KEY = "AKIDFORTESTSONLY0000", "secret/For+Tests0nly/0123456789abcdef0123"
RCLONE = Path(sys.prefix) / "bin" / "rclone"
_PATIENCE = 20.0
_CHUNK = 1 << 16


@dataclass(slots=True)
class Gate:
    """Passes bytes on to a server; may be shut, and may cut what comes back.

    Attributes:
        port: The same each time it is opened.
        cut_after: Bytes of an answer that come through before the line breaks.
        asked: First lines of the requests that came through, "GET /pictures/...".
        heads: The same with all their headers.
    """

    behind: int
    port: int = 0
    cut_after: int | None = None
    asked: list[str] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _server: asyncio.Server | None = None
    _lines: set[asyncio.StreamWriter] = field(default_factory=set)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.open()

    def open(self) -> None:
        self._run(self._open())

    def shut(self) -> None:
        """Refuse connections, and break the ones there are."""
        self._run(self._shut())

    def stop(self) -> None:
        self.shut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        if self._thread is not None:
            self._thread.join()
        self._loop.close()

    def _run(self, work: object) -> None:
        assert asyncio.iscoroutine(work)
        asyncio.run_coroutine_threadsafe(work, self._loop).result(_PATIENCE)

    async def _open(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(
                self._pass, "127.0.0.1", self.port, reuse_address=True
            )
            self.port = self._server.sockets[0].getsockname()[1]

    async def _shut(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for line in tuple(self._lines):
            line.transport.abort()
        # What was aborted notices now.
        await asyncio.sleep(0)

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._lines.add(writer)
        try:
            far_reader, far_writer = await asyncio.open_connection(
                "127.0.0.1", self.behind
            )
            self._lines.add(far_writer)
            with suppress(OSError):
                await asyncio.gather(
                    self._there(reader, far_writer), self._back(far_reader, writer)
                )
            self._lines.discard(far_writer)
            far_writer.close()
        finally:
            self._lines.discard(writer)
            writer.close()

    async def _there(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while data := await reader.read(_CHUNK):
            head = data.partition(b"\r\n\r\n")[0].decode("latin-1")
            if " HTTP/1.1\r\n" in head:
                self.heads.append(head)
                self.asked.append(head.partition(" HTTP/1.1")[0])
            writer.write(data)
            await writer.drain()
        writer.close()

    async def _back(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        left = self.cut_after
        while data := await reader.read(_CHUNK):
            if left is not None:
                data, left = data[:left], left - len(data)
            writer.write(data)
            await writer.drain()
            if left is not None and left <= 0:
                break
        writer.close()


@dataclass(slots=True)
class Shop:
    """A bucket of a server, whose files can be looked at.

    Attributes:
        folder: Where the server keeps the bucket.
    """

    folder: Path
    gate: Gate

    @property
    def bucket(self) -> str:
        return self.folder.name

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.gate.port}"

    def toml(self, prefix: str = "oven") -> str:
        return (
            f'[images]\nstore = "s3://{self.bucket}/{prefix}"\n'
            f'store_endpoint = "{self.url}"\n'
        )

    @property
    def environ(self) -> Mapping[str, str]:
        return {"AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": KEY}

    def file(self, name: str, prefix: str = "oven") -> Path:
        """Return where the server keeps an object."""
        return self.folder / prefix / name

    def names(self, prefix: str = "oven") -> set[str]:
        folder = self.folder / prefix
        return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


def _free_port() -> int:
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def rclone(folder: Path) -> Iterator[int]:
    """Serve *folder*, a bucket for each folder in it; yield the port."""
    port = _free_port()
    process = subprocess.Popen(
        [
            *(str(RCLONE), "serve", "s3", str(folder), "--addr", f"127.0.0.1:{port}"),
            *("--auth-key", f"{KEY_ID},{KEY}", "--vfs-cache-mode", "off"),
            *("--config", "", "--dir-cache-time", "1ms", "--log-level", "ERROR"),
        ],
        stderr=subprocess.PIPE,
    )
    try:
        _wait_for(port, process)
        yield port
    finally:
        process.kill()
        process.communicate()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    until = monotonic() + _PATIENCE
    while monotonic() < until and process.poll() is None:
        with (
            suppress(OSError),
            closing(socket.create_connection(("127.0.0.1", port), timeout=1)),
        ):
            return
        # Until it listens a try is refused at once.
        threading.Event().wait(0.02)
    raise AssertionError("the server did not start")


@contextmanager
def bucket(folder: Path, port: int) -> Iterator[Shop]:
    """Make an empty bucket on the server of *folder*, and a gate before it."""
    own = folder / f"bucket-{secrets.token_hex(6)}"
    own.mkdir()
    gate = Gate(port)
    gate.start()
    try:
        yield Shop(own, gate)
    finally:
        gate.stop()
