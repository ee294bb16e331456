"""Translates exceptions to error messages and exit codes."""

from __future__ import annotations

from typer import Abort
from typer.exceptions import TyperException

from daemon.errors import ConfigError, PostbrushError
from db.errors import DatabaseError, DatabaseMissingError, DatabaseUnusableError


def explain_error(error: Exception) -> tuple[list[str], int]:
    """Return the lines to print for *error*, and the exit code."""
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
            return ["whoever read the output has closed it"], 1
        case OSError(strerror=str(why)):
            where = f"{error.filename}: " if isinstance(error.filename, str) else ""
            return [f"{where}{why}"], 1
        case Abort():
            return ["stopped"], 1
        # An unknown option or command.
        case TyperException():
            return [f"{error.format_message()} (see postbrush --help)"], 2
        case _:
            kind = type(error).__name__
            return [f"{kind}: {error} (postbrush --debug shows more)"], 1
