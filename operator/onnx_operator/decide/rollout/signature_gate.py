"""Whether clients of one signature are served by another: what would break them, and what would not."""

from collections.abc import Iterator
from typing import Any

Object = dict[str, Any]

ANY_SIZE = -1


def breaking(before: Object, after: Object) -> list[str]:
    """Return what would break clients of ``before``, a sentence each; both as in the API's status.

    They send the inputs and read the outputs that they know: a missing or renamed tensor breaks them, and so does a new
    input, another datatype or rank, or a dimension that took any size, or another one. A new output does not, nor does
    a dimension that takes any size now.
    """
    return [*_inputs(before, after), *_outputs(before, after)]


def _inputs(before: Object, after: Object) -> Iterator[str]:
    old, new = _by_name(before["inputs"]), _by_name(after["inputs"])
    yield from _differences("input", old, new)
    for name in new.keys() - old.keys():
        yield f"input {name} {_shown(new[name])} is new, and no client sends it"


def _outputs(before: Object, after: Object) -> Iterator[str]:
    yield from _differences("output", _by_name(before["outputs"]), _by_name(after["outputs"]))


def _differences(kind: str, old: dict[str, Object], new: dict[str, Object]) -> Iterator[str]:
    for name, was in old.items():
        if name not in new:
            yield f"{kind} {name} {_shown(was)} is gone"
        elif why := _difference(was, new[name]):
            yield f"{kind} {name} was {_shown(was)} and is {_shown(new[name])}: {why}"


def _difference(was: Object, now: Object) -> str | None:
    if was["datatype"] != now["datatype"]:
        return "another datatype"
    if len(was["shape"]) != len(now["shape"]):
        return "another rank"
    for place, (old, new) in enumerate(zip(was["shape"], now["shape"], strict=True)):
        if new not in {old, ANY_SIZE}:
            return f"dimension {place} takes only {new}"
    return None


def _by_name(tensors: list[Object]) -> dict[str, Object]:
    return {tensor["name"]: tensor for tensor in tensors}


def _shown(tensor: Object) -> str:
    sizes = ",".join("?" if size == ANY_SIZE else str(size) for size in tensor["shape"])
    return f"{tensor['datatype']}[{sizes}]"
