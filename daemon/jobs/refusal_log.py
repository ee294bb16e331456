"""Group refused un-ticks into one log line for each cause, with a count."""

from __future__ import annotations

from dataclasses import dataclass, field

from daemon.context import SourceContext
from db.models import Job

#: Maximum number of job IDs in a log line.
_NAMED = 5


@dataclass(slots=True)
class RefusedUnticks:
    """The ticks that Notion refused to clear since the last log line."""

    _by_cause: dict[tuple[str, str], list[Job]] = field(default_factory=dict)

    def add(self, job: Job, cause: str) -> None:
        """Store a refusal for `log_refusals`."""
        self._by_cause.setdefault((job.source, cause), []).append(job)

    def log_refusals(self, source: SourceContext, source_name: str) -> None:
        """Log and forget the refusals of a source, once no un-tick is in progress."""
        for key in [key for key in self._by_cause if key[0] == source_name]:
            refused = self._by_cause.pop(key)
            single = refused[0] if len(refused) == 1 else None
            source.log.error(
                "untick.refused",
                summary=format_refusal(refused, key[1]),
                job=single.id if single else None,
                page=single.page_id if single else None,
                count=len(refused),
            )


def format_refusal(refused: list[Job], cause: str) -> str:
    """Return one sentence about the ticks refused for one cause.  Pure."""
    if len(refused) == 1:
        (job,) = refused
        return (
            f"'{job.title}': Notion does not let postbrush clear the Regenerate box, "
            f"so no image is generated: {cause} (job {job.id})"
        )
    named = ", ".join(str(job.id) for job in refused[:_NAMED])
    more = ", ..." if len(refused) > _NAMED else ""
    return (
        f"Notion does not let postbrush clear {len(refused)} Regenerate boxes, so no "
        f"images are generated for them: {cause} (jobs {named}{more})"
    )
