"""Decides which log lines become notifications, each change once.  Pure.

A log line and the time go in, at most one message comes out.  Lines of the notifier
itself are ignored, so that a failed message cannot cause another one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from daemon.formatting import format_service
from daemon.service.log import LogLine

Level = Literal["success", "warning", "failure"]

#: Short outages of Notion are common; a message follows after this time.
AWAY = timedelta(hours=1)
#: The least time between two messages about events that may come in numbers.
PAUSE = timedelta(hours=1)
#: Reasons for an open breaker that last long or need a person.
PROBLEMS = {
    "credits": "is out of credits",
    "unauthorized": "rejects its token",
    "not_found": "no longer offers its model",
    "region_blocked": "is not available in your region",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A notification."""

    title: str
    body: str
    level: Level


@dataclass(slots=True)
class _Burst:
    """Events that may come in numbers: a message at once, then one an hour."""

    sent_at: datetime | None = None
    count: int = 0
    newest: str = ""

    def add(self, newest: str) -> None:
        self.count += 1
        self.newest = newest

    def take_due(self, now: datetime) -> tuple[int, str] | None:
        """Return the count and the newest event if a message is due, else None."""
        # abs() lets messages through after the clock was set back.
        recent = self.sent_at is not None and abs(now - self.sent_at) < PAUSE
        if not self.count or recent:
            return None
        due = self.count, self.newest
        self.sent_at, self.count, self.newest = now, 0, ""
        return due


@dataclass(slots=True)
class AlertRules:
    """Decides which events become messages, and stores which did.

    Attributes:
        announced: Lasting problems with a message: (reason, provider or subject).
        budgets: Budget events with a message: (event, budget) to end of the period.
        away_since: When Notion stopped answering; None while it answers.
        labels: The labels of the services, by name.
    """

    announced: set[tuple[str, str]] = field(default_factory=set)
    budgets: dict[tuple[str, str], str] = field(default_factory=dict)
    away_since: datetime | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    _away_why: str = ""
    _failed: _Burst = field(default_factory=_Burst)
    _held: _Burst = field(default_factory=_Burst)

    def handle_line(self, line: LogLine, now: datetime) -> Message | None:
        """Process a log line; return the message to send, None for none."""
        fields = {key: str(value) for key, value in line.fields.items()}
        provider, reason = fields.get("provider", ""), fields.get("reason", "")
        match line.event:
            # Without a prompt writer, images are made by our own rule.
            case "breaker.opened" if reason == "credits" and provider.startswith(
                "writer:"
            ):
                return None
            case "breaker.opened" if reason in PROBLEMS:
                title = f"{self._label_of(provider)} {PROBLEMS[reason]}"
                body = self._put_labels(line.summary)
                return self._report_begin((reason, provider), title, line, body)
            case "breaker.closed":
                problems = {(problem, provider) for problem in PROBLEMS}
                title = f"{self._label_of(provider)} is available again"
                body = self._put_labels(line.summary)
                return self._report_end(problems, title, line, body)
            # Notion refuses the token or the source, so waiting does not help.
            case "poll.failed" if reason == "refused":
                self.away_since = None
                title = "Notion denies access"
                return self._report_begin(("refused", "Notion"), title, line)
            case "poll.failed":
                self.away_since = self.away_since or now
                self._away_why = line.summary
                return self.next_due_message(now)
            case "poll.recovered":
                self.away_since = None
                problems = {("refused", "Notion"), ("away", "Notion")}
                return self._report_end(problems, "Notion is available again", line)
            case "budget.near" | "budget.reached":
                return self._report_budget(line, fields)
            case "disk.full":
                title = "images cannot be saved"
                return self._report_begin(("full", "disk"), title, line)
            case "disk.freed":
                title = "images can be saved again"
                return self._report_end({("full", "disk")}, title, line)
            case "store.away":
                title = "the image store is not available"
                return self._report_begin(("away", "store"), title, line)
            case "store.back":
                title = "the image store is available again"
                return self._report_end({("away", "store")}, title, line)
            case "poll.held":
                self._held.add(line.summary)
                return self.next_due_message(now)
            case "job.failed":
                self._failed.add(line.summary)
                return self.next_due_message(now)
            case _:
                return None

    def next_due_message(self, now: datetime) -> Message | None:
        """Return a message that is due because time has passed, None without one."""
        since = self.away_since
        # The clock was set back, so the hour counts from now.
        if since is not None and since > now:
            self.away_since = since = now
        is_long_outage = since is not None and now - since >= AWAY
        if is_long_outage and ("away", "Notion") not in self.announced:
            self.announced.add(("away", "Notion"))
            title = "Notion has been unavailable for an hour"
            return Message(title=title, body=self._away_why, level="warning")
        if (held := self._held.take_due(now)) is not None:
            title = "posts are waiting for your approval"
            return Message(title=title, body=held[1], level="warning")
        if (failed := self._failed.take_due(now)) is not None:
            count, newest = failed
            title = "an image could not be generated"
            if count > 1:
                title = f"{count} images could not be generated"
                newest = f"The newest: {newest}"
            return Message(title=title, body=newest, level="warning")
        return None

    def mark_as_announced(self, reason: str, provider: str) -> None:
        """Record an open breaker that had a message before a restart."""
        if reason in PROBLEMS:
            self.announced.add((reason, provider))

    def _label_of(self, provider: str) -> str:
        """Return "Hugging Face FLUX" for "flux", where the log has the name."""
        name = provider.removeprefix("writer:")
        return format_service(provider).replace(name, self.labels.get(provider, name))

    def _put_labels(self, text: str) -> str:
        """Return *text*, which is about services, with labels for their names."""
        labels = {format_service(name): self._label_of(name) for name in self.labels}
        # The writer "flux (prompt writer)" before the service "flux".
        names = sorted(map(re.escape, labels), key=len, reverse=True)
        if not names:
            return text
        pattern = rf"(?<![\w-])(?:{'|'.join(names)})(?![\w-])"
        return re.sub(pattern, lambda found: labels[found[0]], text)

    def _report_begin(
        self, problem: tuple[str, str], title: str, line: LogLine, body: str = ""
    ) -> Message | None:
        if problem in self.announced:
            return None
        self.announced.add(problem)
        is_error = line.level == "error"
        level: Level = "failure" if is_error else "warning"
        return Message(title=title, body=body or line.summary, level=level)

    def _report_end(
        self, problems: set[tuple[str, str]], title: str, line: LogLine, body: str = ""
    ) -> Message | None:
        was_announced = bool(problems & self.announced)
        self.announced -= problems
        # A problem without a message needs none about its end.
        if not was_announced:
            return None
        return Message(title=title, body=body or line.summary, level="success")

    def _report_budget(self, line: LogLine, fields: dict[str, str]) -> Message | None:
        """Return a message for each budget event once a period."""
        budget_event = line.event, fields.get("budget", "")
        until = fields.get("until", "")
        if self.budgets.get(budget_event) == until:
            return None
        self.budgets[budget_event] = until
        is_reached = line.event == "budget.reached"
        title = "a budget is used up" if is_reached else "a budget is nearly used up"
        # "service flux" is the budget of one service.
        is_of_service = " " in fields.get("budget", "")
        body = self._put_labels(line.summary) if is_of_service else line.summary
        return Message(title=title, body=body, level="warning")
