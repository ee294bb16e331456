"""`postbrush config`: every effective value and its origin."""

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
    """Return (key, value, origin) of every setting; secrets only as set or not set."""
    rows = list(_section_origins(settings, settings.options, ()))
    tokens = (NOTION, *sources.token_variables(settings.options))
    variables = (*tokens, NOTIFY, WEB, DATABASE, *(STORE if settings.store else ()))
    for names in (*variables, *entries.all_variables(settings.providers)):
        origins = settings.secrets.origins
        name = next((name for name in names if name in origins), names[0])
        state = "set" if name in origins else "not set"
        rows.append((name, state, origins.get(name, "")))
    rows.append(("data_dir (resolved)", str(settings.data_dir), ""))
    rows.append(("chain (resolved)", ", ".join(settings.resolved_chain()), ""))
    return rows


def _section_origins(
    settings: Settings, model: BaseModel, path: tuple[str, ...]
) -> Iterator[tuple[str, str, str]]:
    for name in type(model).model_fields:
        value, key_path = getattr(model, name), (*path, name)
        if isinstance(value, BaseModel):
            yield from _section_origins(settings, value, key_path)
        elif name in {"providers", "sources"}:
            for entry, options in value.items():
                yield from _entry_origins(settings, options, (*key_path, entry))
        else:
            text = show_bytes(value) if name in IN_BYTES else show_value(value)
            yield ".".join(key_path), text, _origin_of(settings, key_path)


def _entry_origins(
    settings: Settings, options: BaseModel, path: tuple[str, ...]
) -> Iterator[tuple[str, str, str]]:
    for name in type(options).model_fields:
        if name not in options.model_fields_set:
            continue
        value, key_path = getattr(options, name), (*path, name)
        if isinstance(value, BaseModel):
            yield from _entry_origins(settings, value, key_path)
        else:
            yield ".".join(key_path), show_value(value), _origin_of(settings, key_path)


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
    """Return a value as the file writes it, without secrets."""
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
