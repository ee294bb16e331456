"""Entries of `[providers.NAME]`: of what kind they are, and what they lack."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from daemon.config.model import ProviderOptions
from daemon.config.secret import Secrets
from providers import KINDS, ProviderType

Entries = Mapping[str, ProviderOptions]


def kind_name(entries: Entries, name: str) -> str:
    """Return the kind of an entry: what it says, or its own name."""
    entry = entries.get(name)
    return (entry.kind if entry else None) or name


def kind_of(entries: Entries, name: str) -> ProviderType | None:
    """Return the kind of an entry, None if there is no such kind."""
    return KINDS.get(kind_name(entries, name))


def token_variables(entries: Entries, name: str) -> tuple[str, ...]:
    """Return the variables its key is looked for in, the usual one first.

    A key is sent to the service it belongs to and nowhere else: an entry of the
    owner's own with an address of its own has a key of its own.
    """
    kind = kind_of(entries, name)
    if kind is None or name in KINDS:
        return kind.tokens if kind else ()
    own = f"{name.upper().replace('-', '_')}_TOKEN"
    entry = entries.get(name)
    return (own,) if entry and entry.base_url else (own, *kind.tokens)


def all_variables(entries: Entries) -> Iterator[tuple[str, ...]]:
    """Yield the variables of every entry there can be, each set once."""
    found: dict[tuple[str, ...], None] = {}
    for name in [*KINDS, *entries]:
        kind = kind_of(entries, name)
        found[token_variables(entries, name)] = None
        found[(kind.account,) if kind and kind.account else ()] = None
    yield from filter(None, found)


def token_of(entries: Entries, secrets: Secrets, name: str) -> str | None:
    """Return the key of an entry, in the clear."""
    return secrets.first_value(token_variables(entries, name))


def account_of(entries: Entries, secrets: Secrets, name: str) -> str | None:
    """Return whose account an entry is for."""
    entry, kind = entries.get(name), kind_of(entries, name)
    written = entry.account if entry else None
    return written or (secrets.first_value((kind.account,)) if kind else None)


def missing_requirement(entries: Entries, secrets: Secrets, name: str) -> str | None:
    """Say what an entry needs before it can be asked, or None."""
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
