"""Renders the templates: the Jinja environment, and the texts of the pages.

This is the only importer of Jinja.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import jinja2

from daemon import formatting
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
    source: SourceContext, asset_marks: Mapping[str, str], base: str
) -> Callable[..., str]:
    """Return a function that renders a template by its name with data.

    Args:
        asset_marks: What the URL of each static file ends with, by file name.
        base: What the path of every link begins with, such as "/postbrush".
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
        "moment": lambda at: formatting.format_short_time(at, source.app.now(), zone),
        "full": lambda at: formatting.format_time(at, zone, seconds=True, year=True),
        "iso": lambda at: at.isoformat(timespec="seconds"),
        "lasted": formatting.format_duration,
        "dollars": partial(formatting.format_dollars, zero="$0"),
        "cents": formatting.format_cents,
        "size": formatting.format_size,
    }
    environment.filters.update(filters)
    environment.globals |= {
        "asset": lambda name: f"{base}/static/{name}?v={asset_marks[name]}",
        "base": base,
        "price": formatting.format_price,
        "WHY": REASONS,
        "STATE": STATES,
        "EVENT": EVENTS,
        "OUTCOME": OUTCOMES,
    }

    def render(page: str, **data: object) -> str:
        return environment.get_template(page).render(**data)

    return render
