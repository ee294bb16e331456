"""Entry point of the command `postbrush`: exit codes and error output."""

from __future__ import annotations

import io
import os
import sys

from daemon.cli import run
from daemon.cli.global_options import OPTIONS


def _make_output_robust() -> None:
    """Replace characters the terminal cannot encode; survive a closed stdout."""
    for name in ("stdout", "stderr"):
        if (stream := getattr(sys, name)) is None:
            setattr(sys, name, io.StringIO())
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _run_command() -> object:
    # The daemon runs for months, so it does not load Typer and the commands.
    if sys.argv[1:] == ["run"]:
        run.run_daemon()
        return 0
    from daemon.cli.command_group import app  # noqa: PLC0415 - 40 ms and 4 MB, not needed by `run`

    return app(standalone_mode=False)


def _flush_output() -> None:
    """Flush stdout, or discard its buffer if nothing reads it.

    Python would otherwise flush again at exit and print an error.
    """
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print_error(line: str) -> None:
    from daemon.service.systemd import is_journal_stream  # noqa: PLC0415 - 9 ms, only on failure

    # The prefix <3> sets the priority of a journal line, see sd-daemon(3).
    mark = "<3>" if is_journal_stream(sys.stderr, os.environ) else ""
    print(f"{mark}postbrush: {line}", file=sys.stderr)  # noqa: T201 - the command's output


def main() -> int:
    """Run the command line; return the exit code.

    The code is 0 for success, 1 for failure, 2 for wrong usage and 130 for Ctrl-C.
    """
    _make_output_robust()
    try:
        code = _run_command()
        # A full disk raises here, where the error can still be printed.
        sys.stdout.flush()
    except Exception as error:
        if OPTIONS.debug:
            raise
        from daemon.cli.errors import explain_error  # noqa: PLC0415 - 39 ms, only on failure

        lines, code = explain_error(error)
        for line in lines:
            _print_error(line)
    except KeyboardInterrupt:
        return 130
    finally:
        _flush_output()
    return code if isinstance(code, int) else 0
