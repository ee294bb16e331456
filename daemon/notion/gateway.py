"""The only door to Notion: what the flow asks for, over one wire."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from daemon.notion import columns, links, query, sources, uploads
from daemon.notion.answers import Answer, Kind, about_archived
from daemon.notion.errors import (
    AwayError,
    PageGoneError,
    PageUnreachableError,
    RefusedWriteError,
)
from daemon.notion.filters import Wanted
from daemon.notion.model import (
    Change,
    Me,
    Page,
    Role,
    Schema,
    SourceInfo,
    Upload,
    Urgency,
    Written,
)
from daemon.notion.page_errors import ask_twice_if_missing, explain_page, explain_write
from daemon.notion.page_query import PageQuery, open_answer
from daemon.notion.pages import OddPageError, read_page
from daemon.notion.partly import RefusedProperties, write_what_is_taken
from daemon.notion.payload import already_shows, payload
from daemon.notion.position import Position
from daemon.notion.schema import read_schema
from daemon.notion.shapes import require, understood
from daemon.notion.wire import AnswerError, LostError, Wire

_WRITES = 4
_FREE_LIMIT = 5 * 2**20


@dataclass(slots=True)
class Gateway:
    """Implements `Door` over the real API.

    Attributes:
        names: The configured column name of each role.
        named: Names that the settings use for further properties.
        odd: Told of pages that cannot be understood: (page id, why).
        refused: Properties that Notion did not let us write, left out for an hour.
    """

    wire: Wire
    names: Mapping[Role, str]
    odd: Callable[[str, str], None]
    named: Sequence[str] = ()
    _remembered: Mapping[str, str] = field(default_factory=dict)
    refused: RefusedProperties = field(default_factory=RefusedProperties)
    _query: PageQuery = field(init=False)

    def __post_init__(self) -> None:
        self._query = PageQuery(self.wire, self.odd)

    @property
    def told_time(self) -> datetime | None:
        """By Notion's clock, when it last answered."""
        return self.wire.told_time

    def rest(self, seconds: float) -> None:
        """Ask nothing for so long."""
        self.wire.limiter.stop(seconds)

    async def close(self) -> None:
        """Close all connections."""
        await self.wire.close()

    async def me(self) -> Me:
        """Return who the token is.  Raises NoAccessError, AwayError."""
        raw = await sources.ask(
            self.wire, Urgency.POLL, lambda client: client.users.me()
        )
        with understood("users.me"):
            require(raw, "user")
            bot = raw.get("bot") or {}
            limits = bot.get("workspace_limits") or {}
            limit = limits.get("max_file_upload_size_in_bytes") or _FREE_LIMIT
            return Me(
                id=links.plain(raw["id"]),
                name=str(raw.get("name") or ""),
                workspace=str(bot.get("workspace_name") or ""),
                upload_limit=min(int(limit), uploads.SINGLE_PART_LIMIT),
            )

    async def sources(self) -> Sequence[SourceInfo]:
        """Return every data source the token sees."""
        return await sources.visible(self.wire)

    async def resolve(self, target: str) -> SourceInfo:
        """Return the data source *target* means: an id, a link, or the only one."""
        return await sources.resolve(self.wire, target)

    async def schema(self, source: str, remembered: Mapping[str, str]) -> Schema:
        """Read the columns of a source."""
        raw = await sources.ask(
            self.wire, Urgency.POLL, lambda client: client.data_sources.retrieve(source)
        )
        with understood("data_sources.retrieve"):
            found = read_schema(raw, self.names, remembered, self.named)
        self._remembered = found.column_ids
        return found

    async def add_columns(
        self, source: str, wanted: Mapping[Role, tuple[str, str]]
    ) -> None:
        """Add columns that are missing; role to (name, type)."""
        await columns.add(self.wire, source, wanted)

    async def sample(self, schema: Schema) -> tuple[Sequence[Page], bool]:
        """Return the newest posts one answer holds, and whether those are all."""
        raw = await sources.ask(
            self.wire,
            Urgency.POLL,
            lambda client: client.data_sources.query(schema.source, **columns.newest()),
        )
        found: dict[str, Page] = {}
        rows, cursor = open_answer(raw)
        await self._query.read(rows, schema, into=found)
        return list(found.values()), not cursor

    async def changed(
        self, schema: Schema, *, since: datetime | None, only: Mapping[str, Wanted]
    ) -> Sequence[Page]:
        """Return pages that are ticked, or edited since and in *only*."""
        wanted = query.changed_filter(schema, since, only)
        return await self._query.changed(schema, wanted)

    async def everything(
        self, schema: Schema, *, after: Position | None
    ) -> tuple[Sequence[Page], Position | None]:
        """Return the next hundred of all pages, and where those after them begin."""
        return await self._query.next_pages(schema, after or Position())

    async def page(self, schema: Schema, page_id: str, urgency: Urgency) -> Page:
        """Read one page."""
        try:
            raw = await ask_twice_if_missing(
                self.wire,
                urgency,
                lambda: self.wire.ask(
                    urgency, lambda client: client.pages.retrieve(page_id)
                ),
            )
            return read_page(raw, schema)
        except AnswerError as error:
            raise explain_page(error.answer) from error
        except OddPageError as error:
            raise AwayError(str(error)) from error

    async def update(
        self, schema: Schema, page_id: str, change: Change, urgency: Urgency
    ) -> Written:
        """Write to a page, once, and see that it happened."""

        async def read_again(error: RefusedWriteError) -> Schema:
            await self._explain_refusal(schema, page_id, urgency, error)
            return await self.schema(schema.source, schema.column_ids)

        async def write(with_schema: Schema, part: Change) -> Written:
            return await self._write(with_schema, page_id, part, urgency)

        now = self.wire.monotonic()
        return await write_what_is_taken(
            change, schema, self.refused, write=write, read_again=read_again, now=now
        )

    async def _write(
        self, schema: Schema, page_id: str, change: Change, urgency: Urgency
    ) -> Written:
        if change.uploads and Role.IMAGE not in schema.roles:
            gone = RefusedWriteError("the Image column is gone")
            gone.is_final = True
            raise gone
        body, left_out = payload(change, schema)
        lost: Answer | None = None
        for tried in range(_WRITES):
            if lost is not None:
                await self.wire.sleep(2.0**tried)
                # Whether it was carried out is asked before it is repeated.
                page = await self.page(schema, page_id, urgency)
                if already_shows(page, change):
                    return Written(page=page, left_out=tuple(left_out))
            try:
                raw = await ask_twice_if_missing(
                    self.wire,
                    urgency,
                    lambda: self.wire.once(
                        urgency, lambda client: client.pages.update(page_id, **body)
                    ),
                )
                return Written(page=read_page(raw, schema), left_out=tuple(left_out))
            except LostError as error:
                lost = error.answer
            except AnswerError as error:
                raise explain_write(error.answer, change) from error
            # Whether it was carried out is not known.
            except OddPageError as error:
                lost = Answer(kind=Kind.AGAIN, status=200, message=str(error))
        raise AwayError(f"Notion is away: {lost.message if lost else 'no answer'}")

    async def _explain_refusal(
        self, schema: Schema, page_id: str, urgency: Urgency, error: RefusedWriteError
    ) -> None:
        """Raise PageGoneError when a write was refused because of where the page is."""
        if (await self.page(schema, page_id, urgency)).gone:
            raise PageGoneError(str(error)) from error
        # Something around it is archived; a query lists it all the same.
        if about_archived(str(error)):
            raise PageUnreachableError(str(error)) from error

    async def create_upload(self, name: str, urgency: Urgency) -> Upload:
        """Announce a file."""
        return await uploads.create(self.wire, name, urgency, sources.about_row)

    async def send_upload(
        self, upload_id: str, name: str, data: bytes, urgency: Urgency
    ) -> Upload:
        """Send its bytes."""
        return await uploads.send(
            self.wire, upload_id, name, data, urgency=urgency, explain=sources.about_row
        )

    async def find_upload(self, upload_id: str, urgency: Urgency) -> Upload:
        """Look it up."""
        return await uploads.find(self.wire, upload_id, urgency, sources.about_row)
