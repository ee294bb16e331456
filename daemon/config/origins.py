"""`postbrush config`: every value in force and where it comes from."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

from pydantic import BaseModel, SecretStr

from daemon.config import databases, entries, sources
from daemon.config.addresses import host_of
from daemon.config.secret import DATABASE, NOTIFY, NOTION, STORE, WEB
from daemon.config.settings import Settings
from daemon.config.values import IN_BYTES, show_bytes, show_duration

_PREFIX = "POSTBRUSH_"


def list_origins(settings: Settings) -> list[tuple[str, str, str]]:
    """Return (key, value, where from); of secrets only whether they are set."""
    found = list(_section_origins(settings, settings.options, ()))
    tokens = (NOTION, *sources.token_variables(settings.options))
    usual = (*tokens, NOTIFY, WEB, DATABASE, *(STORE if settings.store else ()))
    for names in (*usual, *entries.all_variables(settings.providers)):
        known = settings.secrets.origins
        name = next((one for one in names if one in known), names[0])
        found.append((name, "set" if name in known else "not set", known.get(name, "")))
    found.append(("data_dir (resolved)", str(settings.data_dir), ""))
    found.append(("chain (resolved)", ", ".join(settings.resolved_chain()), ""))
    return found


def _section_origins(
    settings: Settings, model: BaseModel, path: tuple[str, ...]
) -> Iterator[tuple[str, str, str]]:
    for name in type(model).model_fields:
        value, here = getattr(model, name), (*path, name)
        if isinstance(value, BaseModel):
            yield from _section_origins(settings, value, here)
        elif name in {"providers", "sources"}:
            for entry, options in value.items():
                yield from _entry_origins(settings, options, (*here, entry))
        else:
            shown = show_bytes(value) if name in IN_BYTES else show_value(value)
            yield ".".join(here), shown, _origin_of(settings, here)


def _entry_origins(
    settings: Settings, options: BaseModel, path: tuple[str, ...]
) -> Iterator[tuple[str, str, str]]:
    for name in type(options).model_fields:
        if name not in options.model_fields_set:
            continue
        value, here = getattr(options, name), (*path, name)
        if isinstance(value, BaseModel):
            yield from _entry_origins(settings, value, here)
        else:
            yield ".".join(here), show_value(value), _origin_of(settings, here)


def _origin_of(settings: Settings, path: tuple[str, ...]) -> str:
    variable = _PREFIX + "__".join(path).upper()
    for name in settings.environ:
        if name.upper() == variable or name.upper().startswith(f"{variable}__"):
            return name
    value: object = settings.from_file
    for part in path:
        if not isinstance(value, dict) or part not in value:
            return "default"
        value = value[part]
    return str(settings.file)


def show_value(value: object) -> str:
    """Return a value as it is written in the file."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case timedelta():
            return show_duration(value)
        case SecretStr() if (url := value.get_secret_value()).startswith("postgres"):
            return databases.mask_url(url)
        case SecretStr():
            return f"{host_of(value.get_secret_value())} (the rest is secret)" * bool(
                value
            )
        case [SecretStr(), *_]:
            return f"{len(value)} (secret)"
        case dict() | list():
            return json.dumps(value, ensure_ascii=False)
    return str(value)
