"""Whether a person is active, so that polls are frequent."""

from __future__ import annotations

from daemon.context import SourceContext

#: Seconds after an action of a person in which polls are frequent.
_ACTIVE_SECONDS = 300.0


def note_activity(source: SourceContext) -> None:
    """Poll the source frequently for the next five minutes: a person is active."""
    source.state.active_until = source.app.clock.elapsed() + _ACTIVE_SECONDS


def is_active_poll_due(source: SourceContext) -> bool:
    """Return whether the next poll should not wait for the usual interval.

    A frequent poll takes no budget that other requests wait for.
    """
    is_active = source.app.clock.elapsed() < source.state.active_until
    return is_active and not source.notion.transport.limiter.is_queued
