"""The Notion API client of one source: reads, writes and uploads over one transport."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from daemon.config import parsing
from daemon.notion import columns, query, sources, uploads
from daemon.notion.answer_shapes import require_object, translate_shape_errors
from daemon.notion.error_classes import ErrorClass, ErrorResponse, mentions_archived
from daemon.notion.errors import (
    NotionUnavailableError,
    PageGoneError,
    PageUnreachableError,
    WriteRefusedError,
)
from daemon.notion.filters import Wanted
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
from daemon.notion.page_errors import explain_read, explain_write, retry_if_missing
from daemon.notion.page_query import PageQuery, rows_and_cursor
from daemon.notion.pages import UnparsablePageError, read_page
from daemon.notion.partial_writes import RefusedProperties, write_accepted_parts
from daemon.notion.payload import already_shows, build_payload
from daemon.notion.query_position import QueryPosition
from daemon.notion.schema import read_schema
from daemon.notion.transport import ApiError, LostResponseError, NotionTransport

_WRITES = 4
_FREE_LIMIT = 5 * 2**20


@dataclass(slots=True)
class NotionApi:
    """Implements `NotionClient` over the real API.

    Attributes:
        names: The configured property name of each role.
        named: Further property names that the settings use.
        odd: Called with (page id, reason) for each page that cannot be parsed.
        refused: Properties that Notion refuses to write.  Writes omit each of them
            for an hour.
    """

    transport: NotionTransport
    names: Mapping[Role, str]
    odd: Callable[[str, str], None]
    named: Sequence[str] = ()
    refused: RefusedProperties = field(default_factory=RefusedProperties)
    _query: PageQuery = field(init=False)

    def __post_init__(self) -> None:
        self._query = PageQuery(self.transport, self.odd)

    @property
    def server_time(self) -> datetime | None:
        """Return the time of Notion's last answer by its own clock, None before it."""
        return self.transport.server_time

    def pause_requests(self, seconds: float) -> None:
        """Send no request for so many seconds."""
        self.transport.limiter.pause_all(seconds)

    async def close(self) -> None:
        """Close all connections."""
        await self.transport.close()

    async def fetch_bot_user(self) -> BotUser:
        """Return the bot user of the token.

        Raises:
            NoAccessError: Notion refuses the token.
            NotionUnavailableError: Notion did not answer.
        """
        raw = await sources.send_request(
            self.transport, Urgency.POLL, lambda client: client.users.me()
        )
        with translate_shape_errors("users.me"):
            require_object(raw, "user")
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
        """Return the data source of an id or link; "" means the only one there is."""
        return await sources.resolve_source(self.transport, target)

    async def fetch_schema(self, source: str, remembered: Mapping[str, str]) -> Schema:
        """Read the properties of a source."""
        raw = await sources.send_request(
            self.transport,
            Urgency.POLL,
            lambda client: client.data_sources.retrieve(source),
        )
        with translate_shape_errors("data_sources.retrieve"):
            return read_schema(raw, self.names, remembered, self.named)

    async def add_properties(
        self, source: str, wanted: Mapping[Role, tuple[str, str]]
    ) -> None:
        """Add missing properties, each given as role to (name, type)."""
        await columns.add_properties(self.transport, source, wanted)

    async def fetch_newest_pages(self, schema: Schema) -> tuple[Sequence[Page], bool]:
        """Return at most the newest hundred pages, and whether those are all."""
        raw = await sources.send_request(
            self.transport,
            Urgency.POLL,
            lambda client: client.data_sources.query(
                schema.source, **columns.newest_query()
            ),
        )
        pages: dict[str, Page] = {}
        rows, cursor = rows_and_cursor(raw)
        await self._query.read_rows(rows, schema, into=pages)
        return list(pages.values()), not cursor

    async def fetch_changed_pages(
        self, schema: Schema, *, since: datetime | None, only: Mapping[str, Wanted]
    ) -> Sequence[Page]:
        """Return pages that are ticked, or edited since then and matched by *only*."""
        wanted = query.changed_filter(schema, since, only)
        return await self._query.collect_changed(schema, wanted)

    async def fetch_page_batch(
        self, schema: Schema, *, after: QueryPosition | None
    ) -> tuple[Sequence[Page], QueryPosition | None]:
        """Return the next hundred pages, oldest first, and the position after them."""
        return await self._query.fetch_next_pages(schema, after or QueryPosition())

    async def fetch_page(self, schema: Schema, page_id: str, urgency: Urgency) -> Page:
        """Read one page.

        Raises:
            PageUnreachableError: Two requests found no such page.
            ItemRefusedError, NoAccessError: Notion refuses to show the page.
            NotionUnavailableError: Notion gave no readable answer.
        """
        try:
            raw = await retry_if_missing(
                self.transport,
                urgency,
                lambda: self.transport.send_with_retries(
                    urgency, lambda client: client.pages.retrieve(page_id)
                ),
            )
            return read_page(raw, schema)
        except ApiError as error:
            raise explain_read(error.answer) from error
        except UnparsablePageError as error:
            raise NotionUnavailableError(str(error)) from error

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
            return await self.fetch_schema(schema.source, schema.column_ids)

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
            refusal = WriteRefusedError("the Image column is gone")
            refusal.is_final = True
            raise refusal
        body, left_out = build_payload(change, schema)
        lost: ErrorResponse | None = None
        for attempt in range(_WRITES):
            if lost is not None:
                await self.transport.sleep(2.0**attempt)
                # The lost request may have taken effect, so the page is read first.
                page = await self.fetch_page(schema, page_id, urgency)
                if already_shows(page, change):
                    return WriteResult(page=page, left_out=tuple(left_out))
            try:
                raw = await retry_if_missing(
                    self.transport,
                    urgency,
                    lambda: self.transport.send_once(
                        urgency, lambda client: client.pages.update(page_id, **body)
                    ),
                )
                return WriteResult(
                    page=read_page(raw, schema), left_out=tuple(left_out)
                )
            except LostResponseError as error:
                lost = error.answer
            except ApiError as error:
                raise explain_write(error.answer, change) from error
            # The write may have taken effect.
            except UnparsablePageError as error:
                lost = ErrorResponse(
                    kind=ErrorClass.AGAIN, status=200, message=str(error)
                )
        raise NotionUnavailableError(
            f"Notion is away: {lost.message if lost else 'no answer'}"
        )

    async def _raise_if_gone(
        self, schema: Schema, page_id: str, urgency: Urgency, error: WriteRefusedError
    ) -> None:
        """Raise PageGoneError if the state of the page explains a refused write."""
        if (await self.fetch_page(schema, page_id, urgency)).gone:
            raise PageGoneError(str(error)) from error
        # A parent of the page is archived.  Queries still list the page.
        if mentions_archived(str(error)):
            raise PageUnreachableError(str(error)) from error

    async def create_upload(self, name: str, urgency: Urgency) -> Upload:
        """Create a file upload."""
        return await uploads.create_upload(self.transport, name, urgency)

    async def send_upload(
        self, upload_id: str, name: str, data: bytes, urgency: Urgency
    ) -> Upload:
        """Send the bytes of a PNG.  Raises UploadLostError."""
        return await uploads.send_upload(self.transport, upload_id, name, data, urgency)

    async def find_upload(self, upload_id: str, urgency: Urgency) -> Upload:
        """Return the state of an upload.  Raises UploadLostError if it is unknown."""
        return await uploads.find_upload(self.transport, upload_id, urgency)
