"""Renders the templates: the Jinja environment, and the texts of the pages.

This is the only importer of Jinja.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

import jinja2

from daemon.context import SourceContext
from db.states import JobEventType, JobReason, JobState
from providers.outcomes import OUTCOMES

_TEMPLATES = Path(__file__).parent / "templates"
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


def create_renderer(
    source: SourceContext, asset_marks: Mapping[str, str]
) -> Callable[..., str]:
    """Return a function that renders a template by its name with data.

    Args:
        asset_marks: What the URL of each static file ends with, by file name.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        auto_reload=False,
    )
    zone = source.app.clock.zone
    filters: dict[str, Callable[..., str]] = {
        "moment": lambda at: format_time(at, source.app.now(), zone),
        "full": lambda at: format_full_time(at, zone),
        "iso": lambda at: at.isoformat(timespec="seconds"),
        "lasted": format_duration,
        "dollars": format_dollars,
        "size": format_size,
    }
    environment.filters.update(filters)
    environment.globals |= {
        "asset": lambda name: f"/static/{name}?v={asset_marks[name]}",
        "price": format_price,
        "WHY": REASONS,
        "STATE": STATES,
        "EVENT": EVENTS,
        "OUTCOME": OUTCOMES,
    }

    def render(page: str, **data: object) -> str:
        return environment.get_template(page).render(**data)

    return render


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
