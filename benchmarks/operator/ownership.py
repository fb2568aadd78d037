"""Which fields of a live object a field manager owns: what it applied, found again in the live object. Pure."""

import json
from typing import Any

Object = dict[str, Any]

ABSENT = object()


def owned_fields(obj: Object, manager: str) -> Object:
    """Return the fields (`fieldsV1`) that a manager owns by server-side apply; empty if none."""
    for entry in obj["metadata"].get("managedFields", []):
        if (entry["manager"], entry["operation"]) == (manager, "Apply") and "subresource" not in entry:
            fields: Object = entry["fieldsV1"]
            return fields
    return {}


def extract(value: Any, fields: Object) -> Any:
    """Return the parts of a value that `fieldsV1` names; parts that are not there are left out."""
    if not fields:
        return value
    if isinstance(value, list):
        found = [_item(value, key, below) for key, below in fields.items() if key[:2] in ("k:", "v:")]
        return [item for item in found if item is not ABSENT]
    if not isinstance(value, dict):
        return value
    named = {key[2:]: below for key, below in fields.items() if key.startswith("f:")}
    return {name: extract(value[name], below) for name, below in named.items() if name in value}


def applied(obj: Object, fields: Object) -> Object:
    """Return an object as it was applied: who it is, and the fields of `fieldsV1`."""
    made = extract(obj, fields)
    head = {"name": obj["metadata"]["name"]}
    return {
        **made,
        "apiVersion": obj["apiVersion"],
        "kind": obj["kind"],
        "metadata": {**head, **made.get("metadata", {})},
    }


def _item(items: list[Any], key: str, below: Object) -> Any:
    """Return an item of an associative list (`k:{...}`) or of a set (`v:...`), with its owned parts."""
    wanted = json.loads(key[2:])
    if key.startswith("v:"):
        return wanted if wanted in items else ABSENT
    for item in items:
        if all(item.get(name) == value for name, value in wanted.items()):
            parts = {name: value for name, value in below.items() if name != "."}
            # Owned as a whole and by nothing below it: then its keys are all that was applied.
            return {**wanted, **(extract(item, parts) if parts else {})}
    return ABSENT
