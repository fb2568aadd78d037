"""What two revisions differ in: what was declared, and what the operator made of it at the time."""

import json
from collections.abc import Iterator
from typing import Any

from rich.console import Group
from rich.text import Text

from onnx_operator import names
from onnx_operator.kubectl.render.history import server_image
from onnx_operator.kubectl.render.words import BAD, GOOD, QUIET

Object = dict[str, Any]
Change = tuple[str, object, object]

ABSENT = object()


def changes(old: Object, new: Object) -> list[Change]:
    """Return (field, before, after) of each declared field that differs between two ControllerRevisions, sorted.

    A field that one of them does not declare is ABSENT there.
    """
    return sorted(_changes("spec", old["data"]["declared"], new["data"]["declared"]), key=lambda change: change[0])


def resolved_changes(old: Object, new: Object) -> list[Change]:
    """Return the same of what nobody declared, but was found when the revisions were made: image and digest."""
    pairs = (
        ("server image", server_image(old), server_image(new)),
        ("digest of the model", _digest(old), _digest(new)),
    )
    return [(name, before or ABSENT, after or ABSENT) for name, before, after in pairs if before != after]


def difference(old: Object, new: Object) -> Group:
    """Return the differences as lines."""
    declared, resolved = changes(old, new), resolved_changes(old, new)
    lines = [
        Text.assemble(("--- ", BAD), old["metadata"]["name"]),
        Text.assemble(("+++ ", GOOD), new["metadata"]["name"]),
    ]
    if not declared:
        lines.append(Text("They declare the same spec.", QUIET))
    lines += _lines(declared)
    if resolved:
        lines.append(Text("found when they were made:", QUIET))
        lines += _lines(resolved)
    return Group(*lines)


def _lines(found: list[Change]) -> Iterator[Text]:
    for name, before, after in found:
        yield Text(name, "bold")
        if before is not ABSENT:
            yield Text(f"  - {_plain(before)}", BAD)
        if after is not ABSENT:
            yield Text(f"  + {_plain(after)}", GOOD)


def _changes(path: str, old: object, new: object) -> Iterator[Change]:
    if isinstance(old, dict) and new is ABSENT:
        new = {}
    if isinstance(new, dict) and old is ABSENT:
        old = {}
    if isinstance(old, dict) and isinstance(new, dict):
        for key in old.keys() | new.keys():
            step = f"{path}.{key}" if str(key).isalnum() else f"{path}[{key}]"
            yield from _changes(step, old.get(key, ABSENT), new.get(key, ABSENT))
    elif old != new:
        yield path, old, new


def _digest(revision: Object) -> str | None:
    found: str | None = revision["metadata"].get("annotations", {}).get(names.ANNOTATION_DIGEST)
    return found


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)
