"""`[sources.NAME]`: several databases, each with shared settings and its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from daemon.config.model import Options, Section
from daemon.config.secret import NOTION

#: The name of the only source if there is no `[sources.NAME]`.
DEFAULT = "default"
_SHARED = ("posts", "prompt", "images", "card", "budget")

AnySection = TypeVar("AnySection", bound=Section)


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


def has_own_budget(options: Options, name: str) -> bool:
    """Return whether a source has its own budget."""
    return (
        name in options.sources and "budget" in options.sources[name].model_fields_set
    )


def token_names(options: Options, name: str) -> tuple[str, ...]:
    """Return the variables for a source's token, of which the first one set counts."""
    if name not in options.sources:
        return NOTION
    if variable := options.sources[name].token:
        return (variable,)
    return (f"{NOTION[0]}_{name.upper().replace('-', '_')}", *NOTION)


def token_variables(options: Options) -> Iterator[tuple[str, ...]]:
    """Yield each token variable of the sources except the shared one."""
    for name in dict.fromkeys(
        name for source in options.sources for name in token_names(options, source)
    ):
        if name not in NOTION:
            yield (name,)
