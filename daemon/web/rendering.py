"""The Jinja environment with its filters and globals; only importer of Jinja."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

import jinja2

from daemon.context import SourceContext
from daemon.web import text_format
from daemon.web.session import StaticFile
from providers.outcomes import OUTCOMES

_TEMPLATES = Path(__file__).parent / "templates"


def create_renderer(
    source: SourceContext, assets: Mapping[str, StaticFile]
) -> Callable[..., str]:
    """Return a function that renders a template by its name with data."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        auto_reload=False,
    )

    def moment(at: datetime) -> str:
        return text_format.format_time(at, source.app.now(), source.app.clock.zone)

    def full(at: datetime) -> str:
        return text_format.format_full_time(at, source.app.clock.zone)

    def iso(at: datetime) -> str:
        return at.isoformat(timespec="seconds")

    environment.filters |= {
        "moment": moment,
        "full": full,
        "iso": iso,
        "lasted": text_format.format_duration,
        "dollars": text_format.format_dollars,
        "size": text_format.format_size,
    }
    environment.globals |= {
        "asset": lambda name: f"/static/{name}?v={assets[name].mark}",
        "price": text_format.format_price,
        "WHY": text_format.REASONS,
        "STATE": text_format.STATES,
        "EVENT": text_format.EVENTS,
        "OUTCOME": OUTCOMES,
    }

    def render(page: str, **data: object) -> str:
        return environment.get_template(page).render(**data)

    return render
