"""The chart as helm renders it."""

import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.chart.values import CHART
from tests.cluster import tools

Object = dict[str, Any]

NAMESPACE = "onnx-operator"


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run helm."""
    return subprocess.run([tools.binary("helm"), *arguments], capture_output=True, text=True, check=False)


def render(*sets: str, release: str = "onnx-operator") -> list[Object]:
    """Return what the chart makes with values given as `name=value`; numbers and lists as in helm's --set."""
    options = [part for value in sets for part in ("--set", value)]
    done = run("template", release, CHART, "--namespace", NAMESPACE, *options)
    assert done.returncode == 0, done.stderr
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def of_kind(documents: list[Object], *kinds: str) -> list[Object]:
    """Return the documents of these kinds that are no hooks of `helm test`."""
    return [document for document in documents if document["kind"] in kinds and not is_test(document)]


def is_test(document: Object) -> bool:
    """Whether `helm test` makes it, and not the installation."""
    hook: str = document["metadata"].get("annotations", {}).get("helm.sh/hook", "")
    return hook == "test"


def operator_pod(documents: list[Object]) -> Object:
    """Return the spec of the operator's pods."""
    (deployment,) = of_kind(documents, "Deployment")
    spec: Object = deployment["spec"]["template"]["spec"]
    return spec
