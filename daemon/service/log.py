"""The log: one event a line, with a dotted name, a sentence and fields.

This is the only module that configures structlog.  `log.info("job.done",
summary="...", job=42)` gives the message `job.done ...`; the fields stay separate.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

import structlog
from structlog.stdlib import BoundLogger

from daemon.formatting import format_clock
from daemon.places import address_commands
from daemon.service.systemd import JournalSocket, is_journal_stream
from daemon.service.tasks import THREAD_NAME

Format = Literal["auto", "pretty", "json", "journal"]
Fields = MutableMapping[str, Any]

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_PRIORITIES = {"debug": "7", "info": "6", "warning": "4", "error": "3", "critical": "2"}
_COLOURS = {"debug": "2", "info": "0", "warning": "33", "error": "31;1"}
_NOTIFIER = "apprise"
#: Texts that look like tokens of a provider or of Notion.
_SHAPES = re.compile(
    r"\b(?:hf|ntn|secret|r8|sk|pk|rpa)_[A-Za-z0-9]{8,}|\bsk-[A-Za-z0-9-]{8,}"
    r"|(?<=Bearer )[A-Za-z0-9._~+/=-]{6,}"
)
_SHORTEST = 6


@dataclass(frozen=True, slots=True)
class LogLine:
    """One redacted log entry; `error` is the traceback, "" without one."""

    level: str
    event: str
    summary: str
    fields: Mapping[str, object]
    error: str

    @property
    def message(self) -> str:
        """Return the line for people: event, source and summary."""
        source = f"{self.fields['source']}:" if "source" in self.fields else ""
        return " ".join(f"{self.event} {source} {self.summary}".split())


LogListener = Callable[[LogLine], None]
#: The listeners of this process, in which there is one log.
_listeners: list[LogListener] = []


@contextmanager
def listen_to_log(listener: LogListener) -> Iterator[None]:
    """Pass every line from info on to *listener*, also those below `log.level`."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


class Redactor:
    """Removes known secrets, and texts that look like tokens; its repr has none."""

    def __init__(self, secrets: Iterable[str]) -> None:
        # The longest first, so that a secret which contains another is removed whole.
        known = {secret for secret in secrets if len(secret) >= _SHORTEST}
        escaped = [re.escape(secret) for secret in sorted(known, key=len, reverse=True)]
        self._pattern = re.compile("|".join(escaped)) if escaped else None

    def __call__(self, text: str) -> str:
        """Return *text* with each secret replaced by "[secret]"."""
        if self._pattern is not None:
            text = self._pattern.sub("[secret]", text)
        return _SHAPES.sub("[secret]", text)


def configure(
    level: str = "info",
    format: Format = "auto",  # noqa: A002 - the key's name
    *,
    environ: Mapping[str, str],
    stream: TextIO | None = None,
    secrets: Iterable[str] = (),
) -> BoundLogger:
    """Configure the log, once in a process, and return the logger.

    Args:
        stream: The output of lines that do not go to the journal's own socket;
            standard output by default.
        secrets: Texts to remove from every line.
    """
    out = stream or sys.stdout
    redact = Redactor(secrets)
    writer = _choose_writer(format, environ, out)
    threshold = _LEVELS[level]

    def emit(_logger: object, method: str, event: Fields) -> str:
        line = _build_line(method, event, redact)
        if _LEVELS.get(line.level, threshold) >= threshold:
            writer(line)
        for listener in tuple(_listeners):
            listener(line)
        raise structlog.DropEvent

    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, emit],
        wrapper_class=structlog.make_filtering_bound_logger(
            min(threshold, _LEVELS["info"])
        ),
        logger_factory=structlog.ReturnLoggerFactory(),
        cache_logger_on_first_use=False,
    )
    _adopt_stdlib(threshold)
    return structlog.get_logger()  # type: ignore[no-any-return]  # structlog types it as Any


def _build_line(method: str, event: Fields, redact: Redactor) -> LogLine:
    level = {"exception": "error", "warn": "warning"}.get(method, method)
    name = str(event.pop("event", ""))
    summary = redact(str(event.pop("summary", "")))
    if "`postbrush " in summary:
        summary = address_commands(summary)
    exc_info = event.pop("exc_info", None)
    error = redact(_format_traceback(exc_info)) if exc_info else ""
    fields = {
        key: redact(value) if isinstance(value, str) else value
        for key, value in event.items()
        if value is not None
    }
    return LogLine(level, name, summary, fields, error)


def _format_traceback(exc_info: object) -> str:
    error = sys.exc_info()[1] if exc_info is True else exc_info
    if not isinstance(error, BaseException):
        return str(exc_info)
    return "".join(traceback.format_exception(error)).rstrip()


def _choose_writer(
    format: Format,  # noqa: A002 - the key's name
    environ: Mapping[str, str],
    out: TextIO,
) -> Callable[[LogLine], None]:
    if format == "journal" or (
        format == "auto"
        and (is_journal_stream(out, environ) or is_journal_stream(sys.stderr, environ))
    ):
        return _journal_writer(JournalSocket(), _pretty_writer(out))
    if format == "pretty" or (format == "auto" and out.isatty()):
        return _pretty_writer(out)
    return _json_writer(out)


def _pretty_writer(out: TextIO) -> Callable[[LogLine], None]:
    colour = out.isatty() and "NO_COLOR" not in os.environ

    def write(line: LogLine) -> None:
        time = format_clock(datetime.now(UTC), seconds=True)
        text = f"{time} {line.message}"
        if line.level in {"warning", "error"} and not colour:
            text = f"{time} {line.level.upper()} {line.message}"
        if line.error:
            text += f"\n{line.error}"
        if colour and (code := _COLOURS.get(line.level, "0")) != "0":
            text = f"\033[{code}m{text}\033[0m"
        print(text, file=out, flush=True)

    return write


def _json_writer(out: TextIO) -> Callable[[LogLine], None]:
    def write(line: LogLine) -> None:
        data = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "level": line.level,
            "event": line.event,
            "message": line.message,
            **line.fields,
        }
        if line.error:
            data["error"] = line.error
        print(json.dumps(data, ensure_ascii=False, default=str), file=out, flush=True)

    return write


def _journal_writer(
    journal: JournalSocket, fallback: Callable[[LogLine], None]
) -> Callable[[LogLine], None]:
    def write(line: LogLine) -> None:
        message = f"{line.message}\n{line.error}" if line.error else line.message
        fields = {
            "MESSAGE": message,
            "PRIORITY": _PRIORITIES.get(line.level, "6"),
            "SYSLOG_IDENTIFIER": "postbrush",
            "PB_EVENT": line.event,
        }
        # The prefix avoids systemd's own fields, such as JOB_ID.
        fields |= {
            f"PB_{key.upper()}": str(value) for key, value in line.fields.items()
        }
        if not journal.send(fields):
            fallback(line)

    return write


class _LibraryLogHandler(logging.Handler):
    """Writes each log record of a library as one event."""

    def emit(self, record: logging.LogRecord) -> None:
        # A notifier's records may contain its address, which is a secret.  It also logs
        # from threads of its own.
        if record.threadName == THREAD_NAME or record.name.startswith(_NOTIFIER):
            return
        level = record.levelname.lower()
        method = "error" if level == "critical" else level
        getattr(structlog.get_logger(), method)(
            "library.log",
            summary=f"{record.name}: {record.getMessage()}",
            exc_info=record.exc_info[1] if record.exc_info else None,
        )


def _adopt_stdlib(threshold: int) -> None:
    root = logging.getLogger()
    root.handlers = [_LibraryLogHandler()]
    root.setLevel(max(threshold, logging.WARNING))
