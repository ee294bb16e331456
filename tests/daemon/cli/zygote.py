"""A process in which all that a command imports is imported; it forks commands.

Each is a process of its own, with its own arguments, environment, folder and files,
and its parent says how it ended: only the second that imports take is saved.  It has
one thread and no loop, so that nothing half done is forked.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import io
import json
import os
import pkgutil
import select
import signal
import socket
import sys
import time
from dataclasses import asdict, dataclass

from PIL import Image

import daemon
from daemon.cli.main import main as command

#: What an interpreter reads when it starts, which these do not.
_READ_AT_START = ("PYTHON", "LC_", "LANG")
_MOST_FILES = 1024
#: What is imported by others only once they need it.
_WHEN_NEEDED = (
    "alembic.command",
    "anyio._backends._asyncio",
    "certifi",
    "httpcore",
    "psycopg",
    "sqlalchemy.dialects.postgresql.psycopg",
)


@dataclass(frozen=True, slots=True)
class Request:
    """A command that is wanted.

    Attributes:
        terminal: Its input is one, which becomes its own, as at a login.
        really: It is started and not forked, and imports what it needs by itself.
    """

    command: list[str]
    environ: dict[str, str]
    folder: str
    terminal: bool = False
    really: bool = False

    def send(self, there: socket.socket, files: list[int]) -> None:
        """Hand it to the zygote, with what is to be its input and outputs."""
        data = json.dumps(asdict(self)).encode() + b"\n"
        sent = socket.send_fds(there, [data], files)
        there.sendall(data[sent:])

    @classmethod
    def receive(cls, here: socket.socket) -> tuple[Request, list[int]]:
        data, files, _, _ = socket.recv_fds(here, 1 << 16, 3)
        while not data.endswith(b"\n"):
            data += here.recv(1 << 16)
        return cls(**json.loads(data)), list(files)


def import_all() -> None:
    """Import every module of the daemon, and with them what they need."""
    for module in pkgutil.walk_packages(daemon.__path__, "daemon."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    for name in _WHEN_NEEDED:
        importlib.import_module(name)
    Image.preinit()
    gc.freeze()


def serve(listener: socket.socket) -> None:
    """Answer until the input ends; return in each child that is to be a command."""
    while True:
        asked, _, _ = select.select([listener, sys.stdin], [], [])
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if sys.stdin in asked:
            os._exit(0)
        here, _ = listener.accept()
        # The first child is the parent of the command, and waits for its end.
        if os.fork() == 0:
            request, files = Request.receive(here)
            pid = os.fork()
            if pid == 0:
                listener.close()
                here.close()
                _become(request, files)
                return
            for file in files:
                os.close(file)
            # Who asked may be gone.
            with contextlib.suppress(OSError):
                here.sendall(b"%d\n" % pid)
                code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                here.sendall(b"%d\n" % code)
            os._exit(0)
        here.close()


def _become(request: Request, files: list[int]) -> None:
    """Do what the system and the interpreter do before a program begins."""
    for number, file in enumerate(files):
        os.dup2(file, number)
    os.closerange(3, _MOST_FILES)
    if request.terminal:
        os.login_tty(0)
    os.chdir(request.folder)
    started_with = {k: v for k, v in os.environ.items() if k.startswith(_READ_AT_START)}
    wants = {k: v for k, v in request.environ.items() if k.startswith(_READ_AT_START)}
    if request.really or wants != started_with:
        os.execve(request.command[0], request.command, request.environ)  # noqa: S606 - ours
    os.environ.clear()
    os.environ.update(request.environ)
    time.tzset()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = list(request.command)
    sys.orig_argv = [sys.executable, *request.command]
    # By which Click would tell that this is `python -m`.
    sys.modules["__main__"].__package__ = None
    sys.stdin = sys.__stdin__ = _stream(0, "surrogateescape")  # type: ignore[misc]
    sys.stdout = sys.__stdout__ = _stream(1, "surrogateescape")  # type: ignore[misc]
    sys.stderr = sys.__stderr__ = _stream(2, "backslashreplace")  # type: ignore[misc]


def _stream(number: int, errors: str) -> io.TextIOWrapper:
    """Return what an interpreter makes of one of its three files."""
    binary = os.fdopen(number, "wb" if number else "rb", closefd=False)
    lines = number == 2 or os.isatty(number)
    return io.TextIOWrapper(binary, "utf-8", errors, line_buffering=lines)


def main() -> int:
    """Serve as the zygote; in each child, be the command."""
    import_all()
    serve(socket.socket(fileno=int(sys.argv[1])))
    return command()


if __name__ == "__main__":
    sys.exit(main())
