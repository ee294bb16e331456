"""What was read: the sections, the secrets, and what follows from both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from daemon.config import entries, sources
from daemon.config.addresses import NotifierAddress, collect_notifiers
from daemon.config.model import (
    BudgetSection,
    CardSection,
    ImagesSection,
    LogSection,
    NotifySection,
    NotionSection,
    Options,
    PostsSection,
    PromptSection,
    ProviderOptions,
    WebSection,
)
from daemon.config.secret import Secrets
from daemon.config.stores import StoreLocation
from providers import KINDS
from providers.settings import CardSettings, ProviderSettings

#: What every chain ends with, unless it is written otherwise.
CARD = "freeapi"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The configuration of one process, or of one source of it.

    Attributes:
        source: The only one it is of; None: of all there are.
        file: What was read; None: nothing but defaults and the environment.
        data_dir: Absolute.
        store: Where images are shared; None: they are not.
        environ: The POSTBRUSH_ variables that were set.
        from_file: What the file says, as written.
    """

    options: Options
    secrets: Secrets
    file: Path | None
    data_dir: Path
    source: str | None = None
    store: StoreLocation | None = None
    # Addresses among them may hold tokens.
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    from_file: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def is_service(self) -> bool:
        """It is the one that `make install` made."""
        return self.file is not None and self.file.is_relative_to("/etc")

    def by_source(self) -> dict[str, Settings]:
        """Return the settings of every source, by its name."""
        if self.source is not None:
            return {self.source: self}
        return {
            name: self._for_source(name) for name in sources.source_names(self.options)
        }

    def _for_source(self, name: str) -> Settings:
        own = sources.options_of(self.options, name)
        return replace(self, source=name, options=own)

    def own_budgets(self) -> frozenset[str]:
        """Return the names of the sources that spend from a budget of their own."""
        every = sources.source_names(self.options)
        return frozenset(
            name for name in every if sources.has_own_budget(self.options, name)
        )

    @property
    def has_named_sources(self) -> bool:
        """The sources have names that are worth saying."""
        return bool(self.options.sources)

    @property
    def notion_token(self) -> SecretStr | None:
        """What opens the source."""
        for name in sources.token_names(self.options, self.source or ""):
            if name in self.secrets.found:
                return self.secrets.found[name]
        return None

    @property
    def notion(self) -> NotionSection:
        return self.options.notion

    @property
    def posts(self) -> PostsSection:
        return self.options.posts

    @property
    def prompt(self) -> PromptSection:
        return self.options.prompt

    @property
    def images(self) -> ImagesSection:
        return self.options.images

    @property
    def budget(self) -> BudgetSection:
        return self.options.budget

    @property
    def card(self) -> CardSection:
        return self.options.card

    @property
    def notify(self) -> NotifySection:
        return self.options.notify

    def list_notifiers(self) -> list[NotifierAddress]:
        """Return who is told, each once."""
        return collect_notifiers(self.notify.urls, self.secrets)

    def database_url(self) -> str:
        """Return the address of the database, perhaps with its password; "": a file."""
        return self.options.database.url.get_secret_value()

    @property
    def web(self) -> WebSection:
        return self.options.web

    @property
    def log(self) -> LogSection:
        return self.options.log

    @property
    def providers(self) -> Mapping[str, ProviderOptions]:
        return self.options.providers

    def resolved_chain(self) -> tuple[str, ...]:
        """Return the providers that are asked, in order."""
        if self.options.chain is not None:
            return tuple(self.options.chain)
        usual = [name for name, kind in KINDS.items() if kind.by_itself]
        own = [name for name in self.providers if name not in KINDS]
        services = [name for name in [*usual, *own] if name != CARD]
        ready = [name for name in services if self.missing_requirement(name) is None]
        return (*ready, CARD)

    def missing_requirement(self, name: str) -> str | None:
        """Say what a provider lacks to be asked, or None."""
        return entries.missing_requirement(self.providers, self.secrets, name)

    def configured_providers(self) -> tuple[str, ...]:
        """Return every provider that can be asked: the chain first."""
        usual = [name for name, kind in KINDS.items() if kind.by_itself]
        known = [
            name
            for name in [*usual, *self.providers]
            if self.missing_requirement(name) is None
        ]
        return tuple(dict.fromkeys([*self.resolved_chain(), *known]))

    def provider_settings(self, name: str) -> ProviderSettings:
        """Return one entry with its secret, for `providers.build`."""
        entry = self.providers.get(name, ProviderOptions())
        values = entry.model_dump(exclude={"kind", "timeout", "account"})
        return ProviderSettings(
            name=name,
            kind=entries.kind_name(self.providers, name),
            token=entries.token_of(self.providers, self.secrets, name),
            account=entries.account_of(self.providers, self.secrets, name),
            timeout=entry.timeout.total_seconds() if entry.timeout else None,
            card=self.card_settings(),
            **values,
        )

    def card_settings(self) -> CardSettings:
        """Return how the card looks; empty values are chosen by it."""
        card = self.card
        return CardSettings(
            tag=card.tag,
            background=card.background or None,
            color=card.color or None,
            accent=card.accent or None,
            font=self._resolve_path(card.font),
            logo=self._resolve_path(card.logo),
        )

    def _resolve_path(self, written: str) -> str | None:
        return str(self.data_dir / Path(written).expanduser()) if written else None
