"""What one account asked of the API server, counted from the audit log."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from tests.integration.installation import OPERATOR_NAMESPACE

Object = dict[str, Any]

ACCOUNT: Final = f"system:serviceaccount:{OPERATOR_NAMESPACE}:onnx-operator"
"""The operator's account; the bare writer uses it too, so that the API server treats both alike."""

POLICY: Final[Object] = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "Metadata", "users": [ACCOUNT]},
        # By these a place in the log is found.
        {"level": "Metadata", "verbs": ["patch"], "resources": [{"group": "", "resources": ["namespaces"]}]},
        {"level": "None"},
    ],
}
"""Reads of the operator are logged too; nothing else is, so that the log costs the others nothing."""

WRITES: Final = ("create", "update", "patch", "delete", "deletecollection")


@dataclass
class Requests:
    """Requests by verb and resource. The Lease's are apart, and so are watches, which are counted when they begin."""

    writes: Counter[str] = field(default_factory=Counter)
    reads: Counter[str] = field(default_factory=Counter)
    leases: int = 0
    watches: int = 0
    failed: Counter[str] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        """All but watches and the Lease's."""
        return self.writes.total() + self.reads.total()

    def as_json(self) -> Object:
        """Return the counts as JSON has them."""
        return {
            "writes": self.writes.total(),
            "reads": self.reads.total(),
            "leases": self.leases,
            "watches": self.watches,
            "failed": dict(self.failed.most_common()),
            "byKind": dict((self.writes + self.reads).most_common()),
        }


def count(events: Iterable[Object]) -> Requests:
    """Count the account's requests."""
    made = Requests()
    for event in events:
        if event["user"]["username"] == ACCOUNT:
            _count(made, event)
    return made


def is_work(event: Object) -> bool:
    """Whether this is a request of the account's that is neither a watch nor the Lease's."""
    return (
        event["user"]["username"] == ACCOUNT
        and event["stage"] == "ResponseComplete"
        and event["verb"] != "watch"
        and _resource(event) != "leases"
    )


def _count(made: Requests, event: Object) -> None:
    verb = event["verb"]
    if verb == "watch":
        made.watches += event["stage"] == "ResponseStarted"
        return
    if event["stage"] != "ResponseComplete":
        return
    resource = _resource(event)
    if resource == "leases":
        made.leases += 1
        return
    name = f"{verb} {resource}"
    (made.writes if verb in WRITES else made.reads)[name] += 1
    code = event["responseStatus"]["code"]
    # An object that is not there is an answer like others.
    if code >= 400 and (verb, code) != ("get", 404):
        made.failed[f"{name} {code}"] += 1


def _resource(event: Object) -> str:
    about = event.get("objectRef", {})
    resource, below = about.get("resource", event["requestURI"]), about.get("subresource")
    return f"{resource}/{below}" if below else str(resource)
