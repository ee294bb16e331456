"""Secrets: from the environment, a file it names, or systemd's credentials."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

NOTION = ("NOTION_TOKEN",)
_LONGEST = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """Tokens and keys by variable, and where each came from (never in a repr)."""

    found: Mapping[str, SecretStr]
    origins: Mapping[str, str]

    @property
    def notion_token(self) -> SecretStr | None:
        return self.found.get(NOTION[0])

    def first(self, names: Sequence[str]) -> str | None:
        """Return the first of some variables that is set, in the clear."""
        for name in names:
            if name in self.found:
                return self.found[name].get_secret_value()
        return None

    def values(self) -> list[str]:
        """Return all of them in the clear, for the log's redaction only."""
        return [one.get_secret_value() for one in self.found.values()]


def read(
    environ: Mapping[str, str],
    wanted: Iterable[Sequence[str]],
    problems: list[str],
) -> Secrets:
    """Find the secrets; what is wrong with one is added to *problems*.

    Args:
        wanted: For each, the variables it may be in, the first one counts.
    """
    origins: dict[str, str] = {}
    found: dict[str, SecretStr] = {}
    for names in wanted:
        _find(names, environ, problems, origins=origins, found=found)
    return Secrets(found=found, origins=origins)


def _find(
    names: Sequence[str],
    environ: Mapping[str, str],
    problems: list[str],
    *,
    origins: dict[str, str],
    found: dict[str, SecretStr],
) -> None:
    for name in names:
        # Shared by several entries, and found for another already.
        if name in found:
            return
        value, origin = _one(name, environ, problems)
        if value is None:
            continue
        fine = value.isascii() and value.isprintable() and " " not in value
        if not fine or not 0 < len(value) <= _LONGEST:
            problems.append(f"{name} (from {origin}) does not look like a token")
            continue
        origins[name] = origin
        found[name] = SecretStr(value)
        return


def _one(
    name: str, environ: Mapping[str, str], problems: list[str]
) -> tuple[str | None, str]:
    if value := environ.get(name, "").strip():
        return value, name
    if path := environ.get(f"{name}_FILE", ""):
        return _from_file(Path(path), f"{name}_FILE", problems), f"{name}_FILE"
    folder = environ.get("CREDENTIALS_DIRECTORY", "")
    if folder and (Path(folder) / name).is_file():
        origin = "systemd credentials"
        return _from_file(Path(folder) / name, origin, problems), origin
    return None, ""


def _from_file(path: Path, origin: str, problems: list[str]) -> str | None:
    try:
        value = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not text"
        problems.append(f"{origin}: cannot read {path}: {why}")
        return None
    if not value:
        problems.append(f"{origin}: {path} is empty")
        return None
    return value
