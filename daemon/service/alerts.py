"""What a person is told of the daemon's own events: changes, and nothing twice.

Pure: events and the time go in, at most one message comes out.  Of the notifier's
own troubles nothing is said here, so that they cannot lead to each other.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from daemon.service.log import LogLine

Level = Literal["success", "warning", "failure"]

#: Notion is away now and then; after this long it is worth a person's time.
AWAY = timedelta(hours=1)
#: What may come in numbers is told this often, with how many they were.
PAUSE = timedelta(hours=1)
#: Why a service rests, if it is for long or a person can mend it.
RESTS = {
    "credits": "is out of credits",
    "token": "refuses its token",
    "gone": "no longer knows its model",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What is sent."""

    title: str
    body: str
    level: Level


@dataclass(slots=True)
class _Burst:
    """What may come in numbers: told at once, then once an hour with the others."""

    told_at: datetime | None = None
    count: int = 0
    newest: str = ""

    def add(self, count: int, newest: str) -> None:
        self.count += count
        self.newest = newest

    def take_due(self, now: datetime) -> tuple[int, str] | None:
        """Return how many there were and the newest, if it is time to say so."""
        # A clock that was set back does not silence it.
        recent = self.told_at is not None and abs(now - self.told_at) < PAUSE
        if not self.count or recent:
            return None
        taken = self.count, self.newest
        self.told_at, self.count, self.newest = now, 0, ""
        return taken


@dataclass(slots=True)
class AlertRules:
    """Decides what is told, and remembers what was.

    Attributes:
        told: Troubles a person knows of and that last: (what, of whom).
        budgets: Budgets a person knows of: (share, of what) and until when.
        away_since: When Notion stopped answering.
    """

    told: set[tuple[str, str]] = field(default_factory=set)
    budgets: dict[tuple[str, str], str] = field(default_factory=dict)
    away_since: datetime | None = None
    _away_why: str = ""
    _failed: _Burst = field(default_factory=_Burst)
    _held: _Burst = field(default_factory=_Burst)

    def handle_line(self, line: LogLine, now: datetime) -> Message | None:
        """Take one event in; return what is to be said because of it."""
        fields = {key: str(value) for key, value in line.fields.items()}
        provider, reason = fields.get("provider", ""), fields.get("reason", "")
        match line.event:
            # It rests for long, or only a person can mend it.
            case "breaker.opened" if reason in RESTS:
                title = f"{provider} {RESTS[reason]}"
                return self._report_begin((reason, provider), title, line)
            case "breaker.closed":
                rests = {(one, provider) for one in RESTS}
                return self._report_end(rests, f"{provider} serves again", line)
            # Shut out: waiting does not help.
            case "poll.failed" if reason == "refused":
                self.away_since = None
                title = "Notion refuses access"
                return self._report_begin(("refused", "Notion"), title, line)
            case "poll.failed":
                self.away_since = self.away_since or now
                self._away_why = line.summary
                return self.next_due_message(now)
            case "poll.recovered":
                self.away_since = None
                troubles = {("refused", "Notion"), ("away", "Notion")}
                return self._report_end(troubles, "Notion answers again", line)
            case "budget.near" | "budget.reached":
                return self._report_budget(line, fields)
            case "disk.full":
                title = "images cannot be written"
                return self._report_begin(("full", "disk"), title, line)
            case "disk.freed":
                title = "images can be written again"
                return self._report_end({("full", "disk")}, title, line)
            case "store.away":
                title = "the store of the images is away"
                return self._report_begin(("away", "store"), title, line)
            case "store.back":
                title = "the store of the images is back"
                return self._report_end({("away", "store")}, title, line)
            case "poll.held":
                self._held.add(1, line.summary)
                return self.next_due_message(now)
            case "job.failed":
                self._failed.add(1, line.summary)
                return self.next_due_message(now)
            case _:
                return None

    def next_due_message(self, now: datetime) -> Message | None:
        """Return what is to be said because time has passed; None: nothing (more)."""
        since = self.away_since
        # The clock was set back: an hour counts from now.
        if since is not None and since > now:
            self.away_since = since = now
        # Now it is no hiccup any more.
        lasts = since is not None and now - since >= AWAY
        if lasts and ("away", "Notion") not in self.told:
            self.told.add(("away", "Notion"))
            title = "Notion has not answered for an hour"
            return Message(title=title, body=self._away_why, level="warning")
        # Old posts wait for a person's word.
        if (held := self._held.take_due(now)) is not None:
            title = "posts are held until you approve them"
            return Message(title=title, body=held[1], level="warning")
        # One by one would be noise.
        if (failed := self._failed.take_due(now)) is not None:
            count, newest = failed
            title = "an image could not be made"
            if count > 1:
                title = f"{count} images could not be made"
                newest = f"The newest: {newest}"
            return Message(title=title, body=newest, level="warning")
        return None

    def mark_as_told(self, reason: str, provider: str) -> None:
        """Take in that a service rests already, and was spoken of before a restart."""
        if reason in RESTS:
            self.told.add((reason, provider))

    def _report_begin(
        self, trouble: tuple[str, str], title: str, line: LogLine
    ) -> Message | None:
        # It lasts, and was told.
        if trouble in self.told:
            return None
        self.told.add(trouble)
        loud = line.level == "error"
        level: Level = "failure" if loud else "warning"
        return Message(title=title, body=line.summary, level=level)

    def _report_end(
        self, troubles: set[tuple[str, str]], title: str, line: LogLine
    ) -> Message | None:
        known = troubles & self.told
        self.told -= troubles
        # Nobody was told of it, so nobody waits for its end.
        if not known:
            return None
        return Message(title=title, body=line.summary, level="success")

    def _report_budget(self, line: LogLine, fields: dict[str, str]) -> Message | None:
        """Tell each share once a period; its end is the calendar's, and is told now."""
        which, until = (line.event, fields.get("budget", "")), fields.get("until", "")
        if self.budgets.get(which) == until:
            return None
        self.budgets[which] = until
        reached = line.event == "budget.reached"
        title = "a budget is used up" if reached else "a budget is nearly used up"
        return Message(title=title, body=line.summary, level="warning")
