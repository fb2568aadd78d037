"""The operator against a real API server; nodes and pods are played by KWOK, control ports by a stand-in."""

import hashlib
import urllib.error
import urllib.request
from ipaddress import ip_address

import jwt
import pytest

from tests.cluster.kwok import CONTENT, PLAY, SIGNATURE
from tests.cluster.plane import ControlPlane
from tests.cluster.rest import Object
from tests.e2e.kubectl import condition, eventually, settled, stalled
from tests.integration.audit import Audit, said
from tests.integration.end_state import end_state
from tests.integration.installation import forget_lease
from tests.integration.namespace import Namespace
from tests.integration.operator_process import OperatorProcess, StartOperator

URI = "s3://models/digits/1/model.onnx"


def playing(play: str) -> Object:
    """Return the part of a spec that makes its pods play something."""
    return {"annotations": {PLAY: play}}


def facts(address: str, audience: str) -> tuple[int, str]:
    """Ask a control port with a token for a pod; return status and body."""
    token = jwt.encode({"aud": audience}, "any key, because signatures are not checked", algorithm="HS256")
    request = urllib.request.Request(f"http://{address}:9000/v1/facts", headers={"Authorization": f"Bearer {token}"})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_a_model_becomes_ready_with_pods_played_by_kwok(operator: OperatorProcess, namespace: Namespace) -> None:
    namespace.model("digits", model={"uri": URI}, scaling={"minReplicas": 2})
    model = namespace.wait("ONNXModel", "digits", settled)

    revision = model["status"]["revisions"][0]
    assert revision["digest"] == f"sha256:{hashlib.sha256(URI.encode()).hexdigest()}"
    assert (revision["role"], revision["ready"]) == ("Stable", 2)
    assert model["status"]["signature"]["inputs"] == [{"name": "x", "datatype": "FP32", "shape": [-1, 64]}]
    assert namespace.get("Service", "digits") is not None


def test_pods_played_by_kwok_have_addresses_of_their_own_where_a_control_port_answers(
    operator: OperatorProcess, namespace: Namespace, plane: ControlPlane
) -> None:
    signature = '{"inputs": [], "outputs": [{"name": "out", "datatype": "INT64", "shape": [1]}]}'
    template = {"annotations": {SIGNATURE: signature, CONTENT: "some bytes"}}
    namespace.model("digits", model={"uri": URI}, scaling={"minReplicas": 3}, podTemplate=template)
    model = namespace.wait("ONNXModel", "digits", settled)

    assert model["status"]["signature"]["outputs"] == [{"name": "out", "datatype": "INT64", "shape": [1]}]
    pods = namespace.list("Pod")
    addresses = {pod["status"]["podIP"] for pod in pods}
    assert len(addresses) == 3
    assert all(ip_address(address) in plane.place.pods for address in addresses)
    first, second, _ = pods
    status, body = facts(first["status"]["podIP"], first["metadata"]["uid"])
    assert (status, hashlib.sha256(b"some bytes").hexdigest() in body) == (200, True)
    assert facts(first["status"]["podIP"], second["metadata"]["uid"])[0] == 401


def test_a_second_reconcile_writes_nothing_with_pods_played_by_kwok(
    start_operator: StartOperator, operator: OperatorProcess, namespace: Namespace, audit: Audit
) -> None:
    before = audit.position()
    namespace.model("digits", model={"uri": URI}, scaling={"minReplicas": 2})
    namespace.wait("ONNXModel", "digits", settled)
    assert audit.writes(before, namespace=namespace.name) != []

    operator.wait_idle()
    settled_at, reconciled = audit.position(), operator.reconciles()
    namespace.patch("ONNXModel", "digits", {"metadata": {"annotations": {"somebody": "else"}}})
    operator.wait_idle(more_than=reconciled)
    assert said(audit.writes(settled_at)) == []

    operator.stop()
    another = start_operator()
    another.wait_leading()
    another.wait_idle()
    assert said(audit.writes(settled_at)) == []


@pytest.mark.parametrize(
    ("play", "reason"),
    [
        ("ModelNotFound", "ModelNotFound"),
        ("UnsupportedOpset", "UnsupportedOpset"),
        ("CrashLoop", "CrashLoop"),
        ("OutOfMemory", "OutOfMemory"),
        ("ImagePullBackOff", "ImagePullFailed"),
    ],
)
def test_a_failure_played_by_kwok_becomes_the_condition_and_passes_with_a_good_spec(
    operator: OperatorProcess, namespace: Namespace, play: str, reason: str
) -> None:
    namespace.model("digits", model={"uri": URI}, podTemplate=playing(play))
    model = namespace.wait("ONNXModel", "digits", stalled(reason))
    assert condition(model, "Ready")["status"] == "False"

    namespace.model("digits", model={"uri": URI})
    namespace.wait("ONNXModel", "digits", settled)


@pytest.mark.parametrize(("play", "reason"), [("Fetching", "FetchingModel"), ("Loading", "LoadingModel")])
def test_a_pod_that_kwok_holds_on_its_way_is_reconciling_until_it_is_let_go(
    operator: OperatorProcess, namespace: Namespace, play: str, reason: str
) -> None:
    namespace.model("digits", model={"uri": URI}, podTemplate=playing(play))
    namespace.wait("ONNXModel", "digits", lambda model: condition(model, "Reconciling").get("reason") == reason)
    (pod,) = namespace.list("Pod")
    namespace.patch("Pod", pod["metadata"]["name"], {"metadata": {"annotations": {PLAY: "Ready"}}})
    namespace.wait("ONNXModel", "digits", settled)


def test_a_deleted_pod_played_by_kwok_is_replaced_and_a_deleted_model_leaves_nothing(
    operator: OperatorProcess, namespace: Namespace
) -> None:
    namespace.model("digits", model={"uri": URI})
    namespace.wait("ONNXModel", "digits", settled)
    (first,) = namespace.list("Pod")
    namespace.delete("Pod", first["metadata"]["name"])

    def replaced() -> bool:
        uids = [pod["metadata"]["uid"] for pod in namespace.list("Pod")]
        return len(uids) == 1 and first["metadata"]["uid"] not in uids

    eventually("a new pod in the place of the deleted one", replaced)
    namespace.wait("ONNXModel", "digits", settled)
    namespace.delete("ONNXModel", "digits")
    eventually("nothing is left", lambda: not end_state(namespace) and not namespace.list("Pod"))


def test_a_killed_operator_comes_to_the_same_end_with_pods_played_by_kwok(
    start_operator: StartOperator, operator: OperatorProcess, namespace: Namespace, audit: Audit, plane: ControlPlane
) -> None:
    namespace.model("unkilled", model={"uri": URI})
    namespace.wait("ONNXModel", "unkilled", settled)
    expected = end_state(namespace)
    namespace.delete("ONNXModel", "unkilled")
    eventually("nothing is left", lambda: not end_state(namespace))

    before = audit.position()
    namespace.model("unkilled", model={"uri": URI})
    while not audit.writes(before, namespace=namespace.name):
        pass
    operator.kill()
    forget_lease(plane)
    start_operator()
    namespace.wait("ONNXModel", "unkilled", settled)
    assert end_state(namespace) == expected


@pytest.mark.parametrize("kill", [False, True], ids=["stopped", "killed"])
def test_the_operator_outlives_a_restart_of_the_api_server_with_pods_played_by_kwok(
    operator: OperatorProcess, namespace: Namespace, plane: ControlPlane, kill: bool
) -> None:
    namespace.model("before", model={"uri": URI})
    namespace.wait("ONNXModel", "before", settled)
    plane.restart_api_server(kill=kill)
    namespace.model("after", model={"uri": URI})
    namespace.wait("ONNXModel", "after", settled)
    operator.check()
    plane.check()


def test_an_operator_that_starts_before_the_api_server_waits_for_it_with_pods_played_by_kwok(
    start_operator: StartOperator, namespace: Namespace, plane: ControlPlane
) -> None:
    plane.stop_api_server()
    try:
        operator = start_operator()
        operator.wait("alive", lambda: operator.answers("/healthz"))
        assert not operator.answers("/readyz")
    finally:
        plane.start_api_server()
    operator.wait_leading()
    namespace.model("digits", model={"uri": URI})
    namespace.wait("ONNXModel", "digits", settled)
    plane.check()
