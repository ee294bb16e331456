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
    JobState.QUEUED: "queued",
    JobState.GENERATING: "generating",
    JobState.UPLOADING: "uploading",
    JobState.DONE: "done",
    JobState.FAILED: "failed",
    JobState.CANCELLED: "cancelled",
}
REASONS = {
    JobReason.NEW: "new post",
    JobReason.EDITED: "post edited",
    JobReason.REGENERATE: "another image requested",
    JobReason.REPLACE: "replacement of a card",
}
EVENTS = {
    "queued": "Queued",
    "delayed": "Retrying later",
    "resumed": "Resumed",
    JobEventType.CLAIMED: "Started",
    JobEventType.GENERATED: "Stored",
    JobEventType.UPLOADED: "Uploaded to Notion",
    JobEventType.RETRIED: "Retrying later",
    JobEventType.SNOOZED: "Waiting",
    JobEventType.RESCUED: "Recovered after an interruption",
    JobEventType.ABANDONED: "Failed",
    JobEventType.CANCELLED: "Cancelled",
    JobEventType.REOPENED: "Reopened",
    JobEventType.REPEATED: "Requested again",
    JobEventType.FOLDED: "Merged with a newer request",
    JobEventType.NOTED: "A newer request will run next",
    JobEventType.ACKNOWLEDGED: "Regenerate checkbox cleared",
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
        "dollars": partial(formatting.format_dollars, zero="$0.00"),
        "label": source.label_of,
        "cents": formatting.format_cents,
        "count": formatting.format_count,
        "size": formatting.format_size,
    }
    environment.filters.update(filters)
    environment.globals |= {
        "asset": lambda name: f"{base}/static/{name}?v={asset_marks[name]}",
        "base": base,
        "price": formatting.format_price,
        "charge": formatting.describe_charge,
        "WHY": REASONS,
        "STATE": STATES,
        "EVENT": EVENTS,
        "OUTCOME": OUTCOMES,
    }

    def render(page: str, **data: object) -> str:
        return environment.get_template(page).render(**data)

    return render
