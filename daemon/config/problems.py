"""Wrong keys, values and variables of a configuration, one line for each."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from types import UnionType
from typing import Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from daemon.config.model import Options
from daemon.config.parsing import show_duration
from daemon.config.secret import PLACE
from daemon.places import CONTAINER

#: How the variables begin that override keys of the file.
PREFIX = "POSTBRUSH_"
#: Variables with the prefix that set no key.
NOT_SETTINGS = frozenset({f"{PREFIX}CONFIG", CONTAINER})
#: The old key of a section and the key that replaces it.
RENAMED_KEYS = {
    "settle": "wait_after_edit",
    "hold": "approve_above",
    "reserve": "min_free_disk",
}
#: In the problem of a key or variable that has another name now.
RENAMED = " is now called "
#: What a value must be, by the type of pydantic's error.
_MUST_BE = {
    **dict.fromkeys(("bool_type", "bool_parsing"), "true or false"),
    **dict.fromkeys(
        ("int_type", "int_parsing", "int_from_float", "int_parsing_size"),
        "a whole number",
    ),
    **dict.fromkeys(("float_type", "float_parsing", "finite_number"), "a number"),
    "string_type": 'a text in quotes, such as "text"',
    "string_too_short": "at least one character long",
    "list_type": 'a list, such as ["first", "second"]',
}
_TABLES = {
    **dict.fromkeys(("only", "skip", "on_done", "on_card"), '{ "Status" = "Ready" }'),
    "providers": "[providers.flux] with its settings below",
    "sources": "[sources.shop] with its settings below",
    "extra": "{ steps = 4 }",
}
_LIMITS = {
    "ge": "at least {}",
    "gt": "more than {}",
    "le": "at most {}",
    "lt": "less than {}",
    "max_length": "at most {} characters long",
}
_SECRET = re.compile(r"token|secret|password|api_?key", re.IGNORECASE)


def explain_errors(error: ValidationError) -> list[str]:
    """Return the lines about the wrong keys of `Options`, each once."""
    details = error.errors(include_url=False, include_input=False)
    return list(dict.fromkeys(map(_explain_detail, details)))


def _explain_detail(detail: ErrorDetails) -> str:
    path = [str(part) for part in detail["loc"]]
    if detail["type"] == "extra_forbidden":
        return _unknown_key(path)
    known = _known_part(path)
    return f"{'.'.join(known)} {_error_words(detail, known)}"


def _error_words(detail: ErrorDetails, path: list[str]) -> str:
    """Return what a value must be.  pydantic's own words are for programmers."""
    kind, limits = detail["type"], detail.get("ctx", {})
    # One of our own types, whose message is a predicate.
    if kind == "value_error":
        return detail["msg"].removeprefix("Value error, ")
    if kind == "literal_error":
        return f"must be {limits['expected']}".replace("'", '"')
    if kind in _MUST_BE:
        return f"must be {_MUST_BE[kind]}"
    if kind in {"dict_type", "model_type", "model_attributes_type"}:
        example = _TABLES.get(path[-1], f"[{'.'.join(path)}] with its settings below")
        return f"must be a table, such as {example}"
    for name, words in _LIMITS.items():
        if name in limits:
            return f"must be {words.format(_show_limit(str(limits[name])))}"
    return "has a value that cannot be used"


def _show_limit(limit: str) -> str:
    # pydantic's own words for a duration are its microseconds.
    if found := re.fullmatch(r"(\d+) microseconds", limit):
        return show_duration(timedelta(microseconds=int(found[1])))
    return limit


def _unknown_key(path: list[str]) -> str:
    *parents, key = path
    where = ".".join(path)
    if _SECRET.search(key):
        return (
            f"{where}: do not put secrets in this file. Put each, such as "
            f"NOTION_TOKEN, in {PLACE} (`postbrush init` does this). If the file has "
            "been shared, revoke the token and create a new one"
        )
    parent = _section_at(parents)
    known = list(parent.model_fields) if parent else []
    current = RENAMED_KEYS.get(key, key)
    if renamed := current_key(parents, key):
        return f"{where}{RENAMED}{'.'.join([*parents, renamed])}"
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    elsewhere = [name for name in every_key(Options) if name.split(".")[-1] == current]
    # A key that stands elsewhere is likelier than one that is spelled quite otherwise.
    if near and not (
        elsewhere and not difflib.get_close_matches(key, near, cutoff=0.75)
    ):
        return (
            f"{where} is not a setting. Did you mean {'.'.join([*parents, near[0]])}?"
        )
    if elsewhere:
        return f"{where} is not a setting. Did you mean {elsewhere[0]}?"
    return f"{where} is not a setting. The settings here are: {', '.join(known)}"


def current_key(parents: list[str], key: str) -> str | None:
    """Return the name that a renamed key of a section has now, None for others."""
    section, current = _section_at(parents), RENAMED_KEYS.get(key)
    is_known = section is not None and current in section.model_fields
    return current if is_known else None


def _section_at(path: list[str]) -> type[BaseModel] | None:
    """Return the section at *path*, None if it leads elsewhere."""
    section: type[BaseModel] | None = Options
    parts = iter(path)
    for part in parts:
        field = section.model_fields.get(part) if section else None
        section = section_of(field.annotation) if field else None
        # [providers.NAME]: the name is the owner's.
        if field and section and get_origin(field.annotation) is dict:
            next(parts, None)
    return section


def _known_part(path: list[str]) -> list[str]:
    """Leave out what pydantic adds behind a key (union members, list places)."""
    for depth in range(1, len(path)):
        if _section_at(path[:depth]) is None:
            return path[:depth]
    return path


def section_of(annotation: object) -> type[BaseModel] | None:
    """Return the section a key holds, if it holds one (or a table of them)."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in {dict, Union, UnionType}:
        return next(filter(None, map(section_of, get_args(annotation))), None)
    return None


def every_key(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Yield every key with its sections, "posts.tries"; NAME for an owner's own."""
    for name, field in model.model_fields.items():
        inner = section_of(field.annotation)
        if inner is None:
            yield f"{prefix}{name}"
        elif get_origin(field.annotation) is dict:
            yield from every_key(inner, f"{prefix}{name}.NAME.")
        else:
            yield from every_key(inner, f"{prefix}{name}.")


def unknown_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables with our prefix that set nothing: name -> its problem."""
    keys = {key.upper().replace(".", "__") for key in every_key(Options)}
    tops = {name.upper() for name in Options.model_fields}
    problems = {}
    for name in sorted(environ):
        if name in NOT_SETTINGS:
            continue
        key = name.removeprefix(PREFIX).upper()
        shape = re.sub(r"^(PROVIDERS|SOURCES)__[^_]+(?:_[^_]+)*?__", r"\1__NAME__", key)
        inside_table = any(shape.startswith(f"{known}__") for known in keys)
        if not (shape in keys or key in tops or inside_table):
            problems[name] = _unknown_variable(name, shape, keys)
    return problems


def name_variable(problem: str, variables: Iterable[str]) -> str:
    """Return a problem with the variable that sets the wrong value, not its key."""
    for name in variables:
        key = name.removeprefix(PREFIX).lower().replace("__", ".")
        rest = problem.removeprefix(key)
        if rest != problem and rest[:1] in {" ", ":"}:
            return f"{name}{rest}"
    return problem


def _unknown_variable(name: str, shape: str, keys: set[str]) -> str:
    """Return the problem of a variable.

    Args:
        shape: Its key without the prefix, and with NAME for an owner's own name:
            SOURCES__NAME__POSTS__HOLD.
        keys: The shapes of all variables there are.
    """
    section, _, key = shape.rpartition("__")
    current = RENAMED_KEYS.get(key.lower(), "").upper()
    if f"{section}__{current}" in keys:
        return f"{name}{RENAMED}{name.upper().removesuffix(key)}{current}"
    near = difflib.get_close_matches(shape, keys, n=1, cutoff=0.5)
    hint = f". Did you mean {PREFIX}{near[0]}?" if near else ""
    return f"{name} is not a setting{hint}"
