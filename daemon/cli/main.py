"""Entry point of the command `postbrush`: exit codes and error output."""

from __future__ import annotations

import io
import os
import sys

from daemon.cli import OPTIONS
from daemon.errors import ConfigError, PostbrushError
from db.errors import DatabaseError, DatabaseMissingError, DatabaseUnusableError


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
        lines, code = _explain_error(error)
        for line in lines:
            _print_error(line)
    except KeyboardInterrupt:
        return 130
    finally:
        _flush_output()
    return code if isinstance(code, int) else 0


def _make_output_robust() -> None:
    """Replace characters the terminal cannot encode; survive a closed stdout."""
    for name in ("stdout", "stderr"):
        if (stream := getattr(sys, name)) is None:
            setattr(sys, name, io.StringIO())
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _run_command() -> object:
    if sys.argv[1:] == ["run"]:
        from daemon.cli import run  # noqa: PLC0415 - only this command

        run.run()
        return 0
    # A container calls it once a minute.
    if sys.argv[1:] == ["healthcheck"]:
        from daemon.cli import healthcheck  # noqa: PLC0415 - only this command

        return healthcheck.healthcheck()
    # `run` stays for months and does without Typer.
    from daemon.cli.command_group import app  # noqa: PLC0415 - 40 ms, 1.2 MB

    return app(standalone_mode=False)


def _flush_output() -> None:
    """Flush stdout, or discard its buffer if nothing reads it.

    Python would otherwise flush again at exit and print an error.
    """
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _explain_error(error: Exception) -> tuple[list[str], int]:
    """Return the lines to print for *error*, and the exit code."""
    from typer import Abort  # noqa: PLC0415 - 39 ms, only on failure
    from typer.exceptions import TyperException  # noqa: PLC0415 - as above

    match error:
        # One line for each wrong key.
        case ConfigError(problems=problems):
            return problems, error.exit_code
        case PostbrushError():
            return [str(error)], error.exit_code
        case DatabaseMissingError() | DatabaseUnusableError():
            return [str(error)], 2
        case DatabaseError():
            return [str(error)], 1
        case BrokenPipeError():
            return ["The reader of the output has closed the pipe"], 1
        case OSError(strerror=str(why)):
            where = f"{error.filename}: " if isinstance(error.filename, str) else ""
            return [f"{where}{why}"], 1
        case Abort():
            return ["Stopped"], 1
        # An unknown option or command.
        case TyperException():
            message = error.format_message().rstrip(".")
            return [f"{message}. See `postbrush --help`"], 2
        case _:
            kind = type(error).__name__
            text = f"{kind}: {error}".rstrip(".")
            return [f"{text}. `postbrush --debug COMMAND` shows the details"], 1


def _print_error(line: str) -> None:
    from daemon.places import address_commands  # noqa: PLC0415 - only on failure
    from daemon.service.systemd import is_journal_stream  # noqa: PLC0415 - 9 ms

    # The prefix <3> sets the priority of a journal line, see sd-daemon(3).
    mark = "<3>" if is_journal_stream(sys.stderr, os.environ) else ""
    text = f"{mark}postbrush: {address_commands(line)}"
    print(text, file=sys.stderr)  # noqa: T201 - the command's output
