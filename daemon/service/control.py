"""The control socket, by which commands wake the daemon.

Without it the daemon would have to poll its own database.  The protocol is
line-delimited JSON, with one request and one answer for each connection.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from daemon.errors import SetupError

CommandHandler = Callable[[str], Awaitable[dict[str, Any]]]

#: Bytes of a request.
_LONGEST = 64 * 1024
_TIMEOUT = 2.0


class ControlServer:
    """Answers requests on a Unix socket that only its owner may use."""

    def __init__(self, path: Path, handle: CommandHandler) -> None:
        self._path = path
        self._handle = handle
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen, and replace a socket that a dead daemon left.

        The caller must hold the lock of the data folder.

        Raises:
            SetupError: The folder cannot be written to.
        """
        try:
            self._path.unlink(missing_ok=True)
            server_socket = _bind_socket(self._path)
        except OSError as error:
            reason = error.strerror or error
            raise SetupError(
                f"{self._path} cannot be created: {reason}. Make the user that runs "
                f"postbrush the owner of {self._path.parent}"
            ) from error
        self._server = await asyncio.start_unix_server(
            self._serve_client, sock=server_socket, limit=_LONGEST
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
            async with asyncio.timeout(_TIMEOUT):
                line = await reader.readline()
                answer = await self._handle_request(line)
                writer.write(json.dumps(answer, default=str).encode() + b"\n")
                await writer.drain()
        # The request is not valid, too long or too slow, or the client closed.
        except (OSError, ValueError, TimeoutError):
            pass
        finally:
            writer.close()

    async def _handle_request(self, line: bytes) -> dict[str, Any]:
        try:
            command = str(json.loads(line)["command"])
        except (ValueError, KeyError, TypeError, RecursionError):
            return {"error": "not a request"}
        return await self._handle(command)


def _bind_socket(path: Path) -> socket.socket:
    """Return a bound socket; its path may be longer than the limit of 107 bytes."""
    server_socket = socket.socket(
        socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC
    )
    server_socket.setblocking(False)  # noqa: FBT003 - the method has no keyword
    old_umask = os.umask(0o177)
    try:
        with _short_folder_path(path.parent) as folder:
            server_socket.bind(f"{folder}/{path.name}")
    except OSError:
        server_socket.close()
        raise
    finally:
        os.umask(old_umask)
    return server_socket


@contextmanager
def _short_folder_path(folder: Path) -> Iterator[str]:
    """Yield a short path to a folder, for the length limit of sockets."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{handle}"
    finally:
        os.close(handle)


async def send_command(path: Path, command: str) -> dict[str, Any] | None:
    """Send a command to the daemon; return None if no daemon answers within 2 s."""
    try:
        async with asyncio.timeout(_TIMEOUT):
            with _short_folder_path(path.parent) as folder:
                reader, writer = await asyncio.open_unix_connection(
                    f"{folder}/{path.name}"
                )
            try:
                writer.write(json.dumps({"command": command}).encode() + b"\n")
                await writer.drain()
                answer = json.loads(await reader.readline())
            finally:
                writer.close()
    except (OSError, ValueError, TimeoutError):
        return None
    return answer if isinstance(answer, dict) else None
