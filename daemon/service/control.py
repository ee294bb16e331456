"""The control socket: commands wake the daemon, which never polls its own database.

Line-delimited JSON, one request and one answer a connection.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from daemon.errors import SetupError

CommandHandler = Callable[[str, Mapping[str, Any]], Awaitable[dict[str, Any]]]

_LONGEST = 64 * 1024
_PATIENCE = 2.0


class ControlServer:
    """Listens on a Unix socket that only its owner may use."""

    def __init__(self, path: Path, handle: CommandHandler) -> None:
        self._path = path
        self._handle = handle
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen; a dead daemon's socket is replaced.  The data lock is held.

        Raises:
            SetupError: The folder cannot be written to.
        """
        try:
            self._path.unlink(missing_ok=True)
            listening = _bind_socket(self._path)
        except OSError as error:
            why = error.strerror or error
            raise SetupError(
                f"cannot listen on {self._path}: {why}. Give {self._path.parent} to "
                "the user postbrush runs as"
            ) from error
        self._server = await asyncio.start_unix_server(
            self._serve_client, sock=listening, limit=_LONGEST
        )

    async def stop(self) -> None:
        """Stop listening and remove the socket."""
        if self._server is not None:
            self._server.close()
            self._server = None
            with suppress(OSError):
                self._path.unlink()

    async def _serve_client(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                line = await reader.readline()
                answer = await self._handle_request(line)
                writer.write(json.dumps(answer, default=str).encode() + b"\n")
                await writer.drain()
        # Rubbish, oversize, a client that hangs or has gone: its own problem.
        except (OSError, ValueError, TimeoutError):
            pass
        finally:
            writer.close()

    async def _handle_request(self, line: bytes) -> dict[str, Any]:
        try:
            request = json.loads(line)
            command, args = str(request["command"]), dict(request.get("args") or {})
        except (ValueError, KeyError, TypeError, RecursionError):
            return {"error": "not a request"}
        return await self._handle(command, args)


def _bind_socket(path: Path) -> socket.socket:
    """Bind within the folder: a socket's whole path may only have 107 bytes."""
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    listening.setblocking(False)  # noqa: FBT003 - the method has no keyword
    before = os.umask(0o177)
    try:
        with _ShortFolderPath(path.parent) as folder:
            listening.bind(f"{folder}/{path.name}")
    except OSError:
        listening.close()
        raise
    finally:
        os.umask(before)
    return listening


class _ShortFolderPath:
    """A folder by a name that is always short."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._handle = -1

    def __enter__(self) -> str:
        self._handle = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        return f"/proc/self/fd/{self._handle}"

    def __exit__(self, *_: object) -> None:
        os.close(self._handle)


async def send_command(
    path: Path, command: str, **args: object
) -> dict[str, Any] | None:
    """Ask the daemon; None when nobody answers."""
    try:
        async with asyncio.timeout(_PATIENCE):
            with _ShortFolderPath(path.parent) as folder:
                reader, writer = await asyncio.open_unix_connection(
                    f"{folder}/{path.name}"
                )
            try:
                request = {"command": command, "args": args}
                writer.write(json.dumps(request).encode() + b"\n")
                await writer.drain()
                answer = json.loads(await reader.readline())
            finally:
                writer.close()
    except (OSError, ValueError, TimeoutError):
        return None
    return answer if isinstance(answer, dict) else None


async def send_wake(path: Path) -> bool:
    """Tell a running daemon that there is something new; say whether one runs."""
    return await send_command(path, "wake") is not None
