"""The log: dotted event names with fields, one sentence a line, the event first.

The only place that configures structlog.  `log.info("job.done", summary="...",
job=42)` gives the message `job.done ...`; the fields stay beside it.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TextIO

import structlog
from structlog.stdlib import BoundLogger

from daemon.service import detached_thread
from daemon.service.journal import JournalSocket, is_journal_stream
from daemon.service.redact import Redactor

Format = Literal["auto", "pretty", "json", "journal"]
Fields = MutableMapping[str, Any]

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_PRIORITIES = {"debug": "7", "info": "6", "warning": "4", "error": "3", "critical": "2"}
_COLOURS = {"debug": "2", "info": "0", "warning": "33", "error": "31;1"}
_HOUR = timedelta(hours=1)
_NOTIFIER = "apprise"


@dataclass(frozen=True, slots=True)
class LogLine:
    """One entry, redacted; `message` is what people read, the event first."""

    level: str
    event: str
    summary: str
    fields: Mapping[str, object]
    error: str

    @property
    def message(self) -> str:
        source = f"{self.fields['source']}:" if "source" in self.fields else ""
        return " ".join(f"{self.event} {source} {self.summary}".split())


LogListener = Callable[[LogLine], None]
#: Who listens; the log of a process is one, and so are they.
_listeners: list[LogListener] = []


@contextmanager
def listen_to_log(tap: LogListener) -> Iterator[None]:
    """Give *tap* every line from info on, also what `log.level` keeps from people."""
    _listeners.append(tap)
    try:
        yield
    finally:
        _listeners.remove(tap)


@dataclass(slots=True)
class FailureThrottle:
    """Repeated failures: one line at the start, one an hour, one at the end.

    Attributes:
        open: Since when each lasts, and when it was last spoken of.
    """

    open: dict[str, tuple[datetime, datetime]] = field(default_factory=dict)

    def record_failure(self, key: str, now: datetime) -> bool:
        """Count a failure; say whether it is to be spoken of now."""
        since, said = self.open.get(key, (now, datetime.min.replace(tzinfo=UTC)))
        # Never later than an hour, even if the clock was set back.
        speak = not timedelta() <= now - said < _HOUR
        self.open[key] = (since, now if speak else said)
        return speak

    def record_recovery(self, key: str, now: datetime) -> timedelta | None:
        """Return how long it lasted, or None when nothing was wrong."""
        if key not in self.open:
            return None
        since, _ = self.open.pop(key)
        return max(timedelta(), now - since)


def configure(
    level: str = "info",
    format: Format = "auto",  # noqa: A002 - the key's name
    *,
    environ: Mapping[str, str],
    stream: TextIO | None = None,
    secrets: Iterable[str] = (),
) -> BoundLogger:
    """Set the log up, once a process, and return the logger.

    Args:
        stream: Where lines go that do not go to the journal's own socket.
    """
    out = stream or sys.stdout
    clean = Redactor(secrets)
    writer = _choose_writer(format, environ, out)
    least = _LEVELS[level]

    def emit(_logger: object, method: str, event: Fields) -> str:
        line = _build_line(method, event, clean)
        if _LEVELS.get(line.level, least) >= least:
            writer(line)
        for tap in tuple(_listeners):
            tap(line)
        raise structlog.DropEvent

    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, emit],
        wrapper_class=structlog.make_filtering_bound_logger(
            min(least, _LEVELS["info"])
        ),
        logger_factory=structlog.ReturnLoggerFactory(),
        cache_logger_on_first_use=False,
    )
    _adopt_stdlib(least)
    return structlog.get_logger()  # type: ignore[no-any-return]  # structlog types it as Any


def _build_line(method: str, event: Fields, clean: Redactor) -> LogLine:
    level = {"exception": "error", "warn": "warning"}.get(method, method)
    name = str(event.pop("event", ""))
    summary = clean(str(event.pop("summary", "")))
    found = event.pop("exc_info", None)
    error = clean(_format_traceback(found)) if found else ""
    fields = {
        key: clean(value) if isinstance(value, str) else value
        for key, value in event.items()
        if value is not None
    }
    return LogLine(level, name, summary, fields, error)


def _format_traceback(found: object) -> str:
    error = sys.exc_info()[1] if found is True else found
    if not isinstance(error, BaseException):
        return str(found)
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
        time = f"{datetime.now(UTC).astimezone():%H:%M:%S}"
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
    journal: JournalSocket, otherwise: Callable[[LogLine], None]
) -> Callable[[LogLine], None]:
    def write(line: LogLine) -> None:
        message = f"{line.message}\n{line.error}" if line.error else line.message
        fields = {
            "MESSAGE": message,
            "PRIORITY": _PRIORITIES.get(line.level, "6"),
            "SYSLOG_IDENTIFIER": "postbrush",
            "PB_EVENT": line.event,
        }
        # Prefixed: systemd's own messages use JOB_ID.
        fields |= {
            f"PB_{key.upper()}": str(value) for key, value in line.fields.items()
        }
        if not journal.send(fields):
            otherwise(line)

    return write


class _LibraryLogHandler(logging.Handler):
    """What libraries say, as one event each."""

    def emit(self, record: logging.LogRecord) -> None:
        # What a notifier says of its work may hold its address, which is a secret; it
        # begins threads of its own, too.
        if record.threadName == detached_thread.THREAD_NAME or record.name.startswith(
            _NOTIFIER
        ):
            return
        level = record.levelname.lower()
        speak = getattr(
            structlog.get_logger(), "error" if level == "critical" else level
        )
        speak(
            "library.log",
            summary=f"{record.name}: {record.getMessage()}",
            exc_info=record.exc_info[1] if record.exc_info else None,
        )


def _adopt_stdlib(least: int) -> None:
    root = logging.getLogger()
    root.handlers = [_LibraryLogHandler()]
    root.setLevel(max(least, logging.WARNING))
