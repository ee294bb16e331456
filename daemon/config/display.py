"""What `postbrush config` prints: an example, or every value and its origin.

The example is made from the model, so it cannot disagree with it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from daemon.config import addresses, entries
from daemon.config.model import Options, ProviderOptions, SourceSection
from daemon.config.parsing import IN_BYTES, show_bytes, show_duration
from daemon.config.problems import PREFIX, section_of
from daemon.config.settings import Settings

_HEAD = """\
# postbrush.toml: every setting is optional, and every value here is the default.
# Do not put secrets in this file: store NOTION_TOKEN and HUGGINGFACE_TOKEN as files
# of these names in secrets/ beside it, or set them as environment variables.
# Each setting can be a variable as well: POSTBRUSH_POSTS__WAIT_AFTER_EDIT=5m

"""
#: The user and the password of an address.
_USERINFO = re.compile(r"//[^/@\s]+@")
_EXAMPLES = {
    "chain": '["flux", "freeapi"]',
    "day": "1.0",
    "on_card": '{ "Status" = "Card" }',
    "kind": '"flux"',
    "base_url": '"https://proxy.example.org"',
    "file_hosts": '["images.example.org"]',
    "hub_url": '"https://proxy.example.org"',
    "model": '"black-forest-labs/FLUX.1-schnell"',
    "route": '"auto"',
    "endpoint": '""',
    "account": '"my-organization"',
    "label": '"Hugging Face FLUX"',
    "timeout": '"60s"',
    "price": "0.003",
    "included": "2.00",
    "monthly_budget": "1.0",
    "credits_reset": '"monthly"',
    "concurrency": "4",
    "writer.kind": '"openai"',
    "writer.base_url": '"http://localhost:11434"',
    "writer.model": '"gemma3:4b"',
    "writer.price": "0.0001",
}


def example_text() -> str:
    """Return a commented postbrush.toml with every key, that loads as it is."""
    return _HEAD + "\n".join(_model_lines(Options, "")) + "\n"


def _model_lines(model: type[BaseModel], path: str) -> Iterator[str]:
    sections: list[tuple[str, type[BaseModel]]] = []
    for name, field in model.model_fields.items():
        inner = section_of(field.annotation)
        if inner is None:
            yield _key_line(name, field, path)
        else:
            sections.append((name, inner))
    for name, inner in sections:
        here = f"{path}{name}"
        yield ""
        if inner is SourceSection:
            yield f"# [{here}.shop]  # one of several databases"
            yield from _commented_lines(inner)
            *most, last = [
                key
                for key, field in inner.model_fields.items()
                if section_of(field.annotation) and key != "posts"
            ]
            yield (
                f"# [{here}.shop.posts]  # also {', '.join(most)} and {last}: only "
                "what differs"
            )
        elif inner is ProviderOptions:
            yield f"# [{here}.flux]  # one image service; all optional"
            yield from _commented_lines(inner)
        else:
            yield f"[{here}]"
            yield from _model_lines(inner, f"{here}.")


def _commented_lines(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        if section_of(field.annotation) is None:
            yield f"# {_key_line(name, field, '').lstrip('# ')}"


def _key_line(name: str, field: FieldInfo, path: str) -> str:
    value = _default_value(name, field)
    if value is None:
        value = _EXAMPLES.get(f"{path}{name}") or _EXAMPLES.get(name, "")
        name = f"# {name}"
    return f"{f'{name} = {value}':<34} # {field.description}"


def _default_value(name: str, field: FieldInfo) -> str | None:
    if name in IN_BYTES:
        return json.dumps(show_bytes(field.default))
    match field.default:
        case None:
            return None
        case timedelta() as duration:
            return json.dumps(show_duration(duration))
        case dict():
            return "{}"
        case SecretStr():
            return '""'
        case value:
            return json.dumps(value, ensure_ascii=False)


def list_origins(settings: Settings) -> list[tuple[str, str, str]]:
    """Return (key, value, origin) of every setting; secrets only as set or not set."""
    rows = list(_walk_settings(settings, settings.options, (), only_set=False))
    origins = settings.secrets.origins
    with_store = settings.store is not None
    for names in entries.secret_variables(settings.options, with_store=with_store):
        name = next((name for name in names if name in origins), names[0])
        state = "set" if name in origins else "not set"
        rows.append((name, state, origins.get(name, "")))
    rows.append(("data_dir (resolved)", str(settings.data_dir), ""))
    rows.append(("chain (resolved)", ", ".join(settings.resolved_chain()), ""))
    kinds = [writer.kind for writer in settings.list_writers()]
    rows.append(("writer (resolved)", ", ".join(kinds) or "off", ""))
    return rows


def _walk_settings(
    settings: Settings, section: BaseModel, path: tuple[str, ...], *, only_set: bool
) -> Iterator[tuple[str, str, str]]:
    for name in type(section).model_fields:
        if only_set and name not in section.model_fields_set:
            continue
        value, key_path = getattr(section, name), (*path, name)
        if isinstance(value, BaseModel):
            yield from _walk_settings(settings, value, key_path, only_set=only_set)
        elif name in {"providers", "sources"}:
            for entry, options in value.items():
                entry_path = (*key_path, entry)
                yield from _walk_settings(settings, options, entry_path, only_set=True)
        else:
            text = show_bytes(value) if name in IN_BYTES else _show_value(value)
            yield ".".join(key_path), text, _origin_of(settings, key_path)


def _origin_of(settings: Settings, path: tuple[str, ...]) -> str:
    variable = PREFIX + "__".join(path).upper()
    for name in settings.environ:
        if name.upper() == variable or name.upper().startswith(f"{variable}__"):
            return name
    value: object = settings.from_file
    for part in path:
        if not isinstance(value, dict) or part not in value:
            return "default"
        value = value[part]
    return str(settings.file)


def _show_value(value: object) -> str:
    """Return a value as the file writes it, without secrets."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case timedelta():
            return show_duration(value)
        case SecretStr():
            return _show_address(value.get_secret_value())
        case [SecretStr(), *_]:
            return f"{len(value)} (secret)"
        case dict() | list():
            return json.dumps(value, ensure_ascii=False)
    return _USERINFO.sub("//[secret]@", str(value))


def _show_address(url: str) -> str:
    if url.startswith("postgres"):
        return addresses.mask_database_url(url)
    return f"{addresses.host_of(url)} (the rest is secret)" if url else ""
