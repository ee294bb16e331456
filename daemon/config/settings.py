"""The validated configuration: sections, secrets, and values derived from both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from daemon.config import entries, writers
from daemon.config.addresses import NotifierAddress, StoreLocation, collect_notifiers
from daemon.config.model import Options, ProviderOptions
from daemon.config.secret import Secrets
from daemon.places import CONTAINER, is_of_service
from providers import KINDS
from providers.base import CardLayout, CardSettings, ProviderSettings

#: The last provider of every chain, unless the configuration sets another.
CARD = "freeapi"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The configuration of one process, or of one source of it.

    Attributes:
        file: The file that was read; None for defaults and the environment only.
        data_dir: An absolute path.
        source: The name of the only source; None for all sources.
        store: The shared store of the images; None without one.
        environ: The POSTBRUSH_ variables that are set.
        from_file: The values of the file before validation.
    """

    options: Options
    secrets: Secrets
    file: Path | None
    data_dir: Path
    source: str | None = None
    store: StoreLocation | None = None
    # Both may contain addresses with tokens.
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    from_file: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def is_service(self) -> bool:
        """Whether it is the configuration of the service, which `make install` adds."""
        return self.file is not None and is_of_service(self.file)

    @property
    def is_container(self) -> bool:
        """Whether the program runs in the container that the Containerfile makes."""
        return CONTAINER in self.environ

    def by_source(self) -> dict[str, Settings]:
        """Return the settings of every source, by its name."""
        if self.source is not None:
            return {self.source: self}
        return {
            name: replace(
                self, source=name, options=entries.options_of(self.options, name)
            )
            for name in entries.source_names(self.options)
        }

    def with_layout(self, layout: CardLayout) -> Settings:
        """Return the settings of one source, with another layout of its cards."""
        card = self.options.card.model_copy(update={"layout": layout})
        return replace(self, options=self.options.model_copy(update={"card": card}))

    def own_budgets(self) -> frozenset[str]:
        """Return the names of the sources that spend from a budget of their own."""
        return frozenset(
            name
            for name, own in self.options.sources.items()
            if "budget" in own.model_fields_set
        )

    @property
    def has_named_sources(self) -> bool:
        """Whether the configuration names its sources."""
        return bool(self.options.sources)

    @property
    def notion_token(self) -> SecretStr | None:
        """Return the token of the source, None without one."""
        for name in entries.source_tokens(self.options, self.source or ""):
            if name in self.secrets.found:
                return self.secrets.found[name]
        return None

    def list_notifiers(self) -> list[NotifierAddress]:
        """Return each notifier once."""
        return collect_notifiers(self.options.notify.urls, self.secrets)

    def resolved_chain(self) -> tuple[str, ...]:
        """Return the names of the chain's providers, in order."""
        if self.options.chain is not None:
            return tuple(self.options.chain)
        services = [
            name
            for name in self._usable_providers()
            if name != CARD and (name not in KINDS or KINDS[name].in_default_chain)
        ]
        return (*services, CARD)

    def missing_requirement(self, name: str) -> str | None:
        """Return what a provider needs before it can be used, None if nothing."""
        return entries.missing_requirement(self.options.providers, self.secrets, name)

    def configured_providers(self) -> tuple[str, ...]:
        """Return every provider that can be used, those of the chain first."""
        usable = self._usable_providers()
        return tuple(dict.fromkeys([*self.resolved_chain(), *usable]))

    def _usable_providers(self) -> list[str]:
        built_in = (name for name, kind in KINDS.items() if kind.in_default_chain)
        names = dict.fromkeys([*built_in, *self.options.providers])
        return [name for name in names if self.missing_requirement(name) is None]

    def provider_settings(self, name: str) -> ProviderSettings:
        """Return the settings of a provider with its token, for `providers.build`."""
        entry = self.options.providers.get(name, ProviderOptions())
        values = entry.model_dump(exclude={"kind", "timeout", "account", "file_hosts"})
        return ProviderSettings(
            name=name,
            kind=entries.kind_name(self.options.providers, name),
            token=entries.token_of(self.options.providers, self.secrets, name),
            account=entries.account_of(self.options.providers, self.secrets, name),
            timeout=entry.timeout.total_seconds() if entry.timeout else None,
            file_hosts=tuple(entry.file_hosts),
            card=self.card_settings(),
            **values,
        )

    def list_writers(self) -> list[ProviderSettings]:
        """Return the settings of the prompt writers that can be used."""
        return writers.list_writers(self.options, self.secrets, self.source or "")

    def card_settings(self) -> CardSettings:
        """Return the design of the card; it chooses a default for each empty value."""
        card = self.options.card
        return CardSettings(
            tag=card.tag,
            background=card.background or None,
            color=card.color or None,
            accent=card.accent or None,
            font=self._resolve_path(card.font),
            logo=self._resolve_path(card.logo),
            logo_dark=self._resolve_path(card.logo_dark),
            layout=card.layout,
        )

    def _resolve_path(self, path: str) -> str | None:
        return str(self.data_dir / Path(path).expanduser()) if path else None
