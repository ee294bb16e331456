"""Writes `docs/schemas` anew, the shape of each command's `--json`: `make reference`.

The types come from the classes that the commands print, the words from `fields.toml`.
"""

from __future__ import annotations

import json
import tomllib
import types
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from daemon.cli import (
    backup,
    check_notion,
    copy_db,
    generate,
    history,
    job_actions,
    plan,
    providers,
    service,
    status_report,
    test,
    upkeep,
    why,
)
from daemon.generation.prompt_writing import AdhocPrompt
from daemon.maintenance.verify import Finding
from db.models import ImageRecord, Job, Pause

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "schemas"
#: What each command prints; a command with `--json` that is missing here fails a test.
SHAPES: Mapping[str, Any] = {
    "approve": job_actions.ApprovalResult,
    "backup": backup.BackupResult,
    "cancel": Job,
    "check": list[check_notion.CheckResult],
    "config": list[service.ConfiguredValue],
    "copy-db": copy_db.CopyResult,
    "costs": list[history.TitledCost],
    "generate": list[generate.ImageReport],
    "job": history.JobDetails,
    "jobs": list[Job],
    "pause": list[Pause],
    "plan": list[plan.SourcePlan],
    "prompt": AdhocPrompt,
    "providers": list[providers.ProviderStatus],
    "providers reset": providers.ResetResult,
    "prune": upkeep.PrunedImages,
    "regenerate": job_actions.RegeneratedJob,
    "restore": backup.RestoreResult,
    "resume": upkeep.ResumeResult,
    "retry": Job,
    "status": status_report.StatusReport,
    "test": list[test.ProviderTest] | list[test.NotificationResult],
    "use": list[ImageRecord] | Job,
    "verify": list[Finding],
    "why": why.PageExplanation,
}
_PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean"}


class Words:
    """The descriptions of `fields.toml`, and which of them were used."""

    def __init__(self) -> None:
        self._texts = tomllib.loads((FOLDER / "fields.toml").read_text())
        self.unused = {
            (shape, key)
            for shape, texts in self._texts.items()
            for key in (texts if isinstance(texts, dict) else [""])
        }

    def of(self, shape: type, key: str) -> str:
        """Return what *key* means, in *shape* or in all; KeyError if nothing says."""
        for name in [base.__name__ for base in shape.__mro__]:
            own = self._texts.get(name)
            if isinstance(own, dict) and key in own:
                self.unused.discard((name, key))
                return str(own[key])
        self.unused.discard((key, ""))
        text = self._texts[key]
        if isinstance(text, dict):
            raise KeyError(key)
        return str(text)


def make_schema(command: str, words: Words) -> dict[str, Any]:
    """Return the schema of a command's `--json`, with a definition for each class."""
    definitions: dict[str, Any] = {}
    schema = _schema_of(SHAPES[command], words, definitions)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"postbrush {command} --json",
        **schema,
        **({"$defs": dict(sorted(definitions.items()))} if definitions else {}),
    }


def _schema_of(shape: Any, words: Words, made: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401 - a type
    origin, args = get_origin(shape), get_args(shape)
    if origin in {Union, types.UnionType}:
        return {"anyOf": [_schema_of(arg, words, made) for arg in args]}
    if origin is Literal:
        return {"enum": list(args)}
    if origin in {list, Sequence}:
        return {"type": "array", "items": _schema_of(args[0], words, made)}
    if origin is Mapping:
        values = _schema_of(args[1], words, made)
        return {"type": "object", "additionalProperties": values or True}
    if shape is types.NoneType:
        return {"type": "null"}
    if shape is datetime:
        return {"type": "string", "format": "date-time"}
    if shape in _PLAIN:
        return {"type": _PLAIN[shape]}
    if shape is Any:
        return {}
    if issubclass(shape, StrEnum):
        return {"enum": [member.value for member in shape]}
    name = str(shape.__name__)
    if name not in made:
        made[name] = {}
        made[name] = _schema_of_class(shape, words, made)
    return {"$ref": f"#/$defs/{name}"}


def _schema_of_class(shape: Any, words: Words, made: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401 - a type
    hints, names = get_type_hints(shape), [field.name for field in fields(shape)]
    return {
        "type": "object",
        "properties": {
            name: {
                **_schema_of(hints[name], words, made),
                "description": words.of(shape, name),
            }
            for name in names
        },
        "required": names,
        # A later version may add keys.
        "additionalProperties": True,
    }


def render_schemas() -> dict[str, str]:
    """Return the text of each file by its name; raise if a description is unused."""
    words = Words()
    files = {
        f"{command.replace(' ', '-')}.json": json.dumps(
            make_schema(command, words), indent=2, ensure_ascii=False
        )
        + "\n"
        for command in SHAPES
    }
    assert not words.unused, (
        f"fields.toml describes what is not printed: {words.unused}"
    )
    return files


if __name__ == "__main__":
    for name, text in render_schemas().items():
        (FOLDER / name).write_text(text)
