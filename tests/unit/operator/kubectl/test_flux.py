"""The expressions of docs/gitops/flux, by the CEL implementation in C++, in the order in which Flux asks them.

https://github.com/fluxcd/pkg/blob/main/runtime/cel/status_evaluator.go
"""

import re
from typing import Any

import pytest
import yaml
from cel_expr_python import cel

from tests.unit.operator.kubectl.generated import DOCS
from tests.unit.operator.kubectl.recorded_states import STATES, model

Object = dict[str, Any]

FILE = DOCS / "gitops" / "flux" / "kustomization.yaml"
FAILED, CURRENT, IN_PROGRESS, ERROR = "Failed", "Current", "InProgress", "error"

EXPECTED = {
    "aborted": FAILED,
    "healthy": CURRENT,
    "rolled-back": FAILED,
    "rolling-back": FAILED,
    "stalled": FAILED,
    "suspended": CURRENT,
    "unmanaged": CURRENT,
    # Flux looks again: an expression about a field that is not there yet is an error to it, and no verdict.
    "unseen": ERROR,
}


def expressions() -> Object:
    (checks,) = yaml.safe_load(FILE.read_text())["spec"]["healthCheckExprs"]
    assert (checks["apiVersion"], checks["kind"]) == ("onnx-operator.dev/v1alpha1", "ONNXModel")
    return {name: checks[name] for name in ("inProgress", "failed", "current")}


def health(obj: Object, checks: Object) -> str:
    environment = cel.NewEnv(variables=dict.fromkeys(("metadata", "spec", "status"), cel.Type.DYN))
    seen = obj.get("status", {}).get("observedGeneration")
    if seen is not None and seen != obj["metadata"]["generation"]:
        return IN_PROGRESS
    for name, verdict in (("inProgress", IN_PROGRESS), ("failed", FAILED), ("current", CURRENT)):
        result = environment.compile(checks[name]).eval(data=obj)
        if result.type() == cel.Type.ERROR:
            return ERROR
        if result.value():
            return verdict
    return IN_PROGRESS


@pytest.mark.parametrize("state", STATES)
def test_health(state: str) -> None:
    assert health(model(state), expressions()) == EXPECTED.get(state, IN_PROGRESS)


def test_a_first_version_without_pods_that_nobody_works_on_has_failed() -> None:
    broken = model("healthy")
    for condition in broken["status"]["conditions"]:
        if condition["type"] == "Ready":
            condition |= {"status": "False", "reason": "WaitingForPods"}
    assert health(broken, expressions()) == FAILED


def test_the_pages_way_past_a_pause() -> None:
    page = (DOCS / "gitops.md").read_text()
    (snippet,) = re.findall(r"```yaml\n(inProgress: .+?)```", page, re.DOTALL)
    patient = expressions() | yaml.safe_load(snippet)
    assert {
        state: health(model(state), patient)
        for state in ("paused", "inconclusive", "shadow", "progressing", "healthy", "aborted")
    } == {
        "paused": CURRENT,
        "inconclusive": CURRENT,
        "shadow": IN_PROGRESS,
        "progressing": IN_PROGRESS,
        "healthy": CURRENT,
        "aborted": FAILED,
    }
