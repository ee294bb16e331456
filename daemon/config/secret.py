"""Secrets: from the environment, a file it names, or systemd's credentials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

NOTION = ("NOTION_TOKEN",)
HUGGINGFACE = ("HUGGINGFACE_TOKEN", "HF_TOKEN")


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """Tokens, and where each came from (never shown in a repr)."""

    notion_token: SecretStr | None
    huggingface_token: SecretStr | None
    origins: Mapping[str, str]

    def values(self) -> list[str]:
        """Return all of them in the clear, for the log's redaction only."""
        found = (self.notion_token, self.huggingface_token)
        return [one.get_secret_value() for one in found if one is not None]


def read(environ: Mapping[str, str], problems: list[str]) -> Secrets:
    """Find the secrets; what is wrong with one is added to *problems*."""
    origins: dict[str, str] = {}
    found = [
        _find(names, environ, problems, origins) for names in (NOTION, HUGGINGFACE)
    ]
    return Secrets(notion_token=found[0], huggingface_token=found[1], origins=origins)


def _find(
    names: Sequence[str],
    environ: Mapping[str, str],
    problems: list[str],
    origins: dict[str, str],
) -> SecretStr | None:
    for name in names:
        value, origin = _one(name, environ, problems)
        if value is None:
            continue
        if not value or not value.isascii() or not value.isprintable() or " " in value:
            problems.append(f"{name} (from {origin}) does not look like a token")
            continue
        origins[names[0]] = origin
        return SecretStr(value)
    return None


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
