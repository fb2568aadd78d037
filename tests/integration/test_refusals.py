"""What only the API server can say becomes a condition with the remedy, and costs what serves nothing.

API server, controllers and scheduler are real, and refuse for real; pods are played by KWOK. What only a kubelet can
say is a play.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from onnx_operator.decide import reasons
from onnx_operator.decide.refusal import trouble_of_refusal
from tests.cluster.kwok import PLAY
from tests.cluster.plane import ControlPlane
from tests.cluster.rest import Object, RestError
from tests.e2e.kubectl import condition, settled
from tests.integration import operator_process
from tests.integration.admission_server import AdmissionServer
from tests.integration.installation import OPERATOR_NAMESPACE, forget_lease
from tests.integration.namespace import Namespace
from tests.integration.operator_process import OperatorProcess
from tests.integration.refusal_cases import CASES, Case, Place
from tests.integration.scenarios import AT_ONCE

OLD, NEW = "s3://models/digits/1/model.onnx", "s3://models/digits/2/model.onnx"


@pytest.fixture(scope="module")
def operator(
    plane: ControlPlane, kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OperatorProcess]:
    """One operator of the whole cluster for all refusals; nothing of the kind may make it stumble."""
    log = tmp_path_factory.mktemp("refusals") / "operator.log"
    process = operator_process.start(kubeconfig, log, "--own-namespace", OPERATOR_NAMESPACE)
    process.wait_leading()
    yield process
    process.check()
    loud = [line for line in process.lines() if "exception" in line or "Traceback" in str(line)]
    process.kill()
    forget_lease(plane)
    assert loud == []


@pytest.fixture
def place(plane: ControlPlane, namespace: Namespace, tmp_path: Path) -> Iterator[Place]:
    """Where a refusal is made, with a webhook at hand."""
    webhook = AdmissionServer(tmp_path / "webhook")
    yield Place(plane, namespace, webhook)
    webhook.stop()


def serving(namespace: Namespace) -> Object:
    """Return what clients have: the entry, its revision's Deployment, and the pods."""
    entry = namespace.get("Service", "digits")
    assert entry is not None
    selector = entry["spec"]["selector"]
    revision = selector["onnx-operator.dev/revision"]
    deployment = namespace.get("Deployment", revision)
    assert deployment is not None
    pods = namespace.list("Pod", f"onnx-operator.dev/revision={revision}")
    return {
        "entry": (entry["metadata"]["uid"], selector),
        "deployment": (deployment["metadata"]["uid"], deployment["metadata"]["generation"]),
        "pods": sorted((pod["metadata"]["uid"], condition(pod, "Ready").get("status")) for pod in pods),
    }


def says(reason: str, stuck: bool) -> Callable[[Object], bool]:
    """Return a check for a model whose spec is not reached for this reason, with Stalled or Reconciling True."""

    def check(model: Object) -> bool:
        found = condition(model, "Reconciling")
        current = model.get("status", {}).get("observedGeneration") == model["metadata"]["generation"]
        is_stuck = condition(model, "Stalled").get("status") == "True"
        return current and found.get("reason") == reason and is_stuck == stuck

    return check


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_a_refused_version_is_named_with_the_remedy_and_served_once_that_is_done_with_pods_played_by_kwok(
    case: Case, operator: OperatorProcess, place: Place
) -> None:
    namespace = place.namespace
    namespace.model("digits", model={"uri": OLD})
    old = namespace.wait("ONNXModel", "digits", settled)["status"]["stableRevision"]
    before = serving(namespace)
    try:
        case.set_up(place)
        spec = json.loads(json.dumps(case.spec).replace("NAMESPACE", namespace.name))
        namespace.model("digits", model={"uri": NEW}, rollout=AT_ONCE, **spec)
        model = namespace.wait("ONNXModel", "digits", says(case.reason, case.stuck))

        message = condition(model, "Reconciling")["message"]
        for words in case.words:
            assert words.replace("NAMESPACE", namespace.name) in message
        assert message.endswith(f"{old} goes on serving.")
        assert condition(model, "Ready")["status"] == "True"
        assert model["status"]["stableRevision"] == old
        assert serving(namespace) == before

        case.cure(place)
        cured = namespace.wait("ONNXModel", "digits", settled)
    finally:
        case.tidy(place)
    assert cured["metadata"]["generation"] == model["metadata"]["generation"], "nobody touched the spec"
    assert cured["status"]["stableRevision"] == model["status"]["candidateRevision"]


def test_a_first_version_that_is_refused_says_so_and_is_served_once_it_is_cured_with_pods_played_by_kwok(
    operator: OperatorProcess, place: Place
) -> None:
    case, namespace = CASES["a service account"], place.namespace
    namespace.model("digits", model={"uri": OLD}, **case.spec)
    model = namespace.wait("ONNXModel", "digits", says(case.reason, case.stuck))
    assert condition(model, "Ready")["status"] == "False"
    assert condition(model, "Ready")["reason"] == case.reason
    case.cure(place)
    namespace.wait("ONNXModel", "digits", settled)


@pytest.mark.parametrize(
    ("play", "reason", "stuck", "words"),
    [
        ("SecretMissing", "SecretMissing", True, "Make Secret store in this namespace, or change spec.model.cred"),
        ("ConfigMapMissing", "ConfigMapMissing", True, "Make ConfigMap played in this namespace"),
        ("VolumeMissing", "PreparingPod", False, "Its volumes need Secret keys."),
    ],
)
def test_what_a_pod_played_by_kwok_lacks_is_named_and_it_is_served_once_that_is_there(
    play: str, reason: str, stuck: bool, words: str, operator: OperatorProcess, namespace: Namespace
) -> None:
    template = {"annotations": {PLAY: play}, "volumes": [{"name": "keys", "secret": {"secretName": "keys"}}]}
    source = {"uri": OLD, "credentials": {"secretName": "store"}}
    namespace.model("digits", model=source, podTemplate=template)
    model = namespace.wait("ONNXModel", "digits", says(reason, stuck))
    assert words in condition(model, "Reconciling")["message"]
    (pod,) = namespace.list("Pod")
    namespace.patch("Pod", pod["metadata"]["name"], {"metadata": {"annotations": {PLAY: "Ready"}}})
    namespace.wait("ONNXModel", "digits", settled)


def test_what_a_namespace_that_is_being_deleted_refuses_is_known(plane: ControlPlane, namespace: Namespace) -> None:
    held = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "held", "finalizers": ["example.com/held"]}}
    namespace.apply(held)
    plane.rest.delete(f"/api/v1/namespaces/{namespace.name}")
    with pytest.raises(RestError) as refused:
        namespace.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "new"}})
    namespace.patch("ConfigMap", "held", {"metadata": {"finalizers": None}})

    found = trouble_of_refusal(refused.value.status["message"], "ConfigMap new", refused.value.code)
    assert (found.reason, found.stuck) == (reasons.NAMESPACE_TERMINATING, False)
    assert f"Namespace {namespace.name} is being deleted" in found.message
