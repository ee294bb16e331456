"""The types in which the rest of the daemon sees Notion.  Standard library only.

Notion's JSON never leaves `daemon/notion/`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import Protocol

from daemon.notion.filters import PropertyValue, Wanted
from daemon.notion.query_position import QueryPosition


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of a source as one answer of Notion shows it.

    Attributes:
        id: 32 lower-case hexadecimal digits.
        source: The ID of its data source, in the same form.
        edited_at: last_edited_time, which Notion rounds down to the minute.
        gone: Whether the page is in the trash, archived, or moved out of the source.
        image: The files of the Image property, in order.
        columns: Every property that reads as text (an option name, a number, a tick
            or a date included), by its present name and by the name that the
            settings use (`Schema.named`).  Templates, `only` and `skip` read it.
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
    format: str = ""
    variants: int | None = None
    alt: str = ""
    date: str = ""
    columns: Mapping[str, PropertyValue] = field(
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
    FORMAT = "format"
    VARIANTS = "variants"
    ALT = "alt"
    DATE = "date"


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
        columns: All properties, by present name.
        roles: The property of each role, found by stored ID first, then by name.
        named: The properties that the settings name (`posts.only`, a template, ...),
            by the name that the settings use.  They are found in the same way.
        problems: One line for people for each required property that is missing or
            of the wrong type, with what to click.
        warnings: The same for properties that are not required.
        notes: One line for each name that could mean more than one property.
        cannot_start: Whether a required property is missing or of the wrong type, or
            one that postbrush writes has a second role.
    """

    source: str
    title: str
    columns: Mapping[str, Property]
    roles: Mapping[Role, Property]
    named: Mapping[str, Property] = field(default_factory=lambda: MappingProxyType({}))
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    cannot_start: bool = False

    def find_property(self, name: str) -> Property | None:
        """Return the property that the settings call *name*, None if there is none."""
        return self.named.get(name) or self.columns.get(name)

    @property
    def column_ids(self) -> Mapping[str, str]:
        """Property IDs by role and "=name", stored so that a rename has no effect."""
        roles = {role.value: column.id for role, column in self.roles.items()}
        return roles | {f"={name}": column.id for name, column in self.named.items()}


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
    """

    id: str
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
        clear_feedback: Whether to clear the feedback, because an image used it.
        cover: The upload ID of the new page cover.
        extra: `posts.on_done` or `posts.on_card`, property name to value.
        image_only: Whether to write nothing but `uploads` and `keep`.
    """

    regenerate: bool | None = None
    uploads: tuple[tuple[str, str], ...] = ()
    keep: tuple[File, ...] = ()
    status: str | None = None
    note: str | None = None
    provider: str | None = None
    alt: str | None = None
    clear_feedback: bool = False
    cover: str | None = None
    extra: Mapping[str, Wanted] = field(default_factory=lambda: MappingProxyType({}))
    image_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteResult:
    """The page after a write, and the names of the properties it omitted."""

    page: Page
    left_out: tuple[str, ...] = ()


class NotionClient(Protocol):
    """The interface to Notion; `daemon.notion.api.NotionApi` implements it."""

    def pause_requests(self, seconds: float) -> None:
        """Send no request for so many seconds."""

    async def fetch_bot_user(self) -> BotUser:
        """Return the bot user of the token."""

    async def list_sources(self) -> Sequence[SourceInfo]:
        """Return every data source that the token can read."""

    async def resolve_source(self, target: str) -> SourceInfo:
        """Return the data source of an ID, or of a URL of it or of its database."""

    @property
    def server_time(self) -> datetime | None:
        """Return the time of Notion's last answer by its own clock, None before it."""

    async def fetch_schema(self, source: str, remembered: Mapping[str, str]) -> Schema:
        """Read the properties; *remembered* is an earlier `Schema.column_ids`."""

    async def add_properties(
        self, source: str, wanted: Mapping[Role, tuple[str, str]]
    ) -> None:
        """Add properties, role to (name, type), without changing existing ones."""

    async def fetch_newest_pages(self, schema: Schema) -> tuple[Sequence[Page], bool]:
        """Return at most the newest hundred pages, and whether those are all."""

    async def fetch_changed_pages(
        self, schema: Schema, *, since: datetime | None, only: Mapping[str, Wanted]
    ) -> Sequence[Page]:
        """Return pages that are ticked, or edited since *since* and matched by *only*.

        Without *since*, only ticked pages are returned.  Notion applies *only* as far
        as a query can express it, so the caller must compare every page.
        """

    async def fetch_page_batch(
        self, schema: Schema, *, after: QueryPosition | None
    ) -> tuple[Sequence[Page], QueryPosition | None]:
        """Return some of all pages, oldest first, and the position after them.

        The position is None after the last page.  *after* is None for the oldest.
        """

    async def fetch_page(self, schema: Schema, page_id: str, urgency: Urgency) -> Page:
        """Read one page.  Raises PageUnreachableError."""

    async def update_page(
        self, schema: Schema, page_id: str, change: PageUpdate, urgency: Urgency
    ) -> WriteResult:
        """Write once.  Raises PageGoneError, WriteRefusedError, UploadLostError."""

    async def create_upload(self, name: str, urgency: Urgency) -> Upload:
        """Create a file upload."""

    async def send_upload(
        self, upload_id: str, name: str, data: bytes, urgency: Urgency
    ) -> Upload:
        """Send the bytes of a PNG.  Raises UploadLostError."""

    async def find_upload(self, upload_id: str, urgency: Urgency) -> Upload:
        """Return the state of an upload.  Raises UploadLostError if it is unknown."""
