"""A command at a real terminal: a pseudo-terminal that is its own, and a keyboard."""

from __future__ import annotations

import asyncio
import os
import pty
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.daemon.cli.desk import Desk
from tests.daemon.cli.process import COMMAND, Process, forked
from tests.daemon.cli.zygote import Request

_PATIENCE = 60.0


@dataclass(slots=True)
class Terminal:
    """What is shown, and what is typed."""

    process: Process
    screen: asyncio.StreamReader
    keyboard: int
    shown: str = ""
    _seen: int = 0

    async def until(self, words: str) -> None:
        """Wait until *words* are shown, after what was waited for before."""
        async with asyncio.timeout(_PATIENCE):
            while words not in self.shown[self._seen :]:
                more = await self.screen.read(4096)
                assert more, self.shown
                self._add(more)
        self._seen = self.shown.index(words, self._seen) + len(words)

    def _add(self, more: bytes) -> None:
        text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", more.decode(errors="replace"))
        self.shown += text.replace("\r\n", "\n")

    def type(self, text: str) -> None:
        """Type a line."""
        os.write(self.keyboard, f"{text}\n".encode())

    async def press(self, key: bytes) -> None:
        """Press one key once it waits for one.

        A signal between the question and the read is lost: Python looks for signals
        before it reads, and when a read was interrupted.
        """
        async with asyncio.timeout(_PATIENCE):
            while not _waits(self.process.pid):  # noqa: ASYNC110 - only the kernel knows
                await asyncio.sleep(0.01)
        os.write(self.keyboard, key)

    async def end(self) -> int:
        """Wait for its end; return its exit code."""
        async with asyncio.timeout(_PATIENCE):
            try:
                while more := await self.screen.read(4096):
                    self._add(more)
            # How Linux says that nobody has the terminal open any more.
            except OSError:
                pass
            return await self.process.wait()


def _waits(pid: int) -> bool:
    state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return state == "S"


@asynccontextmanager
async def terminal(desk: Desk, *words: str, **environ: str) -> AsyncIterator[Terminal]:
    """Run a command at a terminal; tokens of the environment are not given to it."""
    ours, theirs = pty.openpty()
    given = {k: v for k, v in desk.environ.items() if not k.endswith("_TOKEN")}
    request = Request(
        command=[str(COMMAND), *words],
        environ={**given, "TERM": "xterm", **environ},
        folder=str(desk.folder),
        terminal=True,
    )
    pid, end = await forked(request, [theirs] * 3)
    process = Process(pid, None, None, end)
    os.close(theirs)
    screen = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(screen), os.fdopen(os.dup(ours), "rb", 0)
    )
    try:
        yield Terminal(process, screen, ours)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        transport.close()
        os.close(ours)
