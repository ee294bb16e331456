"""The types in which the rest of the daemon sees Notion.  Standard library only.

Notion's JSON never leaves `daemon/notion/`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from types import MappingProxyType

#: The wanted value of a filter: a text or option name, a tick, or any of several.
Wanted = str | bool | Sequence[str]


class Urgency(IntEnum):
    """The priority of a request in the rate limiter; the lowest value goes first."""

    REGENERATION = 0  #: Un-ticks and uploads of regenerations.
    POLL = 1
    JOB = 2  #: Every other request of a job.
    SWEEP = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One entry of a files property.

    Attributes:
        name: The name that Notion shows.
        raw: The JSON that a write must repeat to keep the entry.  It holds a signed
            URL that is valid for an hour, so it is never stored or compared.
    """

    name: str
    raw: Mapping[str, object] = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class PropertyValue:
    """One value as text, with its property's type.

    Attributes:
        text: The value; a tick is "true" or "false".
        names: The single names of a value of `LIST_TYPES`.
    """

    type: str
    text: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of a source as one response of Notion shows it.

    Attributes:
        id: 32 lower-case hexadecimal digits.
        source: The ID of its data source, in the same form.
        edited_at: last_edited_time, which Notion rounds down to the minute.
        gone: Whether the page is in the trash, archived, or moved out of the source.
        image: The files of the Image property, in order.
        headline: None if the source has no such property.
        properties: Every property that reads as text (an option name, a number, a
            tick or a date included), by its present name and by the name that the
            settings use.  Templates, `only` and `skip` read it.
    """

    id: str
    source: str
    url: str
    title: str
    created_at: datetime
    edited_at: datetime
    gone: bool = False
    regenerate: bool = False
    image: tuple[File, ...] = ()
    prompt: str = ""
    post: str = ""
    feedback: str = ""
    status: str = ""
    note: str = ""
    provider: str = ""
    headline: str | None = None
    format: str = ""
    variants: int | None = None
    pick: int | None = None
    alt: str = ""
    date: str = ""
    properties: Mapping[str, PropertyValue] = field(
        default_factory=lambda: MappingProxyType({})
    )


class Role(StrEnum):
    """The use of a property; the value is the key in the configuration."""

    IMAGE = "image"
    REGENERATE = "regenerate"
    POST = "post"
    PROMPT = "prompt"
    FEEDBACK = "feedback"
    STATUS = "status"
    NOTE = "note"
    PROVIDER = "provider"
    DETAILS = "details"
    HEADLINE = "headline"
    FORMAT = "format"
    VARIANTS = "variants"
    PICK = "pick"
    ALT = "alt"
    DATE = "date"
    USED_PROMPT = "used_prompt"


class Status(StrEnum):
    """What the status property shows.  The first three are followed by another."""

    QUEUED = "Queued"
    WAITING = "Waiting"  #: The note says why, and until when.
    APPROVAL = "Waiting for approval"
    DONE = "Done"
    CARD = "Card"
    FAILED = "Failed"
    NONE = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Property:
    """One property of a source.  A rename does not change `id`."""

    id: str
    name: str
    type: str
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """The properties of one data source and their roles.

    Attributes:
        properties: All properties, by present name.
        roles: The property of each role, found by stored ID first, then by name.
        configured: The properties that the settings name (`posts.only`, a template,
            ...), by the name that the settings use.  They are found in the same way.
        problems: One line for people for each required property that is missing or
            of the wrong type, with what to click, and for each property that
            postbrush writes and that has a second role.  None of them may remain.
        warnings: The same for properties that are not required.
        notes: One line for each name that could mean more than one property.
    """

    source: str
    title: str
    properties: Mapping[str, Property]
    roles: Mapping[Role, Property]
    configured: Mapping[str, Property] = field(
        default_factory=lambda: MappingProxyType({})
    )
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def cannot_start(self) -> bool:
        """Whether a problem remains, so that no image can be written."""
        return bool(self.problems)

    def find_property(self, name: str) -> Property | None:
        """Return the property that the settings call *name*, None if there is none."""
        return self.configured.get(name) or self.properties.get(name)

    @property
    def property_ids(self) -> Mapping[str, str]:
        """Property IDs by role and "=name", stored so that a rename has no effect."""
        roles = {role.value: found.id for role, found in self.roles.items()}
        return roles | {f"={name}": found.id for name, found in self.configured.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceInfo:
    """A data source that the token can read."""

    id: str
    title: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BotUser:
    """The bot user of a token.

    Attributes:
        upload_limit: Bytes of one file; 5 MiB if Notion does not name a limit.
    """

    id: str
    name: str
    workspace: str
    upload_limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file upload of postbrush.

    Attributes:
        pending: Whether Notion still waits for the bytes.
        usable: Whether it is uploaded and not expired.
        name: The name of its file; empty if Notion does not say it.
    """

    id: str
    name: str = ""
    pending: bool = False
    usable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PageUpdate:
    """The content of one `pages.update`; None leaves a property unchanged.

    The write omits a role whose property the source does not have.  It also omits a
    value that the property's type cannot hold, such as a status without that option,
    and `WriteResult.left_out` names this property.

    Attributes:
        regenerate: The new tick; the write that attaches images never sets it.
        uploads: (upload ID, file name) of each image to show, in order.
        keep: Files that people added, repeated after `uploads`.
        replaced: Names of our files that the page showed before.
        used_prompt: The prompt that the image was made of; empty for a card.
        prompt: The prompt that becomes the owner's own.
        clear_feedback: Whether to clear the feedback, because an image used it.
        clear_pick: Whether to clear the pick, which was one of the images before.
        cover: The upload ID of the new page cover.
        extra: `posts.on_done` or `posts.on_card`, property name to value.
        image_only: Whether to write nothing but `uploads` and `keep`.
    """

    regenerate: bool | None = None
    uploads: tuple[tuple[str, str], ...] = ()
    keep: tuple[File, ...] = ()
    replaced: tuple[str, ...] = ()
    status: str | None = None
    note: str | None = None
    provider: str | None = None
    details: str | None = None
    alt: str | None = None
    used_prompt: str | None = None
    prompt: str | None = None
    clear_feedback: bool = False
    clear_pick: bool = False
    cover: str | None = None
    extra: Mapping[str, Wanted] = field(default_factory=lambda: MappingProxyType({}))
    image_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteResult:
    """The page after a write, and the names of the properties it omitted."""

    page: Page
    left_out: tuple[str, ...] = ()
