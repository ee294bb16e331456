"""`make trace`: the modules that one post enters on its way through `once`.

The post goes through `daemon.once.run_once` against the pretend Notion and the pretend
Hugging Face, over HTTP.  Before that, an empty pass reads the schema and sweeps, so
that the traced pass is that of a program that is in use: recovery, poll, work.

Counted: a module of `daemon/`, `providers/` or `db/` as soon as the pass calls a
function of it, in any thread.  Not counted: the pretend services and what they call,
imports, and all that happens before the pass (configuration, opening of contexts).  A
module that only holds data or constants is never entered.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from types import FrameType
from typing import Any

from daemon import once
from tests.daemon.house import House, house

ROOT = Path(__file__).resolve().parent.parent
OURS = ("daemon", "providers", "db")
#: Issue 18: how many modules a reader opens at most.
BAR = 45
_PRETEND = "daemon/pretend/"


@dataclass(slots=True)
class Trace:
    """The modules in the order of their first call, as paths from the top."""

    modules: list[str] = field(default_factory=list)

    @property
    def visits(self) -> list[tuple[str, list[str]]]:
        """Folders in the order of the way, each with the modules that are new there."""
        return [
            (folder, [Path(module).stem for module in modules])
            for folder, modules in groupby(self.modules, key=_folder_of)
        ]

    @property
    def returns(self) -> int:
        """How often the way comes back to a folder, for modules not yet entered."""
        visits = self.visits
        return len(visits) - len({folder for folder, _ in visits})

    def format_table(self) -> str:
        """Return one line a visit, and the counts below."""
        lines = [
            f"{number:>2}  {folder:<22} {', '.join(names)}"
            for number, (folder, names) in enumerate(self.visits, 1)
        ]
        folders = len({folder for folder, _ in self.visits})
        counts = (
            f"{len(self.modules)} modules in {folders} folders, "
            f"{self.returns} returns to a folder"
        )
        return "\n".join([*lines, "", counts])


def _folder_of(module: str) -> str:
    return f"{Path(module).parent}/"


@dataclass(slots=True)
class _Recorder:
    """A profile function; it notes the modules of ours while `is_on`."""

    trace: Trace = field(default_factory=Trace)
    is_on: bool = False
    _entered: set[str] = field(default_factory=set)

    def __call__(self, frame: FrameType, event: str, _arg: object) -> None:
        if not self.is_on or event != "call":
            return
        file = frame.f_code.co_filename
        if file in self._entered:
            return
        module = _module_of(file)
        if module is None or module.startswith(_PRETEND):
            self._entered.add(file)
        elif not _is_left_out(frame):
            self._entered.add(file)
            self.trace.modules.append(module)


@functools.cache
def _module_of(file: str) -> str | None:
    """Return the path from the top of a file of ours, None of any other."""
    path = Path(file)
    if not path.is_relative_to(ROOT):
        return None
    module = str(path.relative_to(ROOT))
    return module if module.startswith(tuple(f"{name}/" for name in OURS)) else None


def _is_left_out(frame: FrameType) -> bool:
    """Say whether a call belongs to the pretend services or to an import."""
    caller: FrameType | None = frame
    while caller is not None:
        module = _module_of(caller.f_code.co_filename)
        if module is not None and (
            module.startswith(_PRETEND) or caller.f_code.co_name == "<module>"
        ):
            return True
        caller = caller.f_back
    return False


@contextmanager
def _profiling_threads(recorder: _Recorder) -> Iterator[None]:
    """Let *recorder* see the calls of all threads that start meanwhile."""
    before: Any = threading.getprofile()
    threading.setprofile(recorder)
    try:
        yield
    finally:
        threading.setprofile(before)


@contextmanager
def _recording(recorder: _Recorder) -> Iterator[None]:
    """Let *recorder* note what is called meanwhile, in this thread as well."""
    before: Any = sys.getprofile()
    recorder.is_on = True
    sys.setprofile(recorder)
    try:
        yield
    finally:
        sys.setprofile(before)
        recorder.is_on = False


async def trace_post(folder: Path, *, ticked: bool = False) -> Trace:
    """Return the way of one post to its image.

    Args:
        folder: An empty folder for database and images.
        ticked: The box is ticked, so the way begins with the un-tick.

    Raises:
        AssertionError: The post has no image at the end.
    """
    recorder = _Recorder()
    # Threads of the database that start with the first pass work in the second, too.
    with _profiling_threads(recorder):
        async with house(folder) as home:
            await _run_once(home)
            page = home.add()
            if ticked:
                home.space.tick_box(page)
            # Its text is still for long enough, so that it is due at once.
            home.clock.move(minutes=3)
            with _recording(recorder):
                await _run_once(home)
            status = home.read(page)["Image status"]
    if status != "Done":
        raise AssertionError(f"the post has no image: {status}")
    return recorder.trace


async def _run_once(home: House) -> None:
    async def approve(_held: int) -> bool:
        return False

    await once.run_once(home.sources, home.watchers, home.company, approve)


def main() -> None:
    """Print the trace, and how it compares with the bar."""
    parser = argparse.ArgumentParser(prog="make trace", description=__doc__)
    parser.add_argument("--ticked", action="store_true", help="a post with a tick")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        trace = asyncio.run(trace_post(Path(folder), ticked=options.ticked))
    verdict = "holds" if len(trace.modules) <= BAR else "FALLS SHORT"
    sys.stdout.write(f"{trace.format_table()}\nat most {BAR} modules: {verdict}\n")


if __name__ == "__main__":
    main()
