"""`[sources.NAME]`: several databases, each with the shared settings and its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from daemon.config.model import Options, Section
from daemon.config.secret import NOTION

#: The name of the one there is without `[sources.NAME]`.
DEFAULT = "default"
_SHARED = ("posts", "prompt", "images", "card", "budget")

AnySection = TypeVar("AnySection", bound=Section)


def source_names(options: Options) -> tuple[str, ...]:
    """Return the names of all sources, in their order in the file."""
    return tuple(options.sources) or (DEFAULT,)


def options_of(options: Options, name: str) -> Options:
    """Return the settings of one source: its own laid over the shared ones."""
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


def has_own_budget(options: Options, name: str) -> bool:
    """Say whether a source spends from a budget of its own."""
    return (
        name in options.sources and "budget" in options.sources[name].model_fields_set
    )


def token_names(options: Options, name: str) -> tuple[str, ...]:
    """Return the secrets a source's token is looked for in, the first one counts."""
    if name not in options.sources:
        return NOTION
    if written := options.sources[name].token:
        return (written,)
    return (f"{NOTION[0]}_{name.upper().replace('-', '_')}", *NOTION)


def token_variables(options: Options) -> Iterator[tuple[str, ...]]:
    """Yield the secrets that only sources have, each once."""
    for name in dict.fromkeys(
        one for source in options.sources for one in token_names(options, source)
    ):
        if name not in NOTION:
            yield (name,)
