"""What single values cannot show: settings, secrets and files that do not fit."""

from __future__ import annotations

import difflib
import importlib.util
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from daemon.config import addresses, entries, writers
from daemon.config.model import Options, PropertyNames
from daemon.config.parsing import database_id, is_loopback, parse_listen
from daemon.config.secret import NOTIFY, PLACE, STORE, Secrets
from providers import KINDS

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_NAME_FORM = "the name must consist of lower-case letters, digits, - and _"
_REGION = re.compile(r"[A-Za-z0-9-]{1,40}")
#: Roles whose columns postbrush writes; the others are people's.
_WRITTEN = (
    *("image", "status", "note", "provider", "details", "regenerate", "alt"),
    "used_prompt",
)
#: How the files of a card begin, and what they are.
_FILES = {
    "font": (
        (b"\x00\x01\x00\x00", b"OTTO", b"ttcf", b"true", b"wOFF", b"wOF2"),
        "a .ttf or .otf font",
    ),
    "logo": ((b"\x89PNG", b"\xff\xd8\xff", b"RIFF"), "a .png, .jpg or .webp picture"),
}
#: What an optional library does, its make target, and its requirement.
_LIBRARIES = {
    "apprise": ("Apprise, which sends notifications,", "notify", "apprise"),
    "psycopg": ("psycopg, the PostgreSQL driver,", "postgres", "'psycopg[binary]'"),
    "obstore": ("obstore, the client for S3 stores,", "s3", "obstore"),
}


def is_installed(library: str) -> bool:
    """Return whether an optional library is installed, without the slow import."""
    return importlib.util.find_spec(library) is not None


def explain_missing(library: str) -> str:
    """Return how to install an optional library."""
    name, target, requirement = _LIBRARIES[library]
    return (
        f"{name} is not installed. Run `make {target}` (for the service: `sudo make "
        f"install {target.upper()}=1`), or install it in postbrush's environment "
        f"with `python -m pip install {requirement}`"
    )


def check_options(
    options: Options,
    secrets: Secrets,
    store: addresses.StoreLocation | None,
    data_dir: Path,
    *,
    ready: bool,
) -> list[str]:
    """Return the problems of the settings.

    Args:
        ready: Whether a missing token of the chain or the store, or a missing obstore,
            is a problem.
    """
    return [
        *_check_providers(options),
        *_check_chain(options, secrets, ready=ready),
        *writers.check_writer(options, secrets, ready=ready),
        *_check_columns(options.notion.properties),
        *_check_source(options.notion.data_source),
        *_check_sources(options, secrets, ready=ready),
        *check_notifiers(options, secrets, installed=is_installed("apprise")),
        *check_database(options, installed=is_installed("psycopg")),
        *_check_web(options.web.listen, secrets),
        *_check_roles(options),
        *(_check_store(options, secrets, store, ready=ready) if store else ()),
        *_check_files(options, data_dir),
    ]


def check_notifiers(
    options: Options, secrets: Secrets, *, installed: bool
) -> Iterator[str]:
    """Yield the problems of the notifiers; *installed* is whether Apprise is."""
    urls = addresses.split_addresses(secrets.first_value(NOTIFY) or "")
    for number, url in enumerate(urls, 1):
        if not addresses.is_address(url):
            yield (
                f"{NOTIFY[0]} has an entry (no. {number}) that is not an address such "
                "as ntfy://ntfy.sh/topic"
            )
    if not installed and (options.notify.urls or urls):
        where = "notify.urls" if options.notify.urls else NOTIFY[0]
        yield f"{where}: {explain_missing('apprise')}"


def check_database(options: Options, *, installed: bool) -> Iterator[str]:
    """Yield the problems of the database; *installed* is whether psycopg is."""
    if options.database.url.get_secret_value() and not installed:
        yield f"database.url: {explain_missing('psycopg')}"


def _check_store(
    options: Options,
    secrets: Secrets,
    location: addresses.StoreLocation,
    *,
    ready: bool,
) -> Iterator[str]:
    if not options.images.store_endpoint:
        try:
            addresses.validate_endpoint(location.endpoint)
        except ValueError as error:
            yield f"AWS_ENDPOINT_URL {error}"
    if _REGION.fullmatch(location.region) is None:
        setting = "images.store_region" if options.images.store_region else "AWS_REGION"
        yield f'{setting} must be a region, such as "eu-central-1"'
    if not ready:
        return
    missing = [names[0] for names in STORE if secrets.first_value(names) is None]
    if missing:
        yield f"images.store needs {' and '.join(missing)}. Put each in {PLACE}"
    if not is_installed("obstore"):
        yield f"images.store: {explain_missing('obstore')}"


def _check_source(target: str) -> Iterator[str]:
    if target and database_id(target) is None:
        yield (
            "notion.data_source is not a Notion ID or link. Open the database as a "
            "page in Notion, and copy its link"
        )


def _check_sources(options: Options, secrets: Secrets, *, ready: bool) -> Iterator[str]:
    if options.sources and options.notion.data_source:
        yield (
            "notion.data_source has no effect beside [sources.NAME]. Move it to one "
            f"of these as its data_source ([sources.{entries.DEFAULT}] keeps the posts "
            "and images so far)"
        )
    ids: dict[str, str] = {}
    for name, own in options.sources.items():
        where = f"sources.{name}"
        if not _NAME.fullmatch(name):
            yield f"{where}: {_NAME_FORM}"
        if not own.data_source:
            yield f"{where}.data_source is missing: the ID or link of the database"
        other = ids.setdefault(database_id(own.data_source) or name, name)
        if other != name:
            yield f"{where}.data_source is the same database as that of sources.{other}"
        merged = entries.options_of(options, name)
        problems = [
            *_check_source(merged.notion.data_source),
            *_check_columns(merged.notion.properties),
        ]
        if own.chain is not None:
            problems += _check_chain(merged, secrets, ready=ready)
        if "writer" in own.model_fields_set:
            problems += writers.check_writer(merged, secrets, ready=ready)
        for problem in problems:
            yield f"{where}.{problem.removeprefix('notion.')}"


def _check_web(listen: str, secrets: Secrets) -> Iterator[str]:
    bound = parse_listen(listen)
    if bound and not is_loopback(bound[0]) and secrets.web_password is None:
        yield (
            f"web.listen: other machines can reach {listen}. Put a WEB_PASSWORD in "
            f'{PLACE}, or set web.listen = "127.0.0.1:8787"'
        )


def _check_roles(options: Options) -> Iterator[str]:
    if not options.roles:
        yield 'roles must not be empty. The usual value is ["notion", "generate"]'
    elif len(set(options.roles)) == 1 and not options.database.url.get_secret_value():
        yield (
            "roles names one role. Another daemon must have the other one, on a shared "
            "database. Set database.url"
        )


def _check_files(options: Options, data_dir: Path) -> list[str]:
    """Return what is wrong with the files that the cards of all sources name."""
    names = entries.source_names(options)
    cards = [entries.options_of(options, name).card for name in names]
    problems = [
        problem
        for card in cards
        for problem in (
            _file_problem("font", card.font, data_dir),
            _file_problem("logo", card.logo, data_dir),
            _file_problem("logo_dark", card.logo_dark, data_dir),
        )
        if problem
    ]
    return list(dict.fromkeys(problems))


def _file_problem(key: str, written: str, data_dir: Path) -> str | None:
    if not written:
        return None
    path = data_dir / Path(written).expanduser()
    heads, what = _FILES[key.removesuffix("_dark")]
    try:
        with path.open("rb") as file:
            is_known = file.read(8).startswith(heads)
    except OSError as error:
        return f"card.{key}: {path} cannot be read: {error.strerror}"
    return None if is_known else f"card.{key}: {path} is not {what}"


def _check_providers(options: Options) -> Iterator[str]:
    for name, entry in options.providers.items():
        kind = entry.kind or name
        if not _NAME.fullmatch(name):
            yield f"providers.{name}: {_NAME_FORM}"
        elif kind not in KINDS:
            where = f"providers.{name}{'.kind' if entry.kind else ''}"
            hint = _suggest_name(kind, KINDS)
            yield f"{where}: {kind!r} is not a kind of service. {hint}"


def _check_chain(options: Options, secrets: Secrets, *, ready: bool) -> Iterator[str]:
    known = {*KINDS, *options.providers}
    for name in options.chain or ():
        if name not in known:
            hint = _suggest_name(name, sorted(known))
            yield f"chain: {name!r} is not a provider. {hint}"
        elif ready and (
            lack := entries.missing_requirement(options.providers, secrets, name)
        ):
            unset = "" if "[" in lack else ", which is not set"
            yield f"chain: {name} {lack}{unset}"
    if options.chain is not None and not options.chain:
        yield 'chain is empty. For cards only, set chain = ["freeapi"]'
    if options.chain and len(set(options.chain)) < len(options.chain):
        yield "chain names a provider twice"


def _suggest_name(name: str, choices: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, choices, n=1, cutoff=0.5)
    return f"Did you mean {near[0]}?" if near else f"Known: {', '.join(KINDS)}"


def _check_columns(columns: PropertyNames) -> Iterator[str]:
    roles: dict[str, list[str]] = {}
    for role, name in columns:
        roles.setdefault(name.casefold(), []).append(role)
    for shared in roles.values():
        if len(shared) > 1 and any(role in _WRITTEN for role in shared):
            yield (
                f"notion.properties: {' and '.join(shared)} name the same property. A "
                "property that postbrush writes cannot have a second use"
            )
