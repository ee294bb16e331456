"""The built command as a process: forked by a zygote, or really started."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import functools
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.daemon.cli import zygote
from tests.daemon.cli.zygote import Request

COMMAND = Path(sys.executable).with_name("postbrush")
_ROOT = Path(__file__).resolve().parents[3]


@dataclass(slots=True)
class Process:
    """A command that runs, with as much of asyncio's own as tests ask for."""

    pid: int
    stdout: asyncio.StreamReader | None
    stderr: asyncio.StreamReader | None
    _end: asyncio.Task[int]
    _input: int = -1

    @property
    def returncode(self) -> int | None:
        return self._end.result() if self._end.done() else None

    async def wait(self) -> int:
        code = await asyncio.shield(self._end)
        self._close_input()
        return code

    def send_signal(self, sign: int) -> None:
        if self.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, sign)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    async def communicate(self, given: bytes = b"") -> tuple[bytes, bytes]:
        """Give it its input, a pipe full at most, and wait for all it says."""
        with contextlib.suppress(BrokenPipeError):
            os.write(self._input, given)
        self._close_input()
        out, err, _ = await asyncio.gather(
            _all_of(self.stdout), _all_of(self.stderr), self.wait()
        )
        return out, err

    def _close_input(self) -> None:
        if self._input >= 0:
            os.close(self._input)
            self._input = -1


async def _all_of(stream: asyncio.StreamReader | None) -> bytes:
    return b"" if stream is None else await stream.read()


#: Of this process; held, since it ends when its input does.
_ZYGOTES: list[subprocess.Popen[bytes]] = []


@functools.cache
def _zygote() -> str:
    """Start the zygote; return its address."""
    folder = tempfile.mkdtemp(prefix="zygote-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    address = f"{folder}/socket"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(64)
        made = subprocess.Popen(
            [sys.executable, "-m", zygote.__name__, str(listener.fileno())],
            cwd=_ROOT,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TZ": "UTC"},
            stdin=subprocess.PIPE,
            pass_fds=[listener.fileno()],
            start_new_session=True,
        )
    _ZYGOTES.append(made)
    return address


async def forked(request: Request, files: list[int]) -> tuple[int, asyncio.Task[int]]:
    """Start a command; return its number, and what waits for its exit code."""
    there = socket.socket(socket.AF_UNIX)
    there.connect(_zygote())
    request.send(there, files)
    reader, writer = await asyncio.open_unix_connection(sock=there)
    pid = int(await reader.readline())

    async def ended() -> int:
        code = int(await reader.readline())
        writer.close()
        return code

    return pid, asyncio.create_task(ended())


async def started(request: Request, *, merged: bool = False) -> Process:
    """Start a command with pipes; *merged*: its errors are among its output."""
    its_input, given = os.pipe()
    outputs = [os.pipe() for _ in range(1 if merged else 2)]
    theirs = [its_input, *(output[1] for output in outputs)]
    try:
        pid, end = await forked(request, [*theirs, theirs[-1]][:3])
    finally:
        for file in theirs:
            os.close(file)
    streams = [await _reader(output[0]) for output in outputs]
    return Process(pid, streams[0], None if merged else streams[1], end, given)


async def _reader(file: int) -> asyncio.StreamReader:
    stream = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(file, "rb", 0)
    )
    return stream
