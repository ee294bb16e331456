"""The questions in their order; nothing is written here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from daemon.config.edit import KeyPath
from daemon.config.model import Properties
from daemon.notion.answers import share
from daemon.notion.errors import NoAccessError
from daemon.notion.filters import Wanted
from daemon.notion.model import Me, Role, Schema, SourceInfo
from daemon.notion.schema import REQUIRED, TYPE_NAMES
from daemon.plan import names_of
from daemon.setup import posts, tokens
from daemon.setup.answers import Answers, Flags
from daemon.setup.propose import USEFUL, Choice, Fate, Place, Proposal, propose
from daemon.setup.talk import Talk
from daemon.setup.visit import Visit


@dataclass(slots=True, kw_only=True)
class Interview:
    """One talk with an owner: five questions, and what follows from the answers."""

    talk: Talk
    visit: Visit
    flags: Flags
    answers: Answers = field(default_factory=Answers)

    def hold(self) -> Answers:
        """Ask everything.

        Raises:
            PostbrushError: An answer is missing, or somebody is away.
        """
        me = tokens.notion(self.talk, self.visit)
        self._source(me)
        schema = self.visit.ask(lambda f: f.door.schema(self.answers.source.id, {}))
        names = self._columns(schema)
        self._posts(schema, names)
        tokens.hugging_face(self.talk, self.visit)
        return self.answers

    def _set(self, path: KeyPath, now: object, wanted: object) -> None:
        if now != wanted:
            self.answers.wanted[path] = wanted

    def _source(self, me: Me) -> None:
        self.talk.title("2 of 5 · The database")
        before = self._configured()
        wanted = self.flags.source
        source = self._resolved(wanted) if wanted else self._chosen(me, before)
        self.talk.good(_called(source))
        self.answers.source = source
        self._set(("notion", "data_source"), before, source.id)

    def _resolved(self, target: str) -> SourceInfo:
        return self.visit.ask(lambda flow: flow.door.resolve(target))

    def _configured(self) -> str:
        """Return the id of the data source that is configured; "" for none."""
        target = self.visit.settings().notion.data_source
        try:
            return self._resolved(target).id if target else ""
        # It is gone, or no longer shared: another one is chosen.
        except NoAccessError:
            return ""

    def _chosen(self, me: Me, before: str) -> SourceInfo:
        while True:
            seen = self.visit.ask(lambda flow: flow.door.sources())
            if not seen:
                self._wait_for_one(me)
                continue
            options = [_called(one) for one in seen]
            if self.talk.terminal and not self.talk.yes:
                options.append("mine is not here")
            ids = [one.id for one in seen]
            alone = 0 if len(seen) == 1 else None
            default = ids.index(before) if before in ids else alone
            missing = "which database? say --data-source ID (or a link)"
            picked = self.talk.choose(options, default, missing)
            if picked < len(seen):
                return seen[picked]
            self._wait_for_one(me)

    def _wait_for_one(self, me: Me) -> None:
        if self.talk.terminal:
            self.talk.note(
                "In Notion, open the database as a page, click ••• at the top"
            )
            self.talk.note(f"right, then Connections, and choose '{me.name}'.")
        else:
            raise NoAccessError(share("any database", ""))
        self.talk.wait("Press Enter to look again: ", "")

    def _columns(self, schema: Schema) -> Mapping[Role, str]:
        self.talk.title(f"3 of 5 · The columns of '{schema.title}'")
        now = names_of(self.visit.settings())
        proposal = propose(schema.columns.values(), now)
        here = [p.name for p in proposal.places if p.fate is Fate.HERE]
        self.talk.note(
            f"There already: {', '.join(here) or 'none that postbrush knows'}"
        )
        for place in proposal.places:
            if words := _about(place):
                self.talk.note(words)
        self.answers.added = proposal.absent(self._choice(proposal))
        for role, name in proposal.names.items():
            if name.casefold() != now[role].casefold():
                self._set(("notion", "properties", role.value), now[role], name)
        return proposal.names

    def _choice(self, proposal: Proposal) -> Choice:
        if self.flags.columns is not None:
            return self.flags.columns
        offers = {
            Choice.ADD: _listed(proposal.absent(Choice.ADD)),
            Choice.REQUIRED: _listed(proposal.absent(Choice.REQUIRED)),
        }
        # Nothing is missing: nothing to ask.
        if not offers[Choice.ADD]:
            self.talk.good("Nothing needs to be added.")
            return Choice.KEEP
        choices = [Choice.ADD]
        words = [f"add {offers[Choice.ADD]}"]
        if offers[Choice.REQUIRED] not in {"", offers[Choice.ADD]}:
            choices.append(Choice.REQUIRED)
            words.append(f"add only what is needed: {offers[Choice.REQUIRED]}")
        choices.append(Choice.KEEP)
        needed = f"; nothing works without {offers[Choice.REQUIRED]}"
        words.append(f"add nothing{needed if offers[Choice.REQUIRED] else ''}")
        missing = "add columns? say --columns add, required or keep"
        return choices[self.talk.choose(words, 0, missing)]

    def _posts(self, schema: Schema, names: Mapping[Role, str]) -> None:
        self.talk.title("4 of 5 · Which posts get an image by themselves")
        now = dict(self.visit.settings().posts.only)
        only = self._only(schema, names, now)
        self._set(("posts", "only"), now, only)

    def _only(
        self, schema: Schema, names: Mapping[Role, str], now: Mapping[str, Wanted]
    ) -> Mapping[str, Wanted]:
        if self.flags.only:
            only = posts.read_only(self.flags.only, schema.columns)
            self.talk.good(f"only {posts.shown(only)}")
            return only
        pages, whole = self.visit.ask(lambda flow: flow.door.sample(schema))
        values = posts.values(schema.columns, set(names.values()), pages)
        of = "" if whole else f" of the newest {len(pages)}"
        choices: list[Mapping[str, Wanted]] = [{}]
        words = ["all of them"]
        for one in values:
            choices.append({one.column: one.value})
            words.append(f"only {one.column} = {one.value}  ({one.count}{of})")
        # Written by hand, and more than one value of one column.
        if now not in choices and set(now) <= set(schema.columns):
            choices.append(now)
            words.append(f"as it is: only {posts.shown(now)}")
        # There is nothing to tell posts apart by.
        if len(choices) == 1:
            self.talk.good("all of them")
            return {}
        self.talk.note("Any other post gets one when its box is ticked.")
        missing = "which posts? say --only 'COLUMN=VALUE', or --yes for all"
        default = choices.index(now) if now in choices else 0
        return choices[self.talk.choose(words, default, missing)]


def _called(source: SourceInfo) -> str:
    return f"{source.title or 'without a title'}  {source.url or source.id}"


def _listed(places: Sequence[Place]) -> str:
    *most, last = [place.name for place in places] or [""]
    return f"{', '.join(most)} and {last}" if most else last


def _about(place: Place) -> str:
    """Say what becomes of a role; "" when there is nothing to say."""
    kind = TYPE_NAMES.get(place.type, place.type)
    needed = ", which it needs" if place.role in REQUIRED else ""
    missing = f"'{place.name}' is missing ({kind}{needed})"
    match place.fate:
        case Fate.OTHER:
            return f"'{place.name}' is used as {_usual(place.role)}"
        case Fate.MISSING if place.role in USEFUL:
            return missing
        case Fate.TAKEN if place.role in USEFUL:
            return f"{place.why} and is left alone; {missing}"
        case Fate.TAKEN:
            return f"{place.why} and is left alone"
    return ""


def _usual(role: Role) -> str:
    return str(Properties.model_fields[role.value].default)
