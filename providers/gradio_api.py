"""Gradio's HTTP API: the description of a Space, its event stream, its files.  Pure.

Source: gradio 6.31 (`routes.py`, `Blocks.get_api_info`), and its answers to
`tests/counterparts`.  Gradio 4 has the same paths without `/gradio_api`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from providers.base import ImageRequest, ImageSize, JsonValue, Response
from providers.request_fitting import RequestSize, fit_to_side

#: Names that Spaces give to their endpoint for an image, the usual one first.
_USUAL_NAMES = ("/infer", "/generate", "/generate_image", "/predict", "/run")
#: What a parameter without a default gets; other types are files and lists.
_EMPTY: Mapping[str, JsonValue] = {"string": "", "boolean": False}
#: Sliders for sizes have steps of 8 to 64 pixels, which the description leaves out.
_MULTIPLE = 64
#: The longest side in pixels if the description names none.
_MAX_SIDE = 1440
_MAX_SEED = 2**31 - 1
_RANGE = re.compile(r"between (-?[0-9.]+) and (-?[0-9.]+)")
_NAME = re.compile(r"/[A-Za-z0-9_.-]{1,100}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter of an endpoint, from the Space's description.

    Attributes:
        type: The JSON type.
        default: The Space's own default, if `has_default`.
        least: The smallest number that the Space accepts, or None.
        most: The largest number that the Space accepts, or None.
    """

    name: str
    type: str = ""
    has_default: bool = False
    default: JsonValue = None
    least: float | None = None
    most: float | None = None

    @property
    def is_fillable(self) -> bool:
        """Whether there is a value for it that an image needs nothing else for."""
        return self.has_default or self.type in _EMPTY or self.least is not None

    def fill(self, values: Mapping[str, JsonValue]) -> JsonValue:
        """Return its value of *values*, else its default, else an empty value."""
        if self.name in values:
            return values[self.name]
        if self.has_default:
            return self.default
        return _EMPTY.get(self.type, self.least)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An endpoint that makes an image of a prompt.

    Attributes:
        path: The start of its address: "/gradio_api/call/infer".
    """

    path: str
    parameters: tuple[Parameter, ...]

    def accepts(self, *names: str) -> bool:
        """Return whether the endpoint has parameters of all these *names*."""
        return set(names) <= {parameter.name for parameter in self.parameters}

    def fit_size(self, request: ImageSize) -> RequestSize:
        """Return the largest size of the shape that the Space accepts."""
        sides = [p for p in self.parameters if p.name in {"width", "height"}]
        most = min((int(p.most) for p in sides if p.most), default=_MAX_SIDE)
        least = max([_MULTIPLE, *(int(p.least) for p in sides if p.least)])
        return fit_to_side(request, _MULTIPLE, max(most, least), least)

    def fit_seed(self, seed: int) -> int:
        """Return *seed* within the range that the Space accepts."""
        limits = [p.most for p in self.parameters if p.name == "seed"]
        most = _MAX_SEED if not limits or limits[0] is None else int(limits[0])
        return seed if seed <= most else seed % (max(0, most) + 1)

    def arguments(
        self, request: ImageRequest, extra: Mapping[str, JsonValue]
    ) -> list[JsonValue]:
        """Return the arguments of a call in the endpoint's order.

        Args:
            extra: Values of the owner's by the parameters' names.
        """
        size = self.fit_size(request)
        values: dict[str, JsonValue] = {
            "prompt": request.prompt,
            "seed": self.fit_seed(request.seed),
            "randomize_seed": False,
            "width": size.width,
            "height": size.height,
            **extra,
        }
        return [parameter.fill(values) for parameter in self.parameters]


#: FLUX.1-schnell's endpoint as published; used until its description was read.
FLUX_SCHNELL = Endpoint(
    path="/gradio_api/call/infer",
    parameters=(
        Parameter(name="prompt", type="string"),
        Parameter(name="seed", type="number", has_default=True, default=0),
        Parameter(name="randomize_seed", type="boolean", has_default=True),
        Parameter(name="width", type="number", least=256, most=2048),
        Parameter(name="height", type="number", least=256, most=2048),
        Parameter(
            name="num_inference_steps", type="number", has_default=True, default=4
        ),
    ),
)


def space_host(space: str) -> str:
    """Return the host of a Space that is named "owner/name"."""
    return f"{re.sub('[^a-z0-9]', '-', space.lower())}.hf.space"


def find_endpoint(
    description: Mapping[str, Any], prefix: str, extra: Mapping[str, JsonValue]
) -> Endpoint | None:
    """Return the endpoint of a description that makes an image of a prompt, or None.

    Args:
        description: The answer to `/gradio_api/info`.
        prefix: "/gradio_api", or "" for Gradio 4.
        extra: Values of the owner's by the parameters' names.
    """
    named = description.get("named_endpoints")
    endpoints = named if isinstance(named, dict) else {}

    def rank(name: str) -> tuple[bool, int, str]:
        is_usual = name in _USUAL_NAMES
        place = _USUAL_NAMES.index(name) if is_usual else len(_USUAL_NAMES)
        return not _returns_image(endpoints[name]), place, name

    for name in sorted(filter(_NAME.fullmatch, endpoints), key=rank):
        endpoint = Endpoint(
            path=f"{prefix}/call/{name[1:]}",
            parameters=tuple(_parameters(endpoints[name])),
        )
        if endpoint.accepts("prompt") and all(
            parameter.is_fillable or parameter.name in extra
            for parameter in endpoint.parameters
        ):
            return endpoint
    return None


def _returns_image(endpoint: object) -> bool:
    returns = endpoint.get("returns") if isinstance(endpoint, dict) else None
    return isinstance(returns, list) and any(
        isinstance(value, dict) and value.get("component") in {"Image", "Gallery"}
        for value in returns
    )


def _parameters(endpoint: object) -> Iterator[Parameter]:
    listed = endpoint.get("parameters") if isinstance(endpoint, dict) else None
    for entry in listed if isinstance(listed, list) else ():
        if not isinstance(entry, dict):
            continue
        schema = entry.get("type")
        schema = schema if isinstance(schema, dict) else {}
        least, most = _limits(schema)
        yield Parameter(
            name=str(entry.get("parameter_name") or ""),
            type=str(schema.get("type") or ""),
            has_default=entry.get("parameter_has_default") is True,
            default=entry.get("parameter_default"),
            least=least,
            most=most,
        )


def _limits(schema: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """Return the range of a number, which Gradio states in words."""
    words = _RANGE.search(str(schema.get("description") or "")[:200])
    least, most = words.groups() if words else (None, None)
    return (_number(schema.get("minimum", least)), _number(schema.get("maximum", most)))


def _number(value: object) -> float | None:
    try:
        number = float(str(value))
    except ValueError:
        return None
    return number if abs(number) < 1e12 else None  # noqa: PLR2004 - no nan, no inf


def read_events(response: Response) -> list[tuple[str, Any]]:
    """Return the (event, data) pairs of an event stream; data that is not JSON: None.

    A stream that was cut short has its last event left out.
    """
    text = response.body.decode("utf-8", "replace").replace("\r\n", "\n")
    events = []
    for block in text.split("\n\n")[:-1]:
        lines = [line.partition(":") for line in block.split("\n")]
        values = {name: value.strip() for name, _, value in lines if name}
        try:
            data = json.loads(values.get("data", "null"))
        except (ValueError, RecursionError):
            data = None
        events.append((values.get("event", ""), data))
    return events


def find_file(outputs: object, depth: int = 0) -> Mapping[str, Any] | None:
    """Return the first file of an endpoint's outputs, which a gallery nests."""
    if depth > 4:  # noqa: PLR2004 - deep enough for a gallery
        return None
    if isinstance(outputs, dict):
        if isinstance(outputs.get("path") or outputs.get("url"), str):
            return outputs
        outputs = list(outputs.values())
    for value in outputs if isinstance(outputs, list) else ():
        if (found := find_file(value, depth + 1)) is not None:
            return found
    return None


def find_seed(outputs: object) -> int | None:
    """Return the seed that a Space reports after its image, or None."""
    rest = outputs[1:] if isinstance(outputs, list) else ()
    for value in rest:
        if isinstance(value, int) and not isinstance(value, bool):
            return value if 0 <= value < 2**63 else None
    return None
