"""kubectl as the tests use it: the real program, JSON in and out, and waiting that tells what it saw last."""

import json
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Object = dict[str, Any]

PATIENCE = 90.0
"""Seconds after which a wait gives up; a wait ends as soon as it can."""


class KubectlError(AssertionError):
    """kubectl ended with an error; the message is what it printed."""


@dataclass(frozen=True)
class Kubectl:
    """kubectl for one cluster and namespace."""

    program: Path
    kubeconfig: Path
    namespace: str

    def __call__(self, *arguments: str, stdin: str | None = None) -> str:
        """Run a command; return what it printed."""
        command = [str(self.program), "--kubeconfig", str(self.kubeconfig), "--namespace", self.namespace, *arguments]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, timeout=120)
        if done.returncode != 0:
            raise KubectlError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def within(self, namespace: str) -> "Kubectl":
        """Return kubectl for another namespace."""
        return Kubectl(self.program, self.kubeconfig, namespace)

    def apply(self, *manifests: Object) -> None:
        """Apply manifests as a user does."""
        for manifest in manifests:
            self("apply", "-f", "-", stdin=json.dumps(manifest))

    def get(self, kind: str, name: str) -> Object:
        """Read one object."""
        found: Object = json.loads(self("get", kind, name, "-o", "json"))
        return found

    def find(self, kind: str, name: str) -> Object | None:
        """Read one object; None if it is not there."""
        found = self("get", kind, name, "--ignore-not-found", "-o", "json")
        return json.loads(found) if found else None

    def list(self, kind: str, selector: str = "") -> list[Object]:
        """Read the objects of a kind."""
        items: list[Object] = json.loads(self("get", kind, "--selector", selector, "-o", "json"))["items"]
        return items

    def patch(self, kind: str, name: str, change: Object) -> None:
        """Merge a change into an object."""
        self("patch", kind, name, "--type=merge", "-p", json.dumps(change))

    def wait(self, kind: str, name: str, until: Callable[[Object], Any], patience: float = PATIENCE) -> Object:
        """Read an object until something holds of it; return it. Fails with the status seen last."""
        deadline = time.monotonic() + patience
        seen: Object | None = None
        while time.monotonic() < deadline:
            seen = self.find(kind, name)
            if seen is not None and until(seen):
                return seen
            time.sleep(0.2)
        status = json.dumps((seen or {}).get("status"), indent=1)
        raise AssertionError(f"{kind} {name} did not come to that in {patience:.0f} s; its status: {status}")


def condition(obj: Object, type_: str) -> Object:
    """Return a condition of an object; empty if it has none of that type."""
    conditions = obj.get("status", {}).get("conditions", [])
    return next((found for found in conditions if found["type"] == type_), {})


def settled(obj: Object) -> bool:
    """Return whether a model is as its spec asks: observed, Ready, neither Reconciling nor Stalled."""
    return (
        obj.get("status", {}).get("observedGeneration") == obj["metadata"]["generation"]
        and condition(obj, "Ready").get("status") == "True"
        and condition(obj, "Reconciling").get("status") == "False"
        and condition(obj, "Stalled").get("status") == "False"
    )


def stalled(reason: str) -> Callable[[Object], bool]:
    """Return a check for a model that is stalled for a reason."""

    def check(obj: Object) -> bool:
        found = condition(obj, "Stalled")
        return found.get("status") == "True" and found.get("reason") == reason

    return check


def eventually(what: str, check: Callable[[], Any], patience: float = PATIENCE) -> Any:
    """Return a check's first true value; fails after ``patience`` seconds, naming ``what``."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if found := check():
            return found
        time.sleep(0.2)
    raise AssertionError(f"not within {patience:.0f} s: {what}")


def entry(kubectl: Kubectl, model: str) -> str:
    """Return host:port of a model's entry Service, which the host of the node reaches too."""
    return f"{kubectl.get('service', model)['spec']['clusterIP']}:8000"
