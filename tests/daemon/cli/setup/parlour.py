"""A place to hold the talk of `init`: its answers are known, its clock is moved."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from daemon.cli.init import InitTarget, collect_answers, write_answers
from daemon.cli.setup.dialog import ApiSession, Prompter
from daemon.cli.setup.wizard import InitAnswers, InitOptions
from daemon.clock import Clock
from daemon.pretend.server import FakeServer
from tests.daemon.house import ZONE, MovingClock

Act = Callable[[], None]


@dataclass(slots=True)
class Parlour:
    """A folder, a town, and somebody whose answers are known."""

    folder: Path
    town: FakeServer
    clock: MovingClock
    said: io.StringIO = field(default_factory=io.StringIO)
    flags: InitOptions = field(default_factory=InitOptions)
    terminal: bool = True
    yes: bool = False
    environ: dict[str, str] = field(default_factory=dict)

    @property
    def target(self) -> InitTarget:
        return InitTarget(
            file=self.folder / "postbrush.toml", folder=self.folder / "secrets"
        )

    async def hold(self, *answers: str | Act, write: bool = True) -> InitAnswers:
        """Have the talk; an action among the answers happens before the next one."""
        return await asyncio.to_thread(self._hold, iter(answers), write=write)

    def _hold(self, answers: Iterator[str | Act], *, write: bool) -> InitAnswers:
        def line(prompt: str) -> str:
            self.said.write(f"{prompt}\n")
            for answer in answers:
                if isinstance(answer, str):
                    return answer
                answer()
            raise KeyboardInterrupt

        clock = self.clock
        visit = ApiSession(
            file=self.target.file,
            environ={
                "POSTBRUSH_NOTION__BASE_URL": self.town.url,
                "POSTBRUSH_PROVIDERS__FLUX__BASE_URL": self.town.hf_url,
                "POSTBRUSH_PROVIDERS__FLUX__HUB_URL": self.town.hf_url,
                "POSTBRUSH_PROVIDERS__SPACE__BASE_URL": self.town.hf_url,
                "POSTBRUSH_PROVIDERS__SPACE__HUB_URL": self.town.hf_url,
                "POSTBRUSH_WRITER__USE": "off",
                **self.environ,
            },
            cwd=self.folder,
            clock=Clock(
                now=clock.now,
                monotonic=clock.monotonic,
                elapsed=clock.monotonic,
                sleep=clock.sleep,
                zone=ZONE,
            ),
        )
        talk = Prompter(
            console=Console(file=self.said, width=200),
            terminal=self.terminal,
            yes=self.yes,
            line=line,
            hidden=line,
        )
        found = collect_answers(talk, visit, self.flags, self.target, dry_run=not write)
        if write:
            write_answers(talk, visit, found, self.target)
        return found

    def left(self) -> list[str]:
        return sorted(path.name for path in self.folder.rglob("*"))

    def writes(self) -> list[str]:
        return [
            request.path for request in self.town.workspace.requests if request.is_write
        ]
