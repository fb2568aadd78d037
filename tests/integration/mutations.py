"""Mutations of ONNXModel's spec, generated from the CustomResourceDefinition. Pure: a schema in, specs out.

Each mutation changes one field (or two, for `pairs`) of a spec in which every field is set: absent, empty, of another
type, at and beyond its bounds, odd strings; and where the schema leaves the content to Kubernetes, nonsense.
"""

import copy
import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.integration.nonsense import BASE, FREE, ODD_QUANTITIES, ODD_STRINGS, PLAIN

Object = dict[str, Any]
Path = tuple[str, ...]

ITEM = "0"
"""The step into a list: mutations are of its first item."""

OTHER_TYPES: dict[str, tuple[Any, ...]] = {
    "string": (7, True, [], {"a": "b"}, None),
    "integer": ("7", 1.5, True, [], None),
    "object": ("text", 7, [], None),
    "array": ("text", 7, {"a": "b"}, None),
}
HUGE = 2**31, 2**63 - 1, -(2**31) - 1


class Absent:
    """The field is left out."""

    def __repr__(self) -> str:
        return "absent"


ABSENT = Absent()


@dataclass(frozen=True)
class Mutation:
    """A changed spec; `field` is the field's path as the API server writes it, `what` says what became of it."""

    field: str
    what: str
    spec: Object


def mutations(schema: Object) -> Iterator[Mutation]:
    """Yield all mutations of one field each; `schema` is the spec's."""
    for path, node in fields(schema):
        for what, value in values(path, node):
            yield Mutation(written(path), what, changed(base_for(path), path, value))


def pairs(schema: Object, count: int, seed: int) -> Iterator[Mutation]:
    """Yield `count` mutations of two fields each; the same seed gives the same ones."""
    chances = random.Random(seed)
    known = {path: list(values(path, node)) for path, node in fields(schema)}
    # Where one field is a part of the other, the second mutation would undo the first.
    couples = [
        (a, b) for a, b in itertools.combinations(sorted(known), 2) if a != b[: len(a)] and known[a] and known[b]
    ]
    for one, other in chances.sample(couples, min(count, len(couples))):
        (what, value), (what_else, value_else) = chances.choice(known[one]), chances.choice(known[other])
        spec = changed(changed(base_for(one, other), one, value), other, value_else)
        yield Mutation(f"{written(one)} and {written(other)}", f"{what}; {what_else}", spec)


def fields(node: Object, path: Path = ()) -> Iterator[tuple[Path, Object]]:
    """Yield each field of a schema that can be mutated, with its own schema."""
    for name, inner in node.get("properties", {}).items():
        yield (*path, name), inner
        yield from fields(inner, (*path, name))
    if "items" in node:
        yield (*path, ITEM), node["items"]
        yield from fields(node["items"], (*path, ITEM))


def values(path: Path, node: Object) -> Iterator[tuple[str, Any]]:
    """Yield what a field may become, as (what, value)."""
    # An item of a list is left out by the list's own mutations.
    if path[-1] != ITEM:
        yield "absent", ABSENT
    if node.get("x-kubernetes-int-or-string"):
        yield from _each("quantity", (*ODD_QUANTITIES, *OTHER_TYPES["object"][2:]))
        return
    yield from _each("type", OTHER_TYPES[node["type"]])
    match node["type"]:
        case "string":
            yield from _strings(path, node)
        case "integer":
            yield from _integers(node)
        case "array":
            yield from _arrays(path, node)
        case "object":
            yield from _objects(path, node)


def changed(spec: Object, path: Path, value: Any) -> Object:
    """Return a copy of a spec with one field changed; what leads to the field is made where it is not there."""
    made = copy.deepcopy(spec)
    at: Any = made
    for step, following in itertools.pairwise(path):
        if isinstance(at, list):
            at = at[0]
        else:
            if not isinstance(at.get(step), (dict, list)) or at[step] == []:
                at[step] = [{}] if following == ITEM else {}
            at = at[step]
    last: Any = 0 if isinstance(at, list) else path[-1]
    if value is ABSENT:
        at.pop(last, None)
    else:
        at[last] = copy.deepcopy(value)
    return made


def base_for(*paths: Path) -> Object:
    """Return the good spec for mutations of these fields."""
    return BASE if any(path[0] == "scaling" for path in paths) else PLAIN


def of_base(path: Path) -> Any:
    """Return what the spec that is mutated has at a path; None where it has nothing."""
    at: Any = BASE
    for step in path:
        match at:
            case [first, *_]:
                at = first
            case dict():
                at = at.get(step)
            case _:
                return None
    return at


def written(path: Path) -> str:
    """Return a path as the API server writes it, without indices."""
    return ".".join(("spec", *(step for step in path if step != ITEM)))


def _each(what: str, options: tuple[Any, ...]) -> Iterator[tuple[str, Any]]:
    for option in options:
        shown = repr(option)
        yield f"{what} {shown if len(shown) <= 40 else f'{shown[:37]}...'}", option


def _strings(path: Path, node: Object) -> Iterator[tuple[str, Any]]:
    yield "empty", ""
    yield from _each("enum", tuple(node.get("enum", ())))
    if "maxLength" in node:
        yield "longest", "x" * node["maxLength"]
        yield "too long", "x" * (node["maxLength"] + 1)
    good = of_base(path)
    yield from _each("odd", tuple(f"{good or ''}{odd}" for odd in ODD_STRINGS))


def _integers(node: Object) -> Iterator[tuple[str, Any]]:
    bounds = {"minimum": -1, "maximum": 1}
    for bound, beyond in bounds.items():
        if bound in node:
            yield bound, node[bound]
            yield f"beyond the {bound}", node[bound] + beyond
    yield from _each("huge", HUGE)


def _arrays(path: Path, node: Object) -> Iterator[tuple[str, Any]]:
    yield "empty", []
    item = (of_base(path) or [None])[0]
    if item is not None:
        yield "the same twice", [item, item]
        yield "as many as may be", [_numbered(item, i) for i in range(node["maxItems"])]
        yield "too many", [_numbered(item, i) for i in range(node["maxItems"] + 1)]
    yield "an item that is nothing", [None]
    yield from (("nonsense " + what, value) for what, value in _each("", FREE.get(".".join(path), ())))


def _objects(path: Path, node: Object) -> Iterator[tuple[str, Any]]:
    yield "empty", {}
    if "additionalProperties" in node:
        good = of_base(path) or {}
        yield "an empty name", {**good, "": "1"}
        yield "odd names", {**good, **{f"a{odd}": "1" for odd in ODD_STRINGS}}
        yield "odd values", {**good, **{f"name-{i}": odd for i, odd in enumerate(ODD_STRINGS)}}
        yield "null", {**good, "name": None}
        yield "no text", {**good, "name": {"a": "b"}}
        yield "many", {f"name-{i}": "1" for i in range(node.get("maxProperties", 200) + 1)}
        yield from _each("nonsense", FREE.get(".".join(path), ()))
        return
    yield "an unknown field", {**(of_base(path) or {}), "nonsense": {"a": [1, None, "b"]}}
    yield from _each("nonsense", FREE.get(".".join(path), ()))


def _numbered(item: Any, number: int) -> Any:
    """Return an item like another one, but for its name."""
    if not isinstance(item, dict):
        return item
    return {
        key: f"{value}-{number}" if number and isinstance(value, str) and key in {"name", "mountPath", "key"} else value
        for key, value in item.items()
    }
