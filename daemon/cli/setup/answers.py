"""Options of `init`, and the answers to its questions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from daemon.cli.setup.config_text import KeyPath
from daemon.cli.setup.property_mapping import ColumnPolicy, ColumnSlot
from daemon.notion.model import Role, SourceInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class InitOptions:
    """Answers given as options; `init` asks for those that are None.

    Attributes:
        only: Filters such as "Status=Waiting".
    """

    source: str | None = None
    columns: ColumnPolicy | None = None
    only: tuple[str, ...] = ()


@dataclass(slots=True, kw_only=True)
class InitAnswers:
    """What `init` writes.

    Attributes:
        secrets: New or changed secrets by environment variable.
        added: Properties to add to the Notion database.
        wanted: New or changed keys of postbrush.toml.
        text: The new content of postbrush.toml.
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
        """Return the properties to add: role to (name, type)."""
        return {slot.role: (slot.name, slot.type) for slot in self.added}
