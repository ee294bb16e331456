"""Secrets: from the environment, a file it names, systemd's credentials, `secrets/`."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

NOTION = ("NOTION_TOKEN",)
WEB = ("WEB_PASSWORD",)
#: Several addresses, on one line or more.
NOTIFY = ("NOTIFY_URLS",)
DATABASE = ("DATABASE_PASSWORD",)
#: Both halves of the key of `images.store`.
STORE = (("AWS_ACCESS_KEY_ID",), ("AWS_SECRET_ACCESS_KEY",))
#: Beside the configuration: one file per secret, named as its variable.
FOLDER = "secrets"
_LONGEST = 1000
_LEAST_PASSWORD = 8
_LONGEST_LIST = 20_000
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """Tokens and keys by variable, and where each came from (never in a repr).

    Attributes:
        exposed: Files that others can read, with what to do; they are used all the
            same, since some disks know no permissions.
        others: What is secret in the file: addresses with tokens in them.
    """

    found: Mapping[str, SecretStr]
    origins: Mapping[str, str]
    exposed: tuple[str, ...] = ()
    others: Sequence[SecretStr] = ()

    @property
    def web_password(self) -> SecretStr | None:
        return self.found.get(WEB[0])

    def first_value(self, names: Sequence[str]) -> str | None:
        """Return the first of some variables that is set, in the clear."""
        for name in names:
            if name in self.found:
                return self.found[name].get_secret_value()
        return None

    def all_values(self) -> list[str]:
        """Return all of them in the clear, for the log's redaction only."""
        known = [*self.found.values(), *self.others]
        return [one.get_secret_value() for one in known]


def looks_like_token(value: str, longest: int = _LONGEST) -> bool:
    """Say whether a text could be a token."""
    fine = value.isascii() and value.isprintable() and " " not in value
    return fine and 0 < len(value) <= longest


def read_secrets(
    environ: Mapping[str, str],
    wanted: Iterable[Sequence[str]],
    problems: list[str],
    folder: Path,
) -> Secrets:
    """Find the secrets; what is wrong with one is added to *problems*.

    Args:
        wanted: For each, the variables it may be in, the first one counts.
        folder: `secrets/`, looked into last; it need not be there.
    """
    origins: dict[str, str] = {}
    found: dict[str, SecretStr] = {}
    places = _SecretSources(environ, _list_files(folder, problems), problems)
    for names in wanted:
        _find_secret(names, places, origins=origins, found=found)
    own = [
        places.files[name]
        for name in found
        if _is_from_folder(origins[name], places, name)
    ]
    return Secrets(found=found, origins=origins, exposed=tuple(_exposed_files(own)))


@dataclass(frozen=True, slots=True)
class _SecretSources:
    """Where secrets are looked for; `files` are those in `secrets/`, by name."""

    environ: Mapping[str, str]
    files: Mapping[str, Path]
    problems: list[str]


def _list_files(folder: Path, problems: list[str]) -> dict[str, Path]:
    try:
        return {path.name: path for path in folder.iterdir()}
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        problems.append(f"cannot look into {folder}: {error.strerror}")
        return {}


def _is_from_folder(origin: str, places: _SecretSources, name: str) -> bool:
    return name in places.files and origin == str(places.files[name])


def _exposed_files(paths: Iterable[Path]) -> Iterable[str]:
    for path in paths:
        if path.stat().st_mode & _OTHERS:
            yield f"others can read {path}: chmod 600 {path}"


def _find_secret(
    names: Sequence[str],
    places: _SecretSources,
    *,
    origins: dict[str, str],
    found: dict[str, SecretStr],
) -> None:
    for name in names:
        # Shared by several entries, and found for another already.
        if name in found:
            return
        value, origin = _look_up(name, places)
        if value is None:
            continue
        if (problem := _secret_problem(names, value)) is not None:
            places.problems.append(f"{name} (from {origin}) {problem}")
            continue
        origins[name] = origin
        found[name] = SecretStr(value)
        return


def _secret_problem(names: Sequence[str], value: str) -> str | None:
    """Say what is wrong with a secret, or None."""
    if names is WEB:
        # Chosen by a person: any words will do, if there are enough of them.
        fine = value.isprintable() and _LEAST_PASSWORD <= len(value) <= _LONGEST
        return None if fine else "needs eight characters or more"
    if names is DATABASE:
        # Chosen by somebody else: it is what it is.
        fine = value.isprintable() and len(value) <= _LONGEST
        return None if fine else "does not look like a password"
    if names is NOTIFY:
        fine = looks_like_token("".join(value.split()), _LONGEST_LIST)
        return None if fine else "does not look like addresses"
    return None if looks_like_token(value, _LONGEST) else "does not look like a token"


def _look_up(name: str, places: _SecretSources) -> tuple[str | None, str]:
    environ, problems = places.environ, places.problems
    if value := environ.get(name, "").strip():
        return value, name
    if path := environ.get(f"{name}_FILE", ""):
        return _from_file(Path(path), f"{name}_FILE", problems), f"{name}_FILE"
    folder = environ.get("CREDENTIALS_DIRECTORY", "")
    if folder and (Path(folder) / name).is_file():
        origin = "systemd credentials"
        return _from_file(Path(folder) / name, origin, problems), origin
    if (own := places.files.get(name)) is not None:
        return _from_file(own, FOLDER, problems), str(own)
    return None, ""


def _from_file(path: Path, origin: str, problems: list[str]) -> str | None:
    try:
        value = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not text"
        problems.append(f"{origin}: cannot read {path}: {why}")
        return None
    if not value:
        # What systemd handed over is a copy; its owner knows the file it is of.
        kept = f"/etc/credstore/postbrush.{path.name}"
        shown = kept if origin == "systemd credentials" else path
        problems.append(f"{origin}: {shown} is empty: put it in, or remove the file")
        return None
    return value
