"""Entries of `[providers.NAME]`: their types, tokens and missing requirements."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from daemon.config.model import ProviderOptions
from daemon.config.secret import Secrets
from providers import KINDS, ProviderType

Entries = Mapping[str, ProviderOptions]


def kind_name(entries: Entries, name: str) -> str:
    """Return the name of an entry's provider type, which is its own name by default."""
    entry = entries.get(name)
    return (entry.kind if entry else None) or name


def kind_of(entries: Entries, name: str) -> ProviderType | None:
    """Return the provider type of an entry, None if there is no such type."""
    return KINDS.get(kind_name(entries, name))


def token_variables(entries: Entries, name: str) -> tuple[str, ...]:
    """Return the variables for an entry's token, in the order of their use.

    A token is only sent to the service it belongs to.  A custom entry with its own
    address therefore only uses its own variable.
    """
    kind = kind_of(entries, name)
    if kind is None or name in KINDS:
        return kind.tokens if kind else ()
    own = f"{name.upper().replace('-', '_')}_TOKEN"
    entry = entries.get(name)
    return (own,) if entry and entry.base_url else (own, *kind.tokens)


def all_variables(entries: Entries) -> Iterator[tuple[str, ...]]:
    """Yield the variables of every built-in and configured entry, each set once."""
    variables: dict[tuple[str, ...], None] = {}
    for name in [*KINDS, *entries]:
        kind = kind_of(entries, name)
        variables[token_variables(entries, name)] = None
        variables[(kind.account,) if kind and kind.account else ()] = None
    yield from filter(None, variables)


def token_of(entries: Entries, secrets: Secrets, name: str) -> str | None:
    """Return the token of an entry in plain text, None without one."""
    return secrets.first_value(token_variables(entries, name))


def account_of(entries: Entries, secrets: Secrets, name: str) -> str | None:
    """Return the account of an entry, None without one."""
    entry, kind = entries.get(name), kind_of(entries, name)
    account = entry.account if entry else None
    return account or (secrets.first_value((kind.account,)) if kind else None)


def missing_requirement(entries: Entries, secrets: Secrets, name: str) -> str | None:
    """Return what an entry still needs before it can be used, None if nothing."""
    kind = kind_of(entries, name)
    entry = entries.get(name) or ProviderOptions()
    for need in kind.needs if kind else ():
        if need == "token" and token_of(entries, secrets, name) is None:
            return f"needs {token_variables(entries, name)[0]}"
        if need == "account" and account_of(entries, secrets, name) is None:
            return f"needs {kind.account}" if kind else None
        if need in {"base_url", "endpoint"} and getattr(entry, need) is None:
            return f"needs {need} in [providers.{name}]"
    return None
