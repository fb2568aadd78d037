from typing import Any

import pytest

from onnx_operator.decide import reasons
from onnx_operator.decide.trouble import fetched_digest, trouble_of
from tests.unit.operator.situations import (
    container,
    deployment,
    digest,
    failed,
    fetched,
    fetching_pod,
    loading_pod,
    pod,
    ready_pod,
    terminated,
)

Object = dict[str, Any]

BACK_OFF: Object = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s restarting failed container"}}


def waiting(reason: str, message: str | None = None) -> Object:
    return {"waiting": {"reason": reason} | ({"message": message} if message else {})}


def fetch_says(reason: str, restarts: int = 0) -> Object:
    return pod(init=(container("fetch", BACK_OFF, restarts=restarts, last=failed(reason)),))


def server_ended(state: Object, restarts: int, code: int = 1, reason: str = "Error") -> Object:
    ended = terminated(code, "Traceback: not for machines", reason)
    server = container("server", state, restarts=restarts, last=None if "terminated" in state else ended)
    return pod(init=(fetched(),), containers=(server,))


def server_waits(reason: str, message: str) -> Object:
    return pod(init=(fetched(),), containers=(container("server", waiting(reason, message)),))


def unschedulable(message: str) -> Object:
    said = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    claims = [
        {"name": "model", "emptyDir": {}},
        {"name": "weights", "persistentVolumeClaim": {"claimName": "weights"}},
        {"name": "scratch", "ephemeral": {"volumeClaimTemplate": {}}},
    ]
    return {**pod(conditions=(said,)), "spec": {"volumes": claims}}


UNSCHEDULABLE = unschedulable("0/3 nodes are available: 3 Insufficient nvidia.com/gpu.")

SITUATIONS: dict[str, tuple[Object, str, bool, str]] = {
    "no node": (UNSCHEDULABLE, reasons.UNSCHEDULABLE, False, "Insufficient nvidia.com/gpu"),
    "pull backs off": (
        pod(init=(container("fetch", waiting("ImagePullBackOff", "Back-off pulling image")),)),
        reasons.IMAGE_PULL_FAILED,
        True,
        "spec.server.image",
    ),
    "no such image name": (
        pod(init=(container("fetch", waiting("InvalidImageName")),)),
        reasons.IMAGE_PULL_FAILED,
        True,
        "InvalidImageName",
    ),
    "no volume claim": (
        unschedulable(
            '0/1 nodes are available: persistentvolumeclaim "weights" not found. not found. preemption: 0/1 nodes are '
            "available: 1 Preemption is not helpful for scheduling."
        ),
        reasons.VOLUME_CLAIM_MISSING,
        True,
        "Make PersistentVolumeClaim weights",
    ),
    "a volume claim that goes": (
        unschedulable('0/1 nodes are available: persistentvolumeclaim "weights" is being deleted.'),
        reasons.VOLUME_CLAIM_MISSING,
        True,
        "spec.podTemplate.volumes",
    ),
    "a volume claim without volume": (
        unschedulable("0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims."),
        reasons.VOLUME_UNBOUND,
        False,
        "why weights, p-scratch has no volume, e.g. that its StorageClass does not exist",
    ),
    "a lost volume": (
        unschedulable('persistentvolumeclaim "weights" bound to non-existent persistentvolume "pv-1"'),
        reasons.VOLUME_UNBOUND,
        False,
        "kubectl describe pvc",
    ),
    "no such secret": (
        pod(init=(container("fetch", waiting("CreateContainerConfigError", 'secret "s3" not found')),)),
        reasons.SECRET_MISSING,
        True,
        "Make Secret s3 in this namespace, or change spec.podTemplate.env",
    ),
    "no such secret of the model": (
        {
            **pod(init=(container("fetch", waiting("CreateContainerConfigError", 'secret "s3" not found')),)),
            "spec": {"initContainers": [{"name": "fetch", "envFrom": [{"secretRef": {"name": "s3"}}]}]},
        },
        reasons.SECRET_MISSING,
        True,
        "or change spec.model.credentials.secretName",
    ),
    "no such key of a secret": (
        server_waits("CreateContainerConfigError", "couldn't find key TOKEN in Secret team/store"),
        reasons.SECRET_MISSING,
        True,
        "Give Secret store the key TOKEN",
    ),
    "no such config map": (
        server_waits("CreateContainerConfigError", 'configmap "flags" not found'),
        reasons.CONFIG_MAP_MISSING,
        True,
        "Make ConfigMap flags",
    ),
    "no such key of a config map": (
        server_waits("CreateContainerConfigError", "couldn't find key level in ConfigMap team/flags"),
        reasons.CONFIG_MAP_MISSING,
        True,
        "Give ConfigMap flags the key level",
    ),
    "a container that cannot be made": (
        server_waits("CreateContainerError", "failed to generate container spec: no command specified"),
        reasons.CONTAINER_CONFIG_ERROR,
        True,
        "no command specified. Check spec.server.image",
    ),
    "no volumes yet": (
        {
            **pod(conditions=({"type": "PodReadyToStartContainers", "status": "False"},)),
            "spec": {
                "volumes": [
                    {"name": "a", "secret": {"secretName": "keys"}},
                    {"name": "b", "configMap": {"name": "flags", "optional": True}},
                    {"name": "c", "projected": {"sources": [{"secret": {"name": "more"}}]}},
                    {"name": "d", "persistentVolumeClaim": {"claimName": "weights"}},
                    {"name": "e", "emptyDir": {}},
                ]
            },
        },
        reasons.PREPARING_POD,
        False,
        "need Secret keys, Secret more, PersistentVolumeClaim weights. If that lasts, its events say why: kubectl desc",
    ),
    "model not found, first time": (
        pod(init=(container("fetch", failed("ModelNotFound")),)),
        "ModelNotFound",
        True,
        "in words",
    ),
    "model not found, between tries": (fetch_says("ModelNotFound", 5), "ModelNotFound", True, "in words"),
    "model not found, trying again": (
        pod(init=(container("fetch", {"running": {}}, restarts=5, last=failed("ModelNotFound")),)),
        "ModelNotFound",
        True,
        "in words",
    ),
    "store unreachable, once": (fetch_says("StoreUnreachable", 1), "StoreUnreachable", False, "in words"),
    "store unreachable, for long": (fetch_says("StoreUnreachable", 2), "StoreUnreachable", True, "in words"),
    "the server refuses the model": (
        pod(init=(fetched(),), containers=(container("server", failed("UnsupportedOpset")),)),
        "UnsupportedOpset",
        True,
        "in words",
    ),
    "ended once": (server_ended({"running": {}}, 1), reasons.CRASH_LOOP, False, "exit code 1"),
    "ends again and again": (
        server_ended(BACK_OFF, 1),
        reasons.CRASH_LOOP,
        True,
        "kubectl logs p -c server --previous",
    ),
    "runs between two ends": (server_ended({"running": {}}, 2), reasons.CRASH_LOOP, True, "2 restarts"),
    "out of memory": (
        server_ended(BACK_OFF, 1, 137, "OOMKilled"),
        reasons.OUT_OF_MEMORY,
        True,
        "spec.resources.limits.memory",
    ),
}


@pytest.mark.parametrize(("shown", "reason", "stuck", "words"), SITUATIONS.values(), ids=SITUATIONS)
def test_a_pods_trouble_is_named_with_the_remedy(shown: Object, reason: str, stuck: bool, words: str) -> None:
    made_of = {"spec": {"template": {"spec": shown.get("spec", {})}}, "metadata": {"name": "digits-1"}}
    found = trouble_of(({**shown, "spec": {}},), made_of)
    assert found is not None
    assert (found.reason, found.stuck) == (reason, stuck)
    assert words in found.message


@pytest.mark.parametrize(
    ("reason", "passing"),
    [("ErrImagePull", True), ("ImagePullBackOff", True), ("InvalidImageName", False), ("ErrImageNeverPull", False)],
)
def test_a_pull_that_failed_is_said_at_once_and_may_pass(reason: str, passing: bool) -> None:
    found = trouble_of((pod(init=(container("fetch", waiting(reason, "429 Too Many Requests")),)),), None)
    assert found is not None
    assert (found.reason, found.stuck, found.passing) == (reasons.IMAGE_PULL_FAILED, True, passing)


@pytest.mark.parametrize("reason", sorted(reasons.TYPED))
def test_the_containers_own_words_come_through(reason: str) -> None:
    found = trouble_of((fetch_says(reason, 9),), None)
    assert found is not None
    assert (found.reason, found.message, found.stuck) == (reason, "in words", True)


@pytest.mark.parametrize("well", [ready_pod(), loading_pod(), fetching_pod(), pod()])
def test_a_pod_on_its_way_is_no_trouble(well: Object) -> None:
    assert trouble_of((well,), None) is None


def test_a_pod_that_came_right_is_no_trouble_any_more() -> None:
    server = container("server", {"running": {}}, ready=True, restarts=4, last=terminated(1))
    assert trouble_of((pod(init=(fetched(),), containers=(server,)),), None) is None


def test_a_pod_that_goes_down_is_no_trouble() -> None:
    going = pod(deletionTimestamp="2026-11-01T12:00:00Z", init=(container("fetch", failed("AccessDenied")),))
    assert trouble_of((going,), None) is None


def test_the_oldest_pod_speaks() -> None:
    young = pod("a", created="2026-11-01T11:00:09Z", init=(container("fetch", failed("ContentChanged")),))
    old = pod("b", created="2026-11-01T11:00:00Z", init=(container("fetch", failed("AccessDenied")),))
    found = trouble_of((young, old), None)
    assert found is not None
    assert found.reason == "AccessDenied"


@pytest.mark.parametrize("said", ["", "not JSON", "[1]", '{"result": "Failed", "reason": "Invented"}', "null"])
def test_a_message_that_is_not_the_contracts_is_a_crash(said: str) -> None:
    found = trouble_of((pod(init=(container("fetch", terminated(1, said)),)),), None)
    assert found is not None
    assert found.reason == reasons.CRASH_LOOP


def test_pods_that_are_refused_are_told_from_the_deployment() -> None:
    failure = {"type": "ReplicaFailure", "status": "True", "message": 'pods "x" is forbidden: exceeded quota: few'}
    found = trouble_of((), deployment(1, failure))
    assert found is not None
    assert found.reason == reasons.QUOTA_EXCEEDED
    assert "the pods of digits-1" in found.message
    assert trouble_of((), deployment(1, {**failure, "status": "False"})) is None


def test_a_pod_that_is_being_prepared_hides_no_real_trouble() -> None:
    prepared = pod("a", conditions=({"type": "PodReadyToStartContainers", "status": "False"},))
    failing = pod("b", created="2026-11-01T11:00:09Z", init=(container("fetch", failed("AccessDenied")),))
    found = trouble_of((prepared, failing), None)
    assert found is not None
    assert found.reason == "AccessDenied"


def test_the_digest_is_the_oldest_pods() -> None:
    pods = (
        loading_pod("young", "b") | {"metadata": {"name": "young", "creationTimestamp": "2026-11-01T11:00:09Z"}},
        loading_pod("old", "a"),
    )
    assert fetched_digest(pods) == digest("a")


@pytest.mark.parametrize(
    "status",
    [
        container("fetch", {"running": {}}),
        container("fetch", terminated(1, {"result": "Failed", "digest": digest()})),
        container("other", terminated(0, {"result": "Fetched", "digest": digest()})),
        container("fetch", terminated(0, {"result": "Fetched", "digest": "sha256:short"})),
        container("fetch", terminated(0, {"result": "Fetched", "digest": None})),
        container("fetch", terminated(0, "garbage")),
    ],
)
def test_only_a_successful_fetch_pins_and_only_a_digest(status: Object) -> None:
    assert fetched_digest((pod(init=(status,)),)) is None
