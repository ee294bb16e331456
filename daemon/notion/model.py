"""What the rest of the daemon knows of Notion.  Standard library only.

Rows and JSON never leave `daemon/notion/`; these do.
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
    """Who is served first when Notion's budget is short; lower goes first."""

    REGENERATION = 0  #: Un-ticks and uploads of regenerations.
    POLL = 1
    JOB = 2  #: Everything else a job needs.
    SWEEP = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One entry of a files column.

    Attributes:
        name: As Notion shows it.
        raw: What a write must repeat to keep the entry; holds a signed URL that is
            good for an hour, so it is used at once and never stored or compared.
    """

    name: str
    raw: Mapping[str, object] = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of the source as one answer of Notion showed it.

    Attributes:
        id: 32 lower-case hexadecimal digits.
        columns: Every column that reads as text, a name of an option, a number, a
            tick or a date, by its present name, and by the name the settings use
            (`Schema.named`): what templates, `only` and `skip` look at.
        image: The files of the Image column, in order.
        edited_at: last_edited_time, floored by Notion to the minute.
        gone: In the trash, archived, or moved out of the source.
        source: The data source it belongs to, 32 digits.
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
    """What postbrush uses a column for; the value is the key in the configuration."""

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
    """One column of the source: id is stable across renames."""

    id: str
    name: str
    type: str
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """The columns of one data source and which of them play which role.

    Attributes:
        columns: All of them, by present name.
        roles: Those postbrush uses, found by remembered id first, then by name.
        named: Likewise those that the settings name (`posts.only`, a template, ...),
            by the name that the settings use.
        problems: One line each, for people: a required column missing, a column
            of the wrong type and what to click; empty when all is well.
        warnings: Likewise, of what does not stop anything.
        notes: Likewise, of names that could mean more than one property.
        cannot_start: Whether a required column is missing or wrong, or a column
            that is written is also read.
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
        """Return the property that the settings call *name*."""
        return self.named.get(name) or self.columns.get(name)

    @property
    def column_ids(self) -> Mapping[str, str]:
        """Column ids by role and name, remembered so that a rename breaks nothing."""
        roles = {role.value: column.id for role, column in self.roles.items()}
        return roles | {f"={name}": column.id for name, column in self.named.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceInfo:
    """A data source the token can see."""

    id: str
    title: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BotUser:
    """Who the token is.  `upload_limit` in bytes: 5 MiB when Notion does not say."""

    id: str
    name: str
    workspace: str
    upload_limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file upload of ours.  `usable`: uploaded and not yet expired."""

    id: str
    pending: bool = False
    usable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PageUpdate:
    """What one `pages.update` writes; None leaves a column as it is.

    A role whose column the source does not have is left out silently; a value its
    column's type cannot hold (a status column without such an option) is left out
    and named by `NotionClient.update_page`.

    Attributes:
        regenerate: The tick; the attaching write never sets it.
        uploads: (upload id, file name) to show, first to last.
        keep: Files of people, repeated behind `uploads`.
        clear_feedback: Whether the feedback was used and goes.
        cover: An upload id for the page's cover.
        extra: `posts.on_done` / `posts.on_card`: column name to value.
        image_only: Leave everything but `uploads` and `keep` out.
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
    """The page after a write, and the names of columns that were left out."""

    page: Page
    left_out: tuple[str, ...] = ()


class NotionClient(Protocol):
    """The only way to Notion; `daemon.notion.api.Gateway` is the real one."""

    def pause_requests(self, seconds: float) -> None:
        """Ask nothing for so long."""

    async def fetch_bot_user(self) -> BotUser: ...

    async def list_sources(self) -> Sequence[SourceInfo]:
        """Return every data source the token sees."""

    async def resolve_source(self, target: str) -> SourceInfo:
        """Return the data source of a bare id or any URL of it or its database."""

    @property
    def told_time(self) -> datetime | None:
        """By Notion's clock, when it last answered; None: it never did."""

    async def fetch_schema(self, source: str, remembered: Mapping[str, str]) -> Schema:
        """Read the columns; *remembered* is an earlier `Schema.column_ids`."""

    async def add_properties(
        self, source: str, wanted: Mapping[Role, tuple[str, str]]
    ) -> None:
        """Add columns, role to (name, type), and change none that is there."""

    async def fetch_newest_pages(self, schema: Schema) -> tuple[Sequence[Page], bool]:
        """Return the newest hundred pages at most, and whether those are all."""

    async def fetch_changed_pages(
        self, schema: Schema, *, since: datetime | None, only: Mapping[str, Wanted]
    ) -> Sequence[Page]:
        """Return pages that are ticked, or edited on or after *since* and in *only*.

        *since* None: ticked pages alone.  *only* is pushed into the query where it
        can be, and decided by the caller in any case.
        """

    async def fetch_page_batch(
        self, schema: Schema, *, after: QueryPosition | None
    ) -> tuple[Sequence[Page], QueryPosition | None]:
        """Return some of all pages, oldest first, and where those after them begin.

        None: those were the last; as *after*: begin with the oldest.
        """

    async def fetch_page(self, schema: Schema, page_id: str, urgency: Urgency) -> Page:
        """Read one page.  Raises PageUnreachableError."""

    async def update_page(
        self, schema: Schema, page_id: str, change: PageUpdate, urgency: Urgency
    ) -> WriteResult:
        """One write.  Raises PageGoneError, RefusedWriteError, UploadLostError."""

    async def create_upload(self, name: str, urgency: Urgency) -> Upload: ...

    async def send_upload(
        self, upload_id: str, name: str, data: bytes, urgency: Urgency
    ) -> Upload:
        """Send the bytes of a PNG.  Raises UploadLostError."""

    async def find_upload(self, upload_id: str, urgency: Urgency) -> Upload:
        """Look an upload up.  Raises UploadLostError when there is none."""
