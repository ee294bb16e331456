"""The Notion API client of one source: reads, writes and uploads over one transport."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from daemon.config import parsing
from daemon.notion import sources, uploads
from daemon.notion.errors import (
    NotionUnavailableError,
    PageGoneError,
    PageUnreachableError,
    WriteRefusedError,
)
from daemon.notion.filters import Filter, changed_filter
from daemon.notion.model import (
    BotUser,
    Page,
    PageUpdate,
    Role,
    Schema,
    SourceInfo,
    Upload,
    Urgency,
    WriteResult,
)
from daemon.notion.page_writes import (
    RefusedProperties,
    already_shows,
    build_payload,
    write_accepted_parts,
)
from daemon.notion.pages import UnparsablePageError, read_page
from daemon.notion.query import PageQuery
from daemon.notion.responses import explain_read, explain_write, translate_shape_errors
from daemon.notion.schema import read_schema
from daemon.notion.transport import ApiError, LostResponseError, NotionTransport

_WRITES = 4
_FREE_LIMIT = 5 * 2**20
#: Seconds before the second request.  A wrong 404 disappears within seconds.
_NOT_FOUND_PAUSE = 5.0


@dataclass(slots=True)
class NotionApi:
    """Reads and writes one source.

    Attributes:
        role_names: The configured property name of each role.
        configured_names: Further property names that the settings use.
        report_unparsable: Called with (page ID, reason) for each such page.
        refused: Properties that Notion refuses to write.
    """

    transport: NotionTransport
    role_names: Mapping[Role, str]
    configured_names: Sequence[str]
    report_unparsable: Callable[[str, str], None]
    refused: RefusedProperties = field(default_factory=RefusedProperties)
    _query: PageQuery = field(init=False)

    def __post_init__(self) -> None:
        self._query = PageQuery(self.transport, self.report_unparsable)

    @property
    def server_time(self) -> datetime | None:
        """The time of Notion's last response by its own clock, None before it."""
        return self.transport.server_time

    def pause_requests(self, seconds: float) -> None:
        """Send no request for so many seconds."""
        self.transport.limiter.pause_all(seconds)

    async def fetch_bot_user(self) -> BotUser:
        """Return the bot user of the token.

        Raises:
            NoAccessError: Notion refuses the token.
            NotionUnavailableError: Notion did not answer.
        """
        raw = await sources.send_request(
            self.transport, lambda client: client.users.me()
        )
        with translate_shape_errors("users.me"):
            if raw["object"] != "user":
                raise TypeError(f"a {raw['object']!r} instead of a user")
            bot = raw.get("bot") or {}
            limits = bot.get("workspace_limits") or {}
            limit = limits.get("max_file_upload_size_in_bytes") or _FREE_LIMIT
            return BotUser(
                id=parsing.plain_id(raw["id"]),
                name=str(raw.get("name") or ""),
                workspace=str(bot.get("workspace_name") or ""),
                upload_limit=min(int(limit), uploads.SINGLE_PART_LIMIT),
            )

    async def list_sources(self) -> Sequence[SourceInfo]:
        """Return every data source that the token can read."""
        return await sources.list_sources(self.transport)

    async def resolve_source(self, target: str) -> SourceInfo:
        """Return the data source of an ID or a link to it or to its database.

        An empty *target* means the only one there is.
        """
        return await sources.resolve_source(self.transport, target)

    async def fetch_schema(self, source: str, stored_ids: Mapping[str, str]) -> Schema:
        """Read the properties; *stored_ids* is an earlier `Schema.property_ids`."""
        raw = await sources.send_request(
            self.transport, lambda client: client.data_sources.retrieve(source)
        )
        with translate_shape_errors("data_sources.retrieve"):
            return read_schema(raw, self.role_names, stored_ids, self.configured_names)

    async def add_properties(
        self, source: str, wanted: Mapping[Role, tuple[str, str]]
    ) -> None:
        """Add properties, role to (name, type), without changing existing ones."""
        await sources.add_properties(self.transport, source, wanted)

    async def fetch_newest_pages(self, schema: Schema) -> tuple[Sequence[Page], bool]:
        """Return at most the newest hundred pages, and whether those are all."""
        return await self._query.fetch_newest(schema)

    async def fetch_changed_pages(
        self, schema: Schema, *, since: datetime | None, only: Filter
    ) -> Sequence[Page]:
        """Return pages that are ticked, or edited since *since* and matched by *only*.

        Without *since*, only ticked pages are returned.  Notion applies *only* as far
        as a query can express it, so the caller must compare every page.
        """
        wanted = changed_filter(schema, since, only)
        return await self._query.fetch_changed(schema, wanted)

    def iterate_page_batches(
        self, schema: Schema
    ) -> AsyncIterator[tuple[Sequence[Page], bool]]:
        """Yield all pages, oldest first, by the hundred, with whether more follow.

        A page may be in two batches; the later one is newer.
        """
        return self._query.iterate_batches(schema)

    async def fetch_page(self, schema: Schema, page_id: str, urgency: Urgency) -> Page:
        """Read one page.

        Raises:
            PageUnreachableError: Two requests found no such page.
            ItemRefusedError, NoAccessError: Notion refuses to show the page.
            NotionUnavailableError: Notion gave no readable response.
        """
        try:
            raw = await self._repeat_if_missing(
                urgency,
                lambda: self.transport.send_with_retries(
                    urgency, lambda client: client.pages.retrieve(page_id)
                ),
            )
            return read_page(raw, schema)
        except ApiError as error:
            raise explain_read(error.response) from error
        except UnparsablePageError as error:
            raise NotionUnavailableError(str(error)) from error

    async def _repeat_if_missing(
        self, urgency: Urgency, send: Callable[[], Awaitable[Any]]
    ) -> Any:  # noqa: ANN401 - JSON
        """Send a request about a page, and repeat it once after a 404 about the page.

        Raises:
            ApiError, LostResponseError, NotionUnavailableError: From the request.
        """
        try:
            return await send()
        except ApiError as error:
            # A sweep reads pages that a query did not list, so one 404 is enough.
            if not error.response.is_missing_page or urgency is Urgency.SWEEP:
                raise
        await self.transport.sleep(_NOT_FOUND_PAUSE)
        return await send()

    async def update_page(
        self, schema: Schema, page_id: str, change: PageUpdate, urgency: Urgency
    ) -> WriteResult:
        """Write to a page once, and confirm that the write took effect.

        Raises:
            PageGoneError: The page was removed or cannot be written.
            WriteRefusedError: Notion refuses the essential part of the change.
            UploadLostError: A file upload of the change cannot be attached.
            NotionUnavailableError: Notion did not confirm the write.
        """

        async def read_again(error: WriteRefusedError) -> Schema:
            await self._raise_if_gone(schema, page_id, urgency, error)
            return await self.fetch_schema(schema.source, schema.property_ids)

        async def write(with_schema: Schema, part: PageUpdate) -> WriteResult:
            return await self._write_page(with_schema, page_id, part, urgency)

        now = self.transport.monotonic()
        return await write_accepted_parts(
            change, schema, self.refused, write=write, read_again=read_again, now=now
        )

    async def _write_page(
        self, schema: Schema, page_id: str, change: PageUpdate, urgency: Urgency
    ) -> WriteResult:
        if change.uploads and Role.IMAGE not in schema.roles:
            raise WriteRefusedError(
                "the database no longer has the Image property", is_final=True
            )
        body, left_out = build_payload(change, schema)
        message = ""
        for attempt in range(_WRITES):
            if attempt:
                await self.transport.sleep(2.0**attempt)
                # The lost request may have taken effect, so the page is read first.
                page = await self.fetch_page(schema, page_id, urgency)
                if already_shows(page, change):
                    return WriteResult(page=page, left_out=tuple(left_out))
            try:
                raw = await self._repeat_if_missing(
                    urgency,
                    lambda: self.transport.send_once(
                        urgency, lambda client: client.pages.update(page_id, **body)
                    ),
                )
                page = read_page(raw, schema)
                return WriteResult(page=page, left_out=tuple(left_out))
            except ApiError as error:
                raise explain_write(error.response, change) from error
            # The write may have taken effect.
            except (LostResponseError, UnparsablePageError) as error:
                message = str(error)
        raise NotionUnavailableError(f"Notion is unavailable ({message})")

    async def _raise_if_gone(
        self, schema: Schema, page_id: str, urgency: Urgency, error: WriteRefusedError
    ) -> None:
        """Raise PageGoneError if the state of the page explains a refused write."""
        if (await self.fetch_page(schema, page_id, urgency)).gone:
            raise PageGoneError(str(error)) from error
        # A parent of the page is archived.  Queries still list the page.
        if "archived" in str(error).casefold():
            raise PageUnreachableError(str(error)) from error

    async def create_upload(self, name: str, urgency: Urgency) -> Upload:
        """Create a file upload.  Raises UploadRefusedError."""
        return await uploads.create_upload(self.transport, name, urgency)

    async def send_upload(
        self, upload_id: str, name: str, data: bytes, urgency: Urgency
    ) -> Upload:
        """Send the bytes of a PNG.  Raises UploadLostError."""
        return await uploads.send_upload(self.transport, upload_id, name, data, urgency)

    async def find_upload(self, upload_id: str, urgency: Urgency) -> Upload:
        """Return the state of an upload.  Raises UploadLostError if it is unknown."""
        return await uploads.find_upload(self.transport, upload_id, urgency)
