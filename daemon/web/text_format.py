"""Texts of the page: times in the local zone, amounts, states and events."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo

from db.states import JobEventType, JobReason, JobState

STATES = {
    JobState.QUEUED: "waiting",
    JobState.GENERATING: "being made",
    JobState.UPLOADING: "on its way to Notion",
    JobState.DONE: "done",
    JobState.FAILED: "failed",
    JobState.CANCELLED: "cancelled",
}
REASONS = {
    JobReason.NEW: "a new post",
    JobReason.EDITED: "its words changed",
    JobReason.REGENERATE: "somebody asked for another",
    JobReason.REPLACE: "a card to be replaced",
}
EVENTS = {
    "queued": "Wished for",
    "delayed": "Will be tried again",
    "resumed": "Goes on",
    JobEventType.CLAIMED: "Taken up",
    JobEventType.GENERATED: "Made",
    JobEventType.UPLOADED: "On the page",
    JobEventType.RETRIED: "Once more, later",
    JobEventType.SNOOZED: "Waits",
    JobEventType.RESCUED: "Taken back after an interruption",
    JobEventType.ABANDONED: "Gave up",
    JobEventType.CANCELLED: "Cancelled",
    JobEventType.REOPENED: "Opened again",
    JobEventType.REPEATED: "Asked for again: the same wish",
    JobEventType.FOLDED: "A newer wish joined it",
    JobEventType.NOTED: "A newer wish waits for its end",
    JobEventType.ACKNOWLEDGED: "The tick box is cleared",
}


def format_time(time: datetime, now: datetime, zone: tzinfo) -> str:
    """Return "10:15" for today, else "24 Nov 10:15", or "24 Nov 2025"."""
    local, today = time.astimezone(zone), now.astimezone(zone)
    if local.date() == today.date():
        return f"{local:%H:%M}"
    if local.year == today.year:
        return f"{local.day} {local:%b %H:%M}"
    return f"{local.day} {local:%b %Y}"


def format_full_time(time: datetime, zone: tzinfo) -> str:
    """Return "24 Nov 2026 10:15:30"."""
    local = time.astimezone(zone)
    return f"{local.day} {local:%b %Y %H:%M:%S}"


def format_duration(seconds: float) -> str:
    """Return a duration in seconds as "4.2 s", "3 min", "2 h" or "3 d"."""
    length = timedelta(seconds=seconds)
    if length < timedelta(minutes=2):
        return f"{seconds:.1f} s"
    if length < timedelta(hours=2):
        return f"{seconds / 60:.0f} min"
    return (
        f"{seconds / 3600:.0f} h" if length < timedelta(days=2) else f"{length.days} d"
    )


def format_dollars(amount: float) -> str:
    """Return an amount in dollars as "$0.0035", "$1.20" or "$0"."""
    if amount <= 0:
        return "$0"
    return f"${amount:.4f}" if amount < 0.1 else f"${amount:.2f}"  # noqa: PLR2004 - tenths of a cent matter below a dime


def format_price(cost: float, covered: float) -> str:
    """Return the price of one image: "$0.0035", "included" or "free"."""
    if covered > 0:
        return "included"
    return format_dollars(cost) if cost > 0 else "free"


def format_size(count: int) -> str:
    """Return a number of bytes as "1.4 MB" or "320 kB"."""
    return f"{count / 1e6:.1f} MB" if count >= 10**6 else f"{count // 1000} kB"
