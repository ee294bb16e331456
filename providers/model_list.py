"""Finds a model in a list of models, and the errors that mean that it has ended.  Pure.

Sources: the services' documentation.  OpenAI's list has `shutdown_date`, Cloudflare's
the property `planned_deprecation_date`; the others say only what they serve.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from providers.base import Response
from providers.outcomes import NotFoundError
from providers.responses import ErrorRule, parse_json

#: The keys under which services send their list, and those of a model's name.
_LIST_KEYS = ("data", "result", "models")
_NAME_KEYS = ("id", "name", "model_name", "title")
_END_KEYS = ("shutdown_date", "planned_deprecation_date", "deprecation_date")
#: Words of services about a model that they do not have, or no longer.
_ENDED_WORDS = (
    *("model_not_found", "model_not_available", "no such model", "model not found"),
    *("unknown model", "invalid model id", "does not exist or you do not have access"),
    *("unable to access model", "unable to access non-serverless model"),
    *("model is deprecated", "model has been deprecated", "model is no longer"),
    *("model has been shut down", "model has been retired", "reached its end of life"),
)
#: The rules of all kinds, after their own.  A 404 and a 410 need no words.
MODEL_ENDED_RULES = tuple(
    ErrorRule(NotFoundError, status=status, text=words)
    for status in (400, 403, 422)
    for words in _ENDED_WORDS
)


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """What a list of models says of one model.

    Attributes:
        is_listed: The service has the model.
        ends_on: The day on which the service ends the model; None if it names none.
    """

    is_listed: bool
    ends_on: date | None = None


def find_model(response: Response, model: str) -> ModelEntry | None:
    """Return what a list says of *model*, or None if *response* is not a list."""
    entries = list_entries(response)
    if entries is None:
        return None
    for entry in entries:
        if model in {entry.get(key) for key in _NAME_KEYS}:
            return ModelEntry(is_listed=True, ends_on=_end_in(entry))
    return ModelEntry(is_listed=False)


def list_entries(response: Response) -> list[Mapping[str, object]] | None:
    """Return the entries of a list of models, or None if *response* is not one."""
    data = parse_json(response)
    if isinstance(data, dict):
        lists = (data.get(key) for key in _LIST_KEYS)
        data = next((value for value in lists if isinstance(value, list)), None)
    if not isinstance(data, list):
        return None
    return [entry for entry in data if isinstance(entry, dict)]


def _end_in(entry: Mapping[str, object]) -> date | None:
    values = [entry.get(key) for key in _END_KEYS]
    values += [value for key, value in _properties(entry) if key in _END_KEYS]
    return next((day for value in values if (day := _parse_day(value))), None)


def _properties(entry: Mapping[str, object]) -> Iterator[tuple[object, object]]:
    """Yield the pairs of Cloudflare's `properties: [{"property_id", "value"}]`."""
    properties = entry.get("properties")
    for item in properties if isinstance(properties, list) else []:
        if isinstance(item, dict):
            yield item.get("property_id"), item.get("value")


def _parse_day(value: object) -> date | None:
    if not isinstance(value, str):
        return None
    try:
        return date.fromisoformat(value[:10])
    except ValueError:
        return None
