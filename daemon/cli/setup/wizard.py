"""The five questions of `init` in their order; writes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from daemon.cli.setup import proposals, tokens
from daemon.cli.setup.config_text import KeyPath
from daemon.cli.setup.dialog import ApiSession, Prompter
from daemon.cli.setup.proposals import (
    ColumnPolicy,
    ColumnProposal,
    ColumnSlot,
    ColumnStatus,
)
from daemon.config.model import PropertyNames
from daemon.notion.errors import NoAccessError
from daemon.notion.model import BotUser, Role, Schema, SourceInfo, Wanted
from daemon.notion.responses import explain_sharing
from daemon.notion.schema import PURPOSES, REQUIRED, TYPE_NAMES
from daemon.source_setup import property_names


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


@dataclass(slots=True, kw_only=True)
class Wizard:
    """Asks the five questions and collects the answers."""

    prompter: Prompter
    session: ApiSession
    options: InitOptions
    answers: InitAnswers = field(default_factory=InitAnswers)

    def ask_all(self) -> InitAnswers:
        """Ask all questions.

        Raises:
            PostbrushError: An answer is missing, or a service is unavailable.
        """
        bot = tokens.ask_notion_token(self.prompter, self.session)
        self._ask_source(bot)
        schema = self.session.run_query(
            lambda source: source.notion.fetch_schema(self.answers.source.id, {})
        )
        names = self._ask_columns(schema)
        self._ask_posts(schema, names)
        tokens.ask_hugging_face_token(self.prompter, self.session)
        return self.answers

    def _record_change(self, path: KeyPath, current: object, wanted: object) -> None:
        if current != wanted:
            self.answers.wanted[path] = wanted

    def _ask_source(self, bot: BotUser) -> None:
        self.prompter.print_title("2 of 5 · Notion database")
        before = self._configured_source_id()
        if wanted := self.options.source:
            source = self._resolve_source(wanted)
        else:
            source = self._choose_source(bot, before)
        self.prompter.print_success(_label_source(source))
        self.answers.source = source
        self._record_change(("notion", "data_source"), before, source.id)

    def _resolve_source(self, target: str) -> SourceInfo:
        return self.session.run_query(
            lambda source: source.notion.resolve_source(target)
        )

    def _configured_source_id(self) -> str:
        """Return the ID of the configured data source; "" for none."""
        target = self.session.load_settings().options.notion.data_source
        try:
            return self._resolve_source(target).id if target else ""
        # The source was deleted or is no longer shared.
        except NoAccessError:
            return ""

    def _choose_source(self, bot: BotUser, before: str) -> SourceInfo:
        while True:
            databases = self.session.run_query(
                lambda source: source.notion.list_sources()
            )
            if not databases:
                self._wait_for_access(bot)
                continue
            options = [_label_source(database) for database in databases]
            if self.prompter.terminal and not self.prompter.yes:
                options.append("My database is not in this list")
            ids = [database.id for database in databases]
            only_source = 0 if len(databases) == 1 else None
            default = ids.index(before) if before in ids else only_source
            missing = (
                "More than one database is available. Name one with --data-source ID"
            )
            index = self.prompter.ask_choice(options, default, missing)
            if index < len(databases):
                return databases[index]
            self._wait_for_access(bot)

    def _wait_for_access(self, bot: BotUser) -> None:
        if not self.prompter.terminal:
            raise NoAccessError(explain_sharing("any database"))
        self.prompter.print_note(
            "In Notion, open the database as a page, click ••• at the top"
        )
        self.prompter.print_note(f"right, then Connections, and choose '{bot.name}'.")
        self.prompter.line("  Press Enter to look again: ")

    def _ask_columns(self, schema: Schema) -> Mapping[Role, str]:
        self.prompter.print_title(f"3 of 5 · Properties of '{schema.title}'")
        configured = property_names(self.session.load_settings())
        proposal = proposals.propose_columns(schema.properties.values(), configured)
        existing = [
            slot.name for slot in proposal.places if slot.fate is ColumnStatus.HERE
        ]
        self.prompter.print_note(
            f"Found: {', '.join(existing) or 'none that postbrush uses'}"
        )
        described = [
            words for slot in proposal.places if (words := _describe_slot(slot))
        ]
        if described:
            self.prompter.print_note("postbrush can also use:")
        for words in described:
            self.prompter.print_note(words)
        self.answers.added = proposal.columns_to_add(self._choose_policy(proposal))
        for role, name in proposal.names.items():
            if name.casefold() != configured[role].casefold():
                self._record_change(
                    ("notion", "properties", role.value), configured[role], name
                )
        return proposal.names

    def _choose_policy(self, proposal: ColumnProposal) -> ColumnPolicy:
        if self.options.columns is not None:
            return self.options.columns
        useful = _join_names(proposal.columns_to_add(ColumnPolicy.ADD))
        required = _join_names(proposal.columns_to_add(ColumnPolicy.REQUIRED))
        if not useful:
            self.prompter.print_success("Nothing needs to be added.")
            return ColumnPolicy.KEEP
        choices = {
            ColumnPolicy.ADD: "Add all of these; your own properties do not change"
        }
        if required not in {"", useful}:
            choices[ColumnPolicy.REQUIRED] = f"Add only what is required: {required}"
        needed = f" (postbrush cannot run without {required})" if required else ""
        choices[ColumnPolicy.KEEP] = f"Add nothing{needed}"
        missing = (
            "Properties are missing. Say which to add: --columns add, required or keep"
        )
        index = self.prompter.ask_choice(list(choices.values()), 0, missing)
        return list(choices)[index]

    def _ask_posts(self, schema: Schema, names: Mapping[Role, str]) -> None:
        self.prompter.print_title("4 of 5 · Posts that get an image automatically")
        configured = dict(self.session.load_settings().options.posts.only)
        only = self._choose_filter(schema, names, configured)
        self._record_change(("posts", "only"), configured, only)

    def _choose_filter(
        self,
        schema: Schema,
        names: Mapping[Role, str],
        configured: Mapping[str, Wanted],
    ) -> Mapping[str, Wanted]:
        if self.options.only:
            only = proposals.parse_only(self.options.only, schema.properties)
            self.prompter.print_success(f"Only {proposals.format_only(only)}")
            return only
        pages, is_complete = self.session.run_query(
            lambda source: source.notion.fetch_newest_pages(schema)
        )
        used = set(names.values())
        sample_note = "" if is_complete else f" of the newest {len(pages)}"
        choices: list[Mapping[str, Wanted]] = [{}]
        words = ["All posts"]
        for value in proposals.list_filter_values(schema.properties, used, pages):
            choices.append({value.column: value.value})
            words.append(
                f"Only {value.column} = {value.value}  ({value.count}{sample_note})"
            )
        # A filter that was written by hand, with several values or properties.
        if configured not in choices and set(configured) <= set(schema.properties):
            choices.append(configured)
            words.append(f"No change: only {proposals.format_only(configured)}")
        if len(choices) == 1:
            self.prompter.print_success("All posts")
            return {}
        self.prompter.print_note("Other posts get an image when you tick Regenerate.")
        missing = "Choose the posts with --only 'PROPERTY=VALUE', or --yes for all"
        default = choices.index(configured) if configured in choices else 0
        return choices[self.prompter.ask_choice(words, default, missing)]


def _label_source(source: SourceInfo) -> str:
    return f"{source.title or '(untitled)'}  {source.url or source.id}"


def _join_names(slots: Sequence[ColumnSlot]) -> str:
    *most, last = [slot.name for slot in slots] or [""]
    return f"{', '.join(most)} and {last}" if most else last


def _describe_slot(slot: ColumnSlot) -> str:
    """Return the line that describes a slot; "" for none."""
    kind = TYPE_NAMES.get(slot.type, slot.type)
    needed = ", required" if slot.role in REQUIRED else ""
    missing = f"{slot.name} ({kind}{needed}): {PURPOSES[slot.role]}"
    match slot.fate:
        case ColumnStatus.OTHER:
            default = PropertyNames.model_fields[slot.role.value].default
            return f"{default}: uses your property '{slot.name}'"
        case ColumnStatus.MISSING:
            return missing
        case ColumnStatus.TAKEN:
            return f"{slot.why} and will not be changed. {missing}"
    return ""
