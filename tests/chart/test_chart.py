"""The chart, as helm itself lints and renders it."""

import json
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from onnx_operator.api.crd import manifest
from onnx_operator.cli import parser
from tests.cluster import tools

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts" / "onnx-operator"


@pytest.fixture(scope="session")
def helm() -> Path:
    return tools.binary("helm")


def run(helm: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([helm, *arguments], capture_output=True, text=True, check=False)


def render(helm: Path, *arguments: str) -> list[dict[str, Any]]:
    done = run(helm, "template", "onnx-operator", str(CHART), "--namespace", "onnx-operator", *arguments)
    assert done.returncode == 0, done.stderr
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def of_kind(documents: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [document for document in documents if document["kind"] == kind]


def test_helm_lints_the_chart(helm: Path) -> None:
    done = run(helm, "lint", "--strict", str(CHART))
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_crd_is_the_generated_one_here_and_in_crds(helm: Path) -> None:
    assert (CHART / "files" / "onnxmodels.yaml").read_text() == manifest(), "run `make crds`"
    assert (ROOT / "crds" / "onnxmodels.yaml").read_text() == manifest(), "run `make crds`"
    (rendered,) = of_kind(render(helm), "CustomResourceDefinition")
    assert rendered == yaml.safe_load(manifest())


def test_uninstalling_keeps_the_crd_and_so_the_models(helm: Path) -> None:
    (crd,) = of_kind(render(helm), "CustomResourceDefinition")
    assert crd["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    assert not of_kind(render(helm, "--set", "crds.install=false"), "CustomResourceDefinition")


def test_the_operator_takes_every_argument_that_the_chart_gives(helm: Path) -> None:
    (deployment,) = of_kind(render(helm, "--set", "namespaces={a,b}"), "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    options = parser().parse_args(container["args"])
    assert options.server_image == "ghcr.io/onnx-operator/server:0.1.0"
    assert options.namespaces == "a,b"
    assert container["image"] == "ghcr.io/onnx-operator/operator:0.1.0"


def test_the_operator_runs_without_any_right_on_its_node(helm: Path) -> None:
    (deployment,) = of_kind(render(helm), "Deployment")
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_no_rule_is_a_wildcard_and_secrets_are_held_to_the_signing_key(helm: Path) -> None:
    documents = render(helm)
    for role in of_kind(documents, "ClusterRole") + of_kind(documents, "Role"):
        for rule in role["rules"]:
            assert "*" not in rule["verbs"] + rule["resources"] + rule["apiGroups"]
            if "secrets" in rule["resources"]:
                assert role["kind"] == "Role"
                assert rule["verbs"] == ["create"] or rule["resourceNames"] == ["onnx-operator-signing-key"]
    assert not any("onnxmodels" in rule["resources"] and "patch" in rule["verbs"]
                   for role in of_kind(documents, "ClusterRole") if role["metadata"]["name"] == "onnx-operator"
                   for rule in role["rules"]), "the operator never writes a model's spec or metadata"  # fmt: skip


def test_with_namespaces_the_operator_has_no_right_elsewhere(helm: Path) -> None:
    documents = render(helm, "--set", "namespaces={a,b}")
    assert not of_kind(documents, "ClusterRoleBinding")
    assert {role["metadata"]["namespace"] for role in of_kind(documents, "Role")} == {"a", "b", "onnx-operator"}


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ("workers=0", "workers"),
        ("image.repository=", "image/repository"),
        ("image.pullPolicy=Sometimes", "image/pullPolicy"),
        ("namespaces={A_B}", "namespaces/0"),
        ("drainSeconds=5", "drainSeconds"),
        ("log.level=TRACE", "log/level"),
    ],
)
def test_a_wrong_value_is_refused_by_name(helm: Path, value: str, named: str) -> None:
    done = run(helm, "template", "x", str(CHART), "--set", value)
    assert done.returncode != 0
    assert named in done.stderr


def test_the_default_values_satisfy_their_own_schema_and_leave_none_out() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    schema = json.loads((CHART / "values.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(values, schema)
    assert set(schema["properties"]) - {"global"} == set(values)


def test_the_notes_name_the_next_command(helm: Path) -> None:
    done = run(helm, "install", "onnx-operator", str(CHART), "--dry-run=client", "--namespace", "models")
    assert done.returncode == 0, done.stderr
    assert "kubectl -n models rollout status deployment/onnx-operator" in done.stdout
    assert "kubectl apply -f -" in done.stdout
