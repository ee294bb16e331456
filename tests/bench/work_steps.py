"""Where the time of one image goes, when there is only one at a time."""

from __future__ import annotations

import hashlib
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from functools import wraps
from types import SimpleNamespace
from typing import Any, Self
from unittest import mock

from daemon.generation import call_result
from daemon.imaging import files, normalize
from daemon.notion.transport import NotionTransport
from db.engine import Database, Tx
from providers.runner import ProviderRunner

Function = Callable[..., Any]


class Steps:
    """Adds up the seconds of each step while it is watching.

    Attributes:
        seconds: By step; what is in none of them is the rest.
    """

    def __init__(self, *, watching: bool) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._watching = watching
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        if self._watching:
            # A hash is a method of the library's: its caller's name is replaced.
            hashing = SimpleNamespace(sha256=self._timed("hash", hashlib.sha256))
            for where, name, instead in (
                (ProviderRunner, "run", self._awaited("the call", ProviderRunner.run)),
                (
                    normalize,
                    "normalize_image",
                    self._timed("decode, fit", normalize.normalize_image),
                ),
                (normalize, "encode_png", self._timed("PNG", normalize.encode_png)),
                (call_result, "hashlib", hashing),
                (files, "save_new", self._timed("disk", files.save_new)),
                (
                    Database,
                    "write_transaction",
                    self._entered("commits", Database.write_transaction),
                ),
                (
                    Database,
                    "read_transaction",
                    self._entered("reads", Database.read_transaction),
                ),
                (
                    NotionTransport,
                    "_send_request",
                    self._awaited("Notion", NotionTransport._send_request),
                ),
            ):
                self._stack.enter_context(mock.patch.object(where, name, instead))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @contextmanager
    def _as(self, step: str) -> Iterator[None]:
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[step] += time.perf_counter() - began

    def _timed(self, step: str, function: Function) -> Function:
        @wraps(function)
        def timed(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - any function's
            with self._as(step):
                return function(*args, **kwargs)

        return timed

    def _awaited(self, step: str, function: Function) -> Function:
        @wraps(function)
        async def awaited(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - the same
            with self._as(step):
                return await function(*args, **kwargs)

        return awaited

    def _entered(self, step: str, function: Function) -> Function:
        @asynccontextmanager
        async def entered(db: Database) -> AsyncIterator[Tx]:
            with self._as(step):
                async with function(db) as tx:
                    yield tx

        return entered
