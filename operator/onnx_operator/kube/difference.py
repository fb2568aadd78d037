"""Whether an apply of ours would change a live object. Pure.

A no-op apply is still a request and an audit line, so the wanted manifest is compared with the live object first:
as a subset (foreign fields and the API server's defaults are not ours), by meaning (quantities, empty values), with
keyed lists matched by their keys; and managedFields tell which fields are ours and no longer wanted.
"""

import json
from typing import Any

from onnx_operator import names
from onnx_operator.kube import quantity

Object = dict[str, Any]
Path = tuple[str, ...]

# The keys by which Kubernetes merges its lists (x-kubernetes-list-map-keys), by the list's field name.
LIST_KEYS: dict[str, tuple[str, ...]] = {
    "containers": ("name",),
    "initContainers": ("name",),
    "env": ("name",),
    "volumes": ("name",),
    "volumeMounts": ("mountPath",),
    "imagePullSecrets": ("name",),
    "ownerReferences": ("uid",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
    # ONNXModel's status
    "conditions": ("type",),
    "revisions": ("name",),
}
PORT_KEYS = (("containerPort", "protocol"), ("port", "protocol"))
# Maps that are replaced as a whole: a foreign key in one of them is not left alone.
ATOMIC_MAPS = {"selector", "nodeSelector"}
# What the API server does not send back: maps (but not structures, such as emptyDir) that are empty, and these booleans
# that are false; others are tri-state, and false is not unset.
LEFT_OUT_WHEN_EMPTY = {"annotations", "labels", "limits", "matchLabels", "nodeSelector", "requests", "resources"}
LEFT_OUT_WHEN_FALSE = {"readOnly"}
QUANTITY_PARENTS = {"limits", "requests"}
QUANTITY_FIELDS = {"sizeLimit"}


def needs_apply(wanted: Object, live: Object, subresource: str = "") -> bool:
    """Return whether applying ``wanted`` (to a subresource, where one is given) would change ``live``."""
    return not _covers(wanted, live, ()) or bool(_unwanted(wanted, live, subresource))


def covers(wanted: Object, live: Object) -> bool:
    """Return whether a live object, or a part of one, has all that is wanted; what else it has does not matter."""
    return _covers(wanted, live, ())


def _covers(wanted: Any, live: Any, path: Path) -> bool:
    if wanted == live:  # most of an object is, and this is the quick way to say so
        return True
    if live is None:
        return _left_out(wanted, path)
    if isinstance(wanted, dict):
        if not isinstance(live, dict) or (path and path[-1] in ATOMIC_MAPS and wanted.keys() != live.keys()):
            return False
        return all(_covers(value, live.get(key), (*path, key)) for key, value in wanted.items())
    if isinstance(wanted, list):
        return isinstance(live, list) and _covers_list(wanted, live, path)
    if _is_quantity(path):
        return quantity.parse(wanted) == quantity.parse(live)
    return False


def _covers_list(wanted: list[Any], live: list[Any], path: Path) -> bool:
    keys = _keys_of(path, wanted)
    if keys is None:
        return len(wanted) == len(live) and all(
            _covers(mine, theirs, (*path, "*")) for mine, theirs in zip(wanted, live, strict=True)
        )
    by_key = {_key(item, keys): item for item in live}
    return all(_covers(item, by_key.get(_key(item, keys)), (*path, "*")) for item in wanted)


def _keys_of(path: Path, items: list[Any]) -> tuple[str, ...] | None:
    if not all(isinstance(item, dict) for item in items):
        return None
    if path[-1] == "ports":
        return next((keys for keys in PORT_KEYS if all(keys[0] in item for item in items)), None)
    return LIST_KEYS.get(path[-1])


def _key(item: Object, keys: tuple[str, ...]) -> tuple[Any, ...]:
    return tuple(item.get(key, "TCP" if key == "protocol" else None) for key in keys)


def _is_quantity(path: Path) -> bool:
    return path[-1] in QUANTITY_FIELDS or (len(path) > 1 and path[-2] in QUANTITY_PARENTS)


def _left_out(wanted: Any, path: Path) -> bool:
    """Return whether the API server does not send this value back, because it is empty."""
    match wanted:
        case dict():
            return not wanted and bool(path) and path[-1] in LEFT_OUT_WHEN_EMPTY
        case bool():
            return not wanted and path[-1] in LEFT_OUT_WHEN_FALSE
        case list() | str():
            return not wanted
        case _:
            return wanted is None


def _unwanted(wanted: Object, live: Object, subresource: str) -> list[Path]:
    """Return the paths that managedFields say we own and ``wanted`` no longer has."""
    gone: list[Path] = []
    for entry in live.get("metadata", {}).get("managedFields", []):
        ours = entry.get("manager") == names.FIELD_MANAGER and entry.get("operation") == "Apply"
        if ours and entry.get("subresource", "") == subresource:
            _walk(entry.get("fieldsV1", {}), wanted, (), gone)
    return gone


def _walk(fields: Object, wanted: Any, path: Path, gone: list[Path]) -> None:
    # fieldsV1: "f:NAME" is a field, "k:{...}" a list item by its keys, "v:..." a set's member, "." the item itself.
    # https://kubernetes.io/docs/reference/using-api/server-side-apply/
    for key, inner in fields.items():
        kind, _, rest = key.partition(":")
        match kind:
            case "f":
                found = wanted.get(rest) if isinstance(wanted, dict) else None
            case "k":
                found = _item(wanted, json.loads(rest))
            case "v":
                found = True if isinstance(wanted, list) and json.loads(rest) in wanted else None
            case _:
                continue
        if found is None:
            gone.append((*path, key))
        elif inner:
            _walk(inner, found, (*path, key), gone)


def _item(wanted: Any, keys: Object) -> Any:
    if not isinstance(wanted, list):
        return None
    for item in wanted:
        if all(item.get(key, "TCP" if key == "protocol" else None) == value for key, value in keys.items()):
            return item
    return None
