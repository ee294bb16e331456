"""The questions in their order; nothing is written here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from daemon.cli.setup import posts, tokens
from daemon.cli.setup.answers import InitAnswers, InitOptions
from daemon.cli.setup.api_session import ApiSession
from daemon.cli.setup.prompts import Prompter
from daemon.cli.setup.property_mapping import (
    USEFUL,
    ColumnPolicy,
    ColumnProposal,
    ColumnSlot,
    ColumnStatus,
    propose_columns,
)
from daemon.config.edit import KeyPath
from daemon.config.model import PropertyNames
from daemon.notion.error_classes import explain_sharing
from daemon.notion.errors import NoAccessError
from daemon.notion.filters import Wanted
from daemon.notion.model import BotUser, Role, Schema, SourceInfo
from daemon.notion.schema import REQUIRED, TYPE_NAMES
from daemon.source_plan import property_names


@dataclass(slots=True, kw_only=True)
class Wizard:
    """One talk with an owner: five questions, and what follows from the answers."""

    talk: Prompter
    visit: ApiSession
    flags: InitOptions
    answers: InitAnswers = field(default_factory=InitAnswers)

    def ask_all(self) -> InitAnswers:
        """Ask everything.

        Raises:
            PostbrushError: An answer is missing, or somebody is away.
        """
        me = tokens.ask_notion_token(self.talk, self.visit)
        self._ask_source(me)
        schema = self.visit.run_query(
            lambda f: f.door.fetch_schema(self.answers.source.id, {})
        )
        names = self._ask_columns(schema)
        self._ask_posts(schema, names)
        tokens.ask_hugging_face_token(self.talk, self.visit)
        return self.answers

    def _record_change(self, path: KeyPath, now: object, wanted: object) -> None:
        if now != wanted:
            self.answers.wanted[path] = wanted

    def _ask_source(self, me: BotUser) -> None:
        self.talk.print_title("2 of 5 · The database")
        before = self._configured_source_id()
        wanted = self.flags.source
        source = (
            self._resolve_source(wanted) if wanted else self._choose_source(me, before)
        )
        self.talk.print_success(_label_source(source))
        self.answers.source = source
        self._record_change(("notion", "data_source"), before, source.id)

    def _resolve_source(self, target: str) -> SourceInfo:
        return self.visit.run_query(lambda flow: flow.door.resolve_source(target))

    def _configured_source_id(self) -> str:
        """Return the id of the data source that is configured; "" for none."""
        target = self.visit.load_settings().notion.data_source
        try:
            return self._resolve_source(target).id if target else ""
        # It is gone, or no longer shared: another one is chosen.
        except NoAccessError:
            return ""

    def _choose_source(self, me: BotUser, before: str) -> SourceInfo:
        while True:
            seen = self.visit.run_query(lambda flow: flow.door.list_sources())
            if not seen:
                self._wait_for_access(me)
                continue
            options = [_label_source(one) for one in seen]
            if self.talk.terminal and not self.talk.yes:
                options.append("mine is not here")
            ids = [one.id for one in seen]
            alone = 0 if len(seen) == 1 else None
            default = ids.index(before) if before in ids else alone
            missing = "which database? say --data-source ID (or a link)"
            picked = self.talk.ask_choice(options, default, missing)
            if picked < len(seen):
                return seen[picked]
            self._wait_for_access(me)

    def _wait_for_access(self, me: BotUser) -> None:
        if self.talk.terminal:
            self.talk.print_note(
                "In Notion, open the database as a page, click ••• at the top"
            )
            self.talk.print_note(f"right, then Connections, and choose '{me.name}'.")
        else:
            raise NoAccessError(explain_sharing("any database", ""))
        self.talk.wait_for_enter("Press Enter to look again: ", "")

    def _ask_columns(self, schema: Schema) -> Mapping[Role, str]:
        self.talk.print_title(f"3 of 5 · The columns of '{schema.title}'")
        now = property_names(self.visit.load_settings())
        proposal = propose_columns(schema.columns.values(), now)
        here = [p.name for p in proposal.places if p.fate is ColumnStatus.HERE]
        self.talk.print_note(
            f"There already: {', '.join(here) or 'none that postbrush knows'}"
        )
        for place in proposal.places:
            if words := _describe_slot(place):
                self.talk.print_note(words)
        self.answers.added = proposal.columns_to_add(self._choose_policy(proposal))
        for role, name in proposal.names.items():
            if name.casefold() != now[role].casefold():
                self._record_change(
                    ("notion", "properties", role.value), now[role], name
                )
        return proposal.names

    def _choose_policy(self, proposal: ColumnProposal) -> ColumnPolicy:
        if self.flags.columns is not None:
            return self.flags.columns
        offers = {
            ColumnPolicy.ADD: _join_names(proposal.columns_to_add(ColumnPolicy.ADD)),
            ColumnPolicy.REQUIRED: _join_names(
                proposal.columns_to_add(ColumnPolicy.REQUIRED)
            ),
        }
        # Nothing is missing: nothing to ask.
        if not offers[ColumnPolicy.ADD]:
            self.talk.print_success("Nothing needs to be added.")
            return ColumnPolicy.KEEP
        choices = [ColumnPolicy.ADD]
        words = [f"add {offers[ColumnPolicy.ADD]}"]
        if offers[ColumnPolicy.REQUIRED] not in {"", offers[ColumnPolicy.ADD]}:
            choices.append(ColumnPolicy.REQUIRED)
            words.append(f"add only what is needed: {offers[ColumnPolicy.REQUIRED]}")
        choices.append(ColumnPolicy.KEEP)
        needed = f"; nothing works without {offers[ColumnPolicy.REQUIRED]}"
        words.append(f"add nothing{needed if offers[ColumnPolicy.REQUIRED] else ''}")
        missing = "add columns? say --columns add, required or keep"
        return choices[self.talk.ask_choice(words, 0, missing)]

    def _ask_posts(self, schema: Schema, names: Mapping[Role, str]) -> None:
        self.talk.print_title("4 of 5 · Which posts get an image by themselves")
        now = dict(self.visit.load_settings().posts.only)
        only = self._choose_filter(schema, names, now)
        self._record_change(("posts", "only"), now, only)

    def _choose_filter(
        self, schema: Schema, names: Mapping[Role, str], now: Mapping[str, Wanted]
    ) -> Mapping[str, Wanted]:
        if self.flags.only:
            only = posts.parse_only(self.flags.only, schema.columns)
            self.talk.print_success(f"only {posts.format_only(only)}")
            return only
        pages, whole = self.visit.run_query(
            lambda flow: flow.door.fetch_newest_pages(schema)
        )
        values = posts.list_filter_values(schema.columns, set(names.values()), pages)
        of = "" if whole else f" of the newest {len(pages)}"
        choices: list[Mapping[str, Wanted]] = [{}]
        words = ["all of them"]
        for one in values:
            choices.append({one.column: one.value})
            words.append(f"only {one.column} = {one.value}  ({one.count}{of})")
        # Written by hand, and more than one value of one column.
        if now not in choices and set(now) <= set(schema.columns):
            choices.append(now)
            words.append(f"as it is: only {posts.format_only(now)}")
        # There is nothing to tell posts apart by.
        if len(choices) == 1:
            self.talk.print_success("all of them")
            return {}
        self.talk.print_note("Any other post gets one when its box is ticked.")
        missing = "which posts? say --only 'COLUMN=VALUE', or --yes for all"
        default = choices.index(now) if now in choices else 0
        return choices[self.talk.ask_choice(words, default, missing)]


def _label_source(source: SourceInfo) -> str:
    return f"{source.title or 'without a title'}  {source.url or source.id}"


def _join_names(places: Sequence[ColumnSlot]) -> str:
    *most, last = [place.name for place in places] or [""]
    return f"{', '.join(most)} and {last}" if most else last


def _describe_slot(place: ColumnSlot) -> str:
    """Say what becomes of a role; "" when there is nothing to say."""
    kind = TYPE_NAMES.get(place.type, place.type)
    needed = ", which it needs" if place.role in REQUIRED else ""
    missing = f"'{place.name}' is missing ({kind}{needed})"
    match place.fate:
        case ColumnStatus.OTHER:
            return f"'{place.name}' is used as {_default_name(place.role)}"
        case ColumnStatus.MISSING if place.role in USEFUL:
            return missing
        case ColumnStatus.TAKEN if place.role in USEFUL:
            return f"{place.why} and is left alone; {missing}"
        case ColumnStatus.TAKEN:
            return f"{place.why} and is left alone"
    return ""


def _default_name(role: Role) -> str:
    return str(PropertyNames.model_fields[role.value].default)
