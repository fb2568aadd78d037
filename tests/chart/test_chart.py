"""The chart, as helm itself lints and renders it."""

import pytest
import yaml

from onnx_operator.api.crd import manifest
from onnx_operator.cli import parser, settings_of
from tests.chart.rendering import is_test, of_kind, operator_pod, render, run
from tests.chart.values import CHART

ROOT = CHART.parents[1]
RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


@pytest.mark.parametrize(
    "values",
    [
        (),
        ("watchNamespaces={a,b}", "crds.install=false"),
        ("networkPolicy.enabled=true", "metrics.serviceMonitor.enabled=true", "metrics.prometheusRule.enabled=true"),
    ],
    ids=["default", "namespaces", "all toggles"],
)
def test_helm_lints_the_chart(values: tuple[str, ...]) -> None:
    done = run("lint", "--strict", CHART, *(part for value in values for part in ("--set", value)))
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_crd_is_the_generated_one_here_and_in_crds() -> None:
    assert (CHART / "files" / "onnxmodels.yaml").read_text() == manifest(), "run `make crds`"
    assert (ROOT / "crds" / "onnxmodels.yaml").read_text() == manifest(), "run `make crds`"
    (rendered,) = of_kind(render(), "CustomResourceDefinition")
    assert rendered == yaml.safe_load(manifest())


def test_uninstalling_keeps_the_crd_and_so_the_models() -> None:
    (crd,) = of_kind(render(), "CustomResourceDefinition")
    assert crd["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    assert not of_kind(render("crds.install=false"), "CustomResourceDefinition")


def test_the_operator_takes_every_argument_that_the_chart_gives() -> None:
    (container,) = operator_pod(render("watchNamespaces={a,b}"))["containers"]
    options = parser().parse_args(container["args"])
    assert (options.prometheus_url, options.prometheus_token_file, options.webhook_hosts) == ("", "", "")
    assert options.server_image == "ghcr.io/onnx-operator/server:0.1.0"
    assert options.namespaces == "a,b"
    assert container["image"] == "ghcr.io/onnx-operator/operator:0.1.0"


def test_the_operator_is_told_whom_it_may_ask_for_the_analysis() -> None:
    pod = operator_pod(
        render(
            "analysis.prometheusUrl=http://prometheus.monitoring:9090/prefix",
            "analysis.prometheusTokenSecret=prometheus",
            "analysis.caSecret=our-ca",
            "analysis.webhookHosts={hooks.example,[fd00::1]:8080}",
        )
    )
    (container,) = pod["containers"]
    settings = settings_of(parser().parse_args(container["args"]))
    assert settings.prometheus_url == "http://prometheus.monitoring:9090/prefix"
    assert settings.webhook_hosts == ("hooks.example", "[fd00::1]:8080")
    for name, secret, file in (
        ("prometheus-token", "prometheus", settings.prometheus_token_file),
        ("analysis-ca", "our-ca", settings.analysis_ca_file),
    ):
        (mount,) = [mount for mount in container["volumeMounts"] if mount["name"] == name]
        (volume,) = [volume["secret"] for volume in pod["volumes"] if volume["name"] == name]
        assert (volume["secretName"], volume["optional"]) == (secret, True)
        assert file == f"{mount['mountPath']}/{volume['items'][0]['path']}"


def test_helm_test_takes_every_argument_that_the_chart_gives() -> None:
    (pod,) = [document for document in render("replicas=3") if document["kind"] == "Pod"]
    assert is_test(pod)
    options = parser().parse_args(pod["spec"]["containers"][0]["args"])
    assert (options.command, options.replicas, options.namespace) == ("check", 3, "onnx-operator")
    assert options.url == "http://onnx-operator-metrics.onnx-operator.svc:8080"


@pytest.mark.parametrize("kind", ["Deployment", "Pod"])
def test_pods_run_without_any_right_on_their_node(kind: str) -> None:
    (document,) = [document for document in render() if document["kind"] == kind]
    pod = document["spec"]["template"]["spec"] if kind == "Deployment" else document["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == RESTRICTED


def test_no_selector_of_the_operator_takes_the_pod_of_helm_test() -> None:
    documents = render("networkPolicy.enabled=true")
    (pod,) = [document for document in documents if document["kind"] == "Pod"]
    (service,) = of_kind(documents, "Service")
    selectors = [service["spec"]["selector"]]
    selectors += [
        (document["spec"].get("selector") or document["spec"]["podSelector"])["matchLabels"]
        for document in of_kind(documents, "Deployment", "PodDisruptionBudget", "NetworkPolicy")
    ]
    assert len(selectors) == 4
    for selector in selectors:
        assert not selector.items() <= pod["metadata"]["labels"].items()


def test_replicas_spread_over_nodes_where_that_is_possible() -> None:
    (constraint,) = operator_pod(render())["topologySpreadConstraints"]
    (deployment,) = of_kind(render(), "Deployment")
    assert (constraint["topologyKey"], constraint["whenUnsatisfiable"]) == ("kubernetes.io/hostname", "ScheduleAnyway")
    assert constraint["labelSelector"] == deployment["spec"]["selector"]
    assert constraint["matchLabelKeys"] == ["pod-template-hash"]
    assert "topologySpreadConstraints" not in operator_pod(render("topologySpreadConstraints=null"))
    mine = [f"topologySpreadConstraints[0].{part}" for part in ("maxSkew=2", "topologyKey=zone")]
    mine += [f"topologySpreadConstraints[0].{part}" for part in ("whenUnsatisfiable=DoNotSchedule",)]
    (zone,) = operator_pod(render(*mine, "topologySpreadConstraints[0].labelSelector.matchLabels.a=b"))[
        "topologySpreadConstraints"
    ]
    assert zone == {
        "maxSkew": 2,
        "topologyKey": "zone",
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"a": "b"}},
    }


def test_a_budget_is_there_for_two_replicas_and_not_for_one() -> None:
    (budget,) = of_kind(render(), "PodDisruptionBudget")
    assert budget["spec"]["maxUnavailable"] == 1
    assert not of_kind(render("replicas=1"), "PodDisruptionBudget")
    assert not of_kind(render("podDisruptionBudget.enabled=false"), "PodDisruptionBudget")


def test_the_operators_and_the_tests_pods_run_where_they_are_told_to() -> None:
    documents = render(
        "priorityClassName=high", "nodeSelector.disk=ssd", "tolerations[0].key=gpu", "imagePullSecrets[0].name=mine"
    )
    (test,) = [document["spec"] for document in documents if document["kind"] == "Pod"]
    for pod in (operator_pod(documents), test):
        assert pod["priorityClassName"] == "high"
        assert pod["nodeSelector"] == {"disk": "ssd"}
        assert pod["tolerations"] == [{"key": "gpu"}]
        assert pod["imagePullSecrets"] == [{"name": "mine"}]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ((), "watches all namespaces"),
        (("watchNamespaces={a,b}",), "watches namespaces a, b"),
        (("watchNamespaces={a,b}",), "kubectl -n a create rolebinding"),
        (("crds.install=false",), "kubectl apply -f crds/onnxmodels.yaml"),
    ],
)
def test_the_notes_say_what_was_installed_and_what_it_needs(values: tuple[str, ...], said: str) -> None:
    options = [part for value in values for part in ("--set", value)]
    done = run("install", "onnx-operator", CHART, "--dry-run=client", "--namespace", "models", *options)
    assert done.returncode == 0, done.stderr
    assert said in done.stdout
    assert "kubectl -n models rollout status deployment/onnx-operator" in done.stdout
    assert "helm test onnx-operator --namespace models" in done.stdout
    assert "kubectl apply -f -" in done.stdout
