"""What was said beforehand, and what was answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from daemon.cli.setup.property_mapping import ColumnPolicy, ColumnSlot
from daemon.config.edit import KeyPath
from daemon.notion.model import Role, SourceInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class InitOptions:
    """Answers given with the command; None: it is asked.

    Attributes:
        only: Such as "Status=Waiting".
    """

    source: str | None = None
    columns: ColumnPolicy | None = None
    only: tuple[str, ...] = ()


@dataclass(slots=True, kw_only=True)
class InitAnswers:
    """What is to be written.

    Attributes:
        secrets: By variable; only what is not in its file already.
        added: Columns to make.
        wanted: Keys of postbrush.toml that say something new.
        text: The whole file with them.
    """

    source: SourceInfo = field(
        default_factory=lambda: SourceInfo(id="", title="", url="")
    )
    secrets: dict[str, str] = field(default_factory=dict, repr=False)
    added: tuple[ColumnSlot, ...] = ()
    wanted: dict[KeyPath, object] = field(default_factory=dict)
    text: str = ""

    @property
    def columns(self) -> Mapping[Role, tuple[str, str]]:
        """Return the columns to make: role to (name, type)."""
        return {place.role: (place.name, place.type) for place in self.added}
