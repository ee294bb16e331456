"""The command `postbrush`: exit codes, and one line for every error."""

from __future__ import annotations

import io
import os
import sys

from daemon.cli import run
from daemon.cli.global_options import OPTIONS


def _make_output_robust() -> None:
    """A closed or narrow output loses some signs, and no command."""
    for name in ("stdout", "stderr"):
        if (stream := getattr(sys, name)) is None:
            setattr(sys, name, io.StringIO())
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _run_command() -> object:
    # The daemon stays for months; it goes without all that reads a command line.
    if sys.argv[1:] == ["run"]:
        run.run_daemon()
        return 0
    from daemon.cli.command_group import app  # noqa: PLC0415 - as it says

    return app(standalone_mode=False)


def _flush_output() -> None:
    """Forget what nobody takes: Python would try again at its end, and complain."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print_error(line: str) -> None:
    from daemon.service.journal import is_journal_stream  # noqa: PLC0415 - only on failure

    # The journal takes a line for an error that says so: sd-daemon(3).
    mark = "<3>" if is_journal_stream(sys.stderr, os.environ) else ""
    print(f"{mark}postbrush: {line}", file=sys.stderr)  # noqa: T201 - the command's voice


def main() -> int:
    """Run the command line; return the exit code: 0 done, 1 failed, 2 usage."""
    _make_output_robust()
    try:
        code = _run_command()
        # A disk that is full is said while there is somebody to say it.
        sys.stdout.flush()
    except Exception as error:
        if OPTIONS.debug:
            raise
        from daemon.cli.errors import explain_error  # noqa: PLC0415 - only on failure

        lines, code = explain_error(error)
        for line in lines:
            _print_error(line)
    except KeyboardInterrupt:
        return 130
    finally:
        _flush_output()
    return code if isinstance(code, int) else 0
