"""The command `postbrush`: exit codes, and one line for every error."""

from __future__ import annotations

import io
import sys

from daemon.cli import run
from daemon.cli.options import OPTIONS


def _see_to_the_output() -> None:
    """A closed or narrow output loses some signs, and no command."""
    for name in ("stdout", "stderr"):
        if (stream := getattr(sys, name)) is None:
            setattr(sys, name, io.StringIO())
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _obey() -> object:
    # The daemon stays for months; it goes without all that reads a command line.
    if sys.argv[1:] == ["run"]:
        run.run()
        return 0
    from daemon.cli.commands import app  # noqa: PLC0415 - as it says

    return app(standalone_mode=False)


def main() -> int:
    """Run the command line; return the exit code: 0 done, 1 failed, 2 usage."""
    _see_to_the_output()
    try:
        code = _obey()
    except Exception as error:
        if OPTIONS.debug:
            raise
        from daemon.cli.failure import explain  # noqa: PLC0415 - only on failure

        lines, code = explain(error)
        for line in lines:
            print(f"postbrush: {line}", file=sys.stderr)  # noqa: T201 - the command's voice
    except KeyboardInterrupt:
        return 130
    return code if isinstance(code, int) else 0
