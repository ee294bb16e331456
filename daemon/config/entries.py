"""Entries of `[sources.NAME]` and `[providers.NAME]`: their settings and tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from daemon.config.model import Options, ProviderOptions, Section
from daemon.config.secret import DATABASE, NOTIFY, NOTION, STORE, WEB, WRITER, Secrets
from providers import KINDS, ProviderType

#: The name of the only source if there is no `[sources.NAME]`.
DEFAULT = "default"
_SHARED = ("posts", "prompt", "writer", "images", "card", "budget")

AnySection = TypeVar("AnySection", bound=Section)
Entries = Mapping[str, ProviderOptions]


def source_names(options: Options) -> tuple[str, ...]:
    """Return the names of all sources, in the order of the file."""
    return tuple(options.sources) or (DEFAULT,)


def options_of(options: Options, name: str) -> Options:
    """Return the settings of a source: its own override the shared ones."""
    if name not in options.sources:
        return options
    own = options.sources[name]
    properties = _overlay_section(options.notion.properties, own.properties)
    notion = options.notion.model_copy(
        update={"data_source": own.data_source, "properties": properties}
    )
    changes: dict[str, object] = {"notion": notion}
    for section in _SHARED:
        changes[section] = _overlay_section(
            getattr(options, section), getattr(own, section)
        )
    if own.chain is not None:
        changes["chain"] = own.chain
    return options.model_copy(update=changes)


def _overlay_section(shared: AnySection, own: Section) -> AnySection:
    values = {name: getattr(own, name) for name in own.model_fields_set}
    return shared.model_copy(update=values)


def source_tokens(options: Options, name: str) -> tuple[str, ...]:
    """Return the variables for a source's token, of which the first one set counts."""
    if name not in options.sources:
        return NOTION
    if variable := options.sources[name].token:
        return (variable,)
    return (f"{NOTION[0]}_{name.upper().replace('-', '_')}", *NOTION)


def secret_variables(options: Options, *, with_store: bool) -> list[tuple[str, ...]]:
    """Return the variables of every secret, of which the first one set counts.

    Args:
        with_store: Whether there is a store; else the AWS variables may be for other
            programs.
    """
    variables: list[tuple[str, ...]] = [NOTION]
    for name in options.sources:
        tokens = source_tokens(options, name)
        variables += [(token,) for token in tokens if token not in NOTION]
    variables += [NOTIFY, WEB, DATABASE, *(STORE if with_store else ()), WRITER]
    for name in [*KINDS, *options.providers]:
        kind = _kind_of(options.providers, name)
        variables.append(_provider_tokens(options.providers, name))
        variables.append(
            (kind.account_variable,) if kind and kind.account_variable else ()
        )
    return list(dict.fromkeys(filter(None, variables)))


def kind_name(entries: Entries, name: str) -> str:
    """Return the name of a provider's type, which is its own name by default."""
    entry = entries.get(name)
    return (entry.kind if entry else None) or name


def _kind_of(entries: Entries, name: str) -> ProviderType | None:
    return KINDS.get(kind_name(entries, name))


def _provider_tokens(entries: Entries, name: str) -> tuple[str, ...]:
    """Return the variables for a provider's token, in the order of their use.

    A token is only sent to the service it belongs to.  A custom entry with its own
    address therefore only uses its own variable.
    """
    kind = _kind_of(entries, name)
    if kind is None or name in KINDS:
        return kind.token_variables if kind else ()
    own = f"{name.upper().replace('-', '_')}_TOKEN"
    entry = entries.get(name)
    return (own,) if entry and entry.base_url else (own, *kind.token_variables)


def token_of(entries: Entries, secrets: Secrets, name: str) -> str | None:
    """Return the token of a provider in plain text, None without one."""
    return secrets.first_value(_provider_tokens(entries, name))


def account_of(entries: Entries, secrets: Secrets, name: str) -> str | None:
    """Return the account of a provider, None without one."""
    entry, kind = entries.get(name), _kind_of(entries, name)
    account = entry.account if entry else None
    return account or (secrets.first_value((kind.account_variable,)) if kind else None)


def missing_requirement(entries: Entries, secrets: Secrets, name: str) -> str | None:
    """Return what a provider needs before it can be used, None if nothing."""
    kind = _kind_of(entries, name)
    entry = entries.get(name) or ProviderOptions()
    for need in kind.required_settings if kind else ():
        if need == "token" and token_of(entries, secrets, name) is None:
            return f"needs {_provider_tokens(entries, name)[0]}"
        if need == "account" and account_of(entries, secrets, name) is None:
            return f"needs {kind.account_variable}" if kind else None
        if need in {"base_url", "endpoint"} and getattr(entry, need) is None:
            return f"needs {need} in [providers.{name}]"
    return None
