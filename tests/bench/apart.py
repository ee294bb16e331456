"""A part of a measurement as a process of its own: its work is nobody's figure."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Any, Self


@dataclass(slots=True)
class Apart:
    """A module of this folder as a process that answers lines with lines."""

    process: subprocess.Popen[str]

    @classmethod
    def run(cls, module: str, *args: str) -> Self:
        command = [sys.executable, "-m", f"tests.bench.{module}", *args]
        return cls(
            subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        )

    def ask(self, line: str) -> Any:  # noqa: ANN401 - JSON
        asked, answers = self.process.stdin, self.process.stdout
        if asked is None or answers is None:
            raise AssertionError("it has no pipes")
        asked.write(f"{line}\n")
        asked.flush()
        return json.loads(answers.readline())

    def end(self) -> None:
        self.process.communicate()
