"""The revisions of a model, as facts and as a table."""

from datetime import datetime
from typing import Any

from rich.table import Table
from rich.text import Text

from onnx_operator import names
from onnx_operator.kubectl.render.age import age
from onnx_operator.kubectl.render.revisions import short_digest
from onnx_operator.kubectl.render.words import BAD, QUIET, ROLES, joined

Object = dict[str, Any]

COLUMNS = ("#", "REVISION", "ROLE", "PROMOTED", "PODS", "DIGEST", "MODEL")


def history_of(model: Object, revisions: list[Object]) -> list[Object]:
    """Return what is known of each revision, the newest first: from the ControllerRevisions, and roles of the status.

    ``promotedAt`` is RFC 3339, None if it never served; ``rejected`` has reason, message and at, None if it was not.
    """
    status = model.get("status", {})
    told = {revision["name"]: revision for revision in status.get("revisions", [])}
    rejected = {entry["revision"]: entry for entry in status.get("rejected", [])}
    return [_fact(revision, told, rejected.get(revision["metadata"]["name"])) for revision in revisions]


def history_table(facts: list[Object], now: datetime) -> Table:
    """Return the table."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in COLUMNS:
        table.add_column(column, overflow="fold", no_wrap=column != "MODEL")
    for fact in facts:
        promoted = age(fact["promotedAt"], now)
        table.add_row(
            str(fact["number"]),
            fact["name"],
            Text(fact["role"], ROLES.get(fact["role"], "")),
            f"{promoted} ago" if promoted else Text("never", QUIET),
            str(fact["replicas"]),
            Text(short_digest(fact["digest"] or "").removeprefix("sha256:"), QUIET),
            joined(fact["uri"], _note(fact), by="\n"),
        )
    return table


def server_image(revision: Object) -> str | None:
    """Return the server image that a revision was frozen with."""
    for container in revision["data"].get("template", {}).get("spec", {}).get("containers", []):
        if container["name"] == names.SERVER_CONTAINER:
            return str(container["image"])
    return None


def _fact(revision: Object, told: dict[str, Object], rejected: Object | None) -> Object:
    name, annotations = revision["metadata"]["name"], revision["metadata"].get("annotations", {})
    known = told.get(name, {})
    role = known.get("role", "Retired")
    reason = {key: rejected[key] for key in ("reason", "message", "at") if key in rejected} if rejected else None
    return {
        "number": revision["revision"],
        "name": name,
        "role": "Rejected" if rejected and role != "Stable" else role,
        "uri": revision["data"]["declared"]["model"]["uri"],
        "digest": annotations.get(names.ANNOTATION_DIGEST),
        "image": server_image(revision),
        "refreshOf": revision["data"].get("refreshOf"),
        "createdAt": revision["metadata"].get("creationTimestamp"),
        "promotedAt": annotations.get(names.ANNOTATION_PROMOTED_AT),
        "replicas": known.get("replicas", 0),
        "ready": known.get("ready", 0),
        "rejected": reason,
    }


def _note(fact: Object) -> Text:
    if fact["rejected"]:
        return Text(f"{fact['rejected']['reason']}: {fact['rejected']['message']}", BAD)
    return Text(f"refresh of {fact['refreshOf']}, with {fact['image']}" if fact["refreshOf"] else "", QUIET)
