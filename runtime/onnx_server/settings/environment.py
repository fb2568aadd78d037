"""Settings from environment variables: `ONNX_SERVER_QUEUE__SIZE=64` is `queue: {size: 64}`.

A value is read as YAML, so `[CUDA, CPU]` and `{size: 64}` work too; what it must be is checked like the file.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, get_args, get_origin

import yaml
from pydantic import BaseModel

from onnx_server.settings.document import parse

PREFIX = "ONNX_SERVER_"
NESTED = "__"

# What Kubernetes puts into every pod for a Service called onnx-server or onnx-server-something.
_OF_A_SERVICE = re.compile(r".*_(SERVICE_HOST|SERVICE_PORT(_.+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)")
Location = tuple[str, ...]


@dataclass
class Variables:
    """The settings in the environment as a document, and which variable each part of it came from."""

    document: dict[str, Any] = field(default_factory=dict)
    origins: dict[Location, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def origin(self, location: Location) -> tuple[str, Location] | None:
        """Return the variable that set what is at `location`, and where in its value that is; None if none did.

        Where variables set parts of it, all of them.
        """
        for length in range(len(location), 0, -1):
            if variable := self.origins.get(location[:length]):
                return variable, location[length:]
        below = [variable for at, variable in self.origins.items() if at[: len(location)] == location]
        return (", ".join(below), ()) if below else None


def read(model: type[BaseModel], environ: Mapping[str, str]) -> Variables:
    """Return the settings that `environ` has for `model`. What is no setting, or no YAML, is in `problems`."""
    found = Variables()
    # A variable for all of `queue` comes before one for `queue.size`, which then has the last word.
    for variable in sorted(environ, key=lambda name: (name.count(NESTED), name)):
        if not variable.startswith(PREFIX) or _OF_A_SERVICE.fullmatch(variable):
            continue
        location = _location(model, variable.removeprefix(PREFIX).split(NESTED))
        if location is None:
            found.problems.append(f"{variable}: no such setting")
            continue
        try:
            value = parse(environ[variable])
        except yaml.YAMLError as error:
            found.problems.append(f"{variable} is not YAML: {' '.join(str(error).split())}")
            continue
        found.origins[location] = variable
        _put(found.document, location, value)
    return found


def _location(model: type[BaseModel], segments: list[str]) -> Location | None:
    """Return the keys of server.yaml that the variable's segments name; None if they name no setting."""
    first, rest = segments[0], segments[1:]
    info = model.model_fields.get(first.lower())
    if info is None or first != first.upper():
        return None
    key = info.alias or first.lower()
    inner = _inner(info.annotation)
    if not rest:
        return (key,)
    if inner is None:
        return None
    if get_origin(info.annotation) is dict:
        # The keys are names of the user's own: as they are.
        if len(rest) == 1:
            return (key, rest[0])
        below = _location(inner, rest[1:])
        return None if below is None else (key, rest[0], *below)
    below = _location(inner, rest)
    return None if below is None else (key, *below)


def _inner(annotation: Any) -> type[BaseModel] | None:
    """Return the settings class in X, X | None or dict[str, X]."""
    for candidate in (annotation, *get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None


def _put(document: dict[str, Any], location: Location, value: Any) -> None:
    for key in location[:-1]:
        below = document.get(key)
        if not isinstance(below, dict):
            below = document[key] = {}
        document = below
    document[location[-1]] = value
