"""Errors for people: one line that says what is wrong and what to do."""

from __future__ import annotations


class PostbrushError(Exception):
    """Shown as one line, without a traceback unless `--debug`.

    Attributes:
        exit_code: 1 something failed or is held; 2 usage, configuration or lock.
    """

    exit_code = 1


class SetupError(PostbrushError):
    """Usage, configuration, lock, database or folder: nothing was started."""

    exit_code = 2


class ConfigError(SetupError):
    """The configuration has problems, all of them named at once.

    Attributes:
        problems: One line each.
    """

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems
