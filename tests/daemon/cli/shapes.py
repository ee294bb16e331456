"""What a command prints with `--json`, held against its schema in `docs/schemas`."""

from __future__ import annotations

import functools
import importlib
import json
from collections.abc import Sequence
from datetime import datetime
from importlib.util import find_spec
from typing import Any

from tests.make_schemas import FOLDER, SHAPES

#: It is in the lock; an environment that is older checks nothing here.
HAS_JSONSCHEMA = find_spec("jsonschema") is not None


def check_shape(words: Sequence[str], out: str) -> None:
    """Raise if the output of a command is not of its shape; errors print nothing."""
    name = _command_in(words)
    if HAS_JSONSCHEMA and name and out.strip():
        _validator(name).validate(json.loads(out))


def _command_in(words: Sequence[str]) -> str:
    """Return the command that prints JSON, "" if none does."""
    if "--json" not in words:
        return ""
    two = " ".join(words[:2])
    named = [word for word in words if word in SHAPES]
    return two if two in SHAPES else named[0]


@functools.cache
def _validator(name: str) -> Any:  # noqa: ANN401 - it may not be installed
    library = importlib.import_module("jsonschema")
    path = FOLDER / f"{name.replace(' ', '-')}.json"
    schema = json.loads(path.read_text(), object_hook=_closed)
    formats = library.FormatChecker(formats=())
    formats.checks("date-time", raises=ValueError)(_has_offset)
    library.Draft202012Validator.check_schema(schema)
    return library.Draft202012Validator(schema, format_checker=formats)


def _closed(part: dict[str, Any]) -> dict[str, Any]:
    """Refuse keys that the schema does not describe; a reader of today's may not."""
    is_class = part.get("additionalProperties") is True and "properties" in part
    return part | {"additionalProperties": False} if is_class else part


def _has_offset(value: object) -> bool:
    if not isinstance(value, str):
        return True
    return datetime.fromisoformat(value).tzinfo is not None
