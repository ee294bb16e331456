"""`postbrush config --example`: made from the model, so it cannot disagree."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from daemon.config.model import Options, ProviderOptions, SourceSection
from daemon.config.problems import section_of
from daemon.config.values import IN_BYTES, show_bytes, show_duration

_HEAD = """\
# postbrush.toml: everything here is optional, and every value is the default.
# Secrets do not belong here: put NOTION_TOKEN and HUGGINGFACE_TOKEN into files of
# these names in secrets/ beside this one, or into the environment.
# Every key also works as a variable: POSTBRUSH_POSTS__WAIT_AFTER_EDIT=5m

"""
_EXAMPLES = {
    "chain": '["flux", "freeapi"]',
    "day": "1.0",
    "on_card": '{ "Status" = "Card" }',
    "kind": '"flux"',
    "base_url": '"https://proxy.example.org"',
    "hub_url": '"https://proxy.example.org"',
    "model": '"black-forest-labs/FLUX.1-schnell"',
    "route": '"auto"',
    "endpoint": '""',
    "account": '"my-organisation"',
    "label": '"Hugging Face FLUX"',
    "timeout": '"60s"',
    "price": "0.003",
    "included": "0.10",
    "monthly_budget": "1.0",
    "credits_reset": '"monthly"',
    "concurrency": "4",
}


def example_text() -> str:
    """Return a commented postbrush.toml with every key, that loads as it is."""
    return _HEAD + "\n".join(_model_lines(Options, "")) + "\n"


def _model_lines(model: type[BaseModel], path: str) -> Iterator[str]:
    sections: list[tuple[str, type[BaseModel]]] = []
    for name, field in model.model_fields.items():
        inner = section_of(field.annotation)
        if inner is None:
            yield _key_line(name, field)
        else:
            sections.append((name, inner))
    for name, inner in sections:
        here = f"{path}{name}"
        yield ""
        if inner is SourceSection:
            yield f"# [{here}.shop]  # one of several databases"
            yield from _commented_lines(inner)
            several = [key for key in SourceSection.model_fields if _is_section(key)]
            yield (
                f"# [{here}.shop.posts]  # likewise {', '.join(several[:-1])} and "
                f"{several[-1]}: what differs"
            )
        elif inner is ProviderOptions:
            yield f"# [{here}.flux]  # one service; all optional"
            yield from _commented_lines(inner)
        else:
            yield f"[{here}]"
            yield from _model_lines(inner, f"{here}.")


def _commented_lines(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        if section_of(field.annotation) is None:
            yield f"# {_key_line(name, field).lstrip('# ')}"


def _is_section(key: str) -> bool:
    inner = section_of(SourceSection.model_fields[key].annotation)
    return inner is not None and key != "posts"


def _key_line(name: str, field: FieldInfo) -> str:
    value = _default_value(name, field)
    written = f"{name} = {value}"
    unset = field.default is None or value is None
    if unset:
        written = f"# {name} = {_EXAMPLES.get(name, '')}"
    return f"{written:<34} # {field.description}"


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
