"""What is wrong with a configuration, in lines that say what to do."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from daemon.config import addresses, databases, entries, sources
from daemon.config.model import Options, PropertyNames
from daemon.config.notion_links import database_id
from daemon.config.renamed import current_key, current_variable
from daemon.config.secret import Secrets
from daemon.config.values import is_loopback, parse_listen, show_duration
from providers import KINDS

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")
#: Roles whose columns postbrush writes; the others are people's.
_WRITTEN = ("image", "status", "note", "provider", "regenerate", "alt")
#: How such files begin.
_FONTS = (b"\x00\x01\x00\x00", b"OTTO", b"ttcf", b"true", b"wOFF", b"wOF2")
_PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"RIFF")
_SECRET = re.compile(r"token|secret|password|api_?key", re.IGNORECASE)


def explain_errors(error: ValidationError, model: type[BaseModel]) -> list[str]:
    """Return one line per wrong key."""
    lines: dict[str, None] = {}
    for one in error.errors(include_url=False, include_input=False):
        path = [str(part) for part in one["loc"]]
        if one["type"] == "extra_forbidden":
            lines[_unknown_key(path, model)] = None
        else:
            named = _known_part(path, model)
            lines.setdefault(f"{'.'.join(named)}: {_error_words(one)}", None)
    return list(lines)


def _error_words(error: Mapping[str, Any]) -> str:
    # pydantic's own words for a duration are its microseconds.
    if found := re.search(r"equal to (\d+) microseconds", error["msg"]):
        return f"at least {show_duration(timedelta(microseconds=int(found[1])))}"
    text: str = error["msg"].removeprefix("Value error, ")
    return text[:1].lower() + text[1:]


def _unknown_key(path: list[str], model: type[BaseModel]) -> str:
    *parents, key = path
    where = ".".join(path)
    if _SECRET.search(key):
        return (
            f"{where}: secrets do not belong into the file: put NOTION_TOKEN, "
            "HUGGINGFACE_TOKEN and the like into files of these names in secrets/ "
            "(`postbrush init` does), and make a new one if this file was shared"
        )
    parent = _section_at(parents, model)
    known = list(parent.model_fields) if parent else []
    current = current_key(key)
    if current != key and current in known:
        return f"{where} is now called {'.'.join([*parents, current])}"
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    elsewhere = [name for name in every_key(Options) if name.split(".")[-1] == current]
    if near and not (elsewhere and _differs_much(key, near[0])):
        return f"{where}: no such key; did you mean {'.'.join([*parents, near[0]])}?"
    if elsewhere:
        return f"{where}: no such key here; did you mean {elsewhere[0]}?"
    return f"{where}: no such key; known: {', '.join(known)}"


def _differs_much(key: str, other: str) -> bool:
    """Say whether a key that stands elsewhere is likelier than a mistyped *other*."""
    return not difflib.get_close_matches(key, [other], cutoff=0.75)


def _section_at(path: list[str], model: type[BaseModel]) -> type[BaseModel] | None:
    """Return the section at *path*."""
    current: type[BaseModel] | None = model
    rest = list(path)
    while rest and current is not None:
        field = current.model_fields.get(rest.pop(0))
        inner = section_of(field.annotation) if field else None
        # [providers.NAME]: the name is the owner's.
        if (
            inner is not None
            and get_origin(field.annotation if field else None) is dict
        ):
            rest = rest[1:]
        current = inner
    return current


def _known_part(path: list[str], model: type[BaseModel]) -> list[str]:
    """Leave out what pydantic adds behind a key (union members, list places)."""
    kept: list[str] = []
    for depth, part in enumerate(path):
        parent = _section_at(path[:depth], model)
        if depth and parent is None and kept:
            break
        kept.append(part)
    return kept


def section_of(annotation: object) -> type[BaseModel] | None:
    """Return the section a key holds, if it holds one (or a table of them)."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in {dict, Union, UnionType}:
        for inner in get_args(annotation):
            if (found := section_of(inner)) is not None:
                return found
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


def unknown_variables(environ: Mapping[str, str], prefix: str) -> dict[str, str]:
    """Return the variables that look like ours and are not: name -> its problem."""
    keys = {key.upper().replace(".", "__") for key in every_key(Options)}
    tops = {name.upper() for name in Options.model_fields}
    problems = {}
    for name in sorted(environ):
        if not name.startswith(prefix) or name == f"{prefix}CONFIG":
            continue
        key = name.removeprefix(prefix).upper()
        shape = re.sub(r"^(PROVIDERS|SOURCES)__[^_]+(?:_[^_]+)*?__", r"\1__NAME__", key)
        inside_table = any(shape.startswith(f"{known}__") for known in keys)
        if shape in keys or key in tops or inside_table:
            continue
        if current := current_variable(name.upper(), shape, keys):
            problems[name] = f"{name} is now called {current}"
            continue
        near = difflib.get_close_matches(shape, keys, n=1, cutoff=0.5)
        hint = f"; did you mean {prefix}{near[0]}?" if near else ""
        problems[name] = f"{name}: no such setting{hint}"
    return problems


def check_options(options: Options, secrets: Secrets, *, ready: bool) -> list[str]:
    """Return what single values cannot show: names that do not fit together."""
    return [
        *_check_providers(options),
        *_check_chain(options, secrets, ready=ready),
        *_check_columns(options.notion.properties),
        *_check_source(options.notion.data_source),
        *_check_sources(options, secrets, ready=ready),
        *addresses.check_notifiers(
            options, secrets, installed=addresses.is_installed()
        ),
        *databases.check_database(options, installed=databases.is_installed()),
        *_check_web(options.web.listen, secrets),
        *_check_roles(options),
    ]


def check_files(options: Options, data_dir: Path) -> Iterator[str]:
    """Yield what is wrong with the files that settings name."""
    for key, kinds, what in (
        ("font", _FONTS, "a .ttf or .otf font"),
        ("logo", _PICTURES, "a .png, .jpg or .webp picture"),
    ):
        written = getattr(options.card, key)
        if not written:
            continue
        path = data_dir / Path(written).expanduser()
        try:
            with path.open("rb") as file:
                head = file.read(8)
        except OSError as error:
            yield f"card.{key}: cannot read {path}: {error.strerror}"
            continue
        if not head.startswith(kinds):
            yield f"card.{key}: {path} is not {what}"


def _check_source(target: str) -> Iterator[str]:
    if target and database_id(target) is None:
        yield (
            "notion.data_source: this is no id and no link of Notion's; open the "
            "database as a page, and copy its link"
        )


def _check_sources(options: Options, secrets: Secrets, *, ready: bool) -> Iterator[str]:
    if options.sources and options.notion.data_source:
        yield (
            "notion.data_source: it says nothing beside [sources.NAME]; make it the "
            f"data_source of one of these ([sources.{sources.DEFAULT}] goes on with "
            "what was made so far)"
        )
    ids: dict[str, str] = {}
    for name, own in options.sources.items():
        where = f"sources.{name}"
        if not _NAME.fullmatch(name):
            yield f"{where}: a name has small letters, digits, - and _"
        if not own.data_source:
            yield f"{where}.data_source: say which database: its id or link"
        other = ids.setdefault(database_id(own.data_source) or name, name)
        if other != name:
            yield f"{where}.data_source: it is the same as that of sources.{other}"
        merged = sources.options_of(options, name)
        found = [
            *_check_source(merged.notion.data_source),
            *_check_columns(merged.notion.properties),
        ]
        if own.chain is not None:
            found += _check_chain(merged, secrets, ready=ready)
        for problem in found:
            yield f"{where}.{problem.removeprefix('notion.')}"


def _check_web(listen: str, secrets: Secrets) -> Iterator[str]:
    found = parse_listen(listen)
    if found and not is_loopback(found[0]) and secrets.web_password is None:
        yield (
            f"web.listen: other machines reach {listen}: put a WEB_PASSWORD into the "
            'environment, or listen on "127.0.0.1:8787"'
        )


def _check_roles(options: Options) -> Iterator[str]:
    if not options.roles:
        yield 'roles: it is empty, so nothing would be done; say ["notion", "generate"]'
    elif len(set(options.roles)) == 1 and not options.database.url.get_secret_value():
        yield (
            "roles: what one daemon does not do another one has to, on the same "
            "database: set database.url"
        )


def _check_providers(options: Options) -> Iterator[str]:
    for name, entry in options.providers.items():
        kind = entry.kind or name
        if not _NAME.fullmatch(name):
            yield f"providers.{name}: a name has small letters, digits, - and _"
        elif kind not in KINDS:
            near = difflib.get_close_matches(kind, KINDS, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(KINDS)}"
            key = "kind" if entry.kind else ""
            where = f"providers.{name}{'.' + key if key else ''}"
            yield f"{where}: no kind of service is called {kind!r}; {hint}"


def _check_chain(options: Options, secrets: Secrets, *, ready: bool) -> Iterator[str]:
    known = {*KINDS, *options.providers}
    for name in options.chain or ():
        if name not in known:
            near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.5)
            hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(KINDS)}"
            yield f"chain: no provider is called {name!r}; {hint}"
        elif ready and (
            lack := entries.missing_requirement(options.providers, secrets, name)
        ):
            yield f"chain: {name} {lack}{_unset_hint(lack)}"
    if options.chain is not None and not options.chain:
        yield "chain: it is empty; the card alone is ['freeapi']"
    if options.chain and len(set(options.chain)) < len(options.chain):
        yield "chain: a provider is named twice"


def _unset_hint(lack: str) -> str:
    return "" if "[" in lack else ", which is not set"


def _check_columns(columns: PropertyNames) -> Iterator[str]:
    roles: dict[str, list[str]] = {}
    for role, name in _role_names(columns):
        roles.setdefault(name.casefold(), []).append(role)
    for shared in roles.values():
        if len(shared) > 1 and any(role in _WRITTEN for role in shared):
            yield (
                f"notion.properties: {' and '.join(shared)} are the same column; a "
                "column postbrush writes cannot be one it uses for something else"
            )


def _role_names(columns: PropertyNames) -> list[tuple[str, Any]]:
    return [(name, getattr(columns, name)) for name in PropertyNames.model_fields]
