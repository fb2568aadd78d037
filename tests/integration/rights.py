"""Rights as triples: those that roles give, and those that requests in an audit log have needed."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from tests.cluster.rest import Object

POLICY: Object = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata", "userGroups": ["system:serviceaccounts:onnx-operator"]}, {"level": "None"}],
}
"""An audit policy that writes down every request of the operator's namespace's accounts, reads and watches too."""


class Right(NamedTuple):
    """A verb on a resource, of a namespace; `resource` has its subresource, such as `deployments/scale`."""

    namespace: str
    group: str
    resource: str
    verb: str


def granted(roles: Iterable[Object]) -> set[Right]:
    """Return what Roles give."""
    return {
        Right(role["metadata"]["namespace"], group, resource, verb)
        for role in roles
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def requests(log: Path, account: str) -> list[Object]:
    """Return the audit events of an account's requests about objects, answered or begun to be."""
    events = (json.loads(line) for line in log.read_text().splitlines())
    return [
        event
        for event in events
        if event["user"]["username"] == f"system:serviceaccount:onnx-operator:{account}" and "objectRef" in event
    ]


def needed(events: Iterable[Object]) -> set[Right]:
    """Return what requests have needed."""
    return {right for event in events for right in _needed(event)}


def refused(events: Iterable[Object]) -> list[str]:
    """Return the requests that were answered with 403, in words."""
    return [
        f"{event['verb']} {event['requestURI']}: {event['responseStatus'].get('message')}"
        for event in events
        if event.get("responseStatus", {}).get("code") == 403
    ]


def _needed(event: Object) -> Iterator[Right]:
    about = event["objectRef"]
    resource = "/".join(part for part in (about["resource"], about.get("subresource")) if part)
    right = Right(about.get("namespace", ""), about.get("apiGroup", ""), resource, event["verb"])
    yield right
    if right.verb == "patch" and event.get("responseStatus", {}).get("code") == 201:
        yield right._replace(verb="create")  # server-side apply of an object that was not there
