import json
from typing import Any

import yaml

from onnx_operator import names
from onnx_operator.api.spec import Spec
from onnx_operator.frozen.rendering import Defaults, render
from tests.unit.operator.situations import DEFAULTS, spec

Object = dict[str, Any]

OVERLAY: Object = {
    "labels": {"team": "vision", "app.kubernetes.io/name": "mine"},
    "annotations": {"a": "b"},
    "env": [{"name": "A", "value": "b"}],
    "nodeSelector": {"gpu": "yes"},
    "tolerations": [{"key": "gpu", "operator": "Exists"}],
    "affinity": {"nodeAffinity": {}},
    "topologySpreadConstraints": [{"maxSkew": 1}],
    "priorityClassName": "high",
    "runtimeClassName": "nvidia",
    "serviceAccountName": "identity",
    "imagePullSecrets": [{"name": "registry"}],
    "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "models"}}],
    "volumeMounts": [{"name": "data", "mountPath": "/data"}],
    "terminationGracePeriodSeconds": 90,
    "sharedMemorySize": "1Gi",
}


def rendered(**fields: Any) -> Object:
    return render("digits", "digits-bcdfghjklm", spec(**fields), DEFAULTS)


def server_yaml(**fields: Any) -> Object:
    found: Object = yaml.safe_load(rendered(**fields)["config"]["server.yaml"])
    return found


def pod(**fields: Any) -> Object:
    found: Object = rendered(**fields)["template"]["spec"]
    return found


def containers(**fields: Any) -> tuple[Object, Object]:
    made = pod(**fields)
    (fetch,), (server,) = made["initContainers"], made["containers"]
    return fetch, server


def test_pods_pass_the_restricted_pod_security_standard() -> None:
    made = pod()
    assert made["securityContext"]["runAsNonRoot"] is True
    assert made["securityContext"]["runAsUser"] >= 10000
    assert made["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert made["automountServiceAccountToken"] is False
    assert made["enableServiceLinks"] is False
    for container in containers():
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


def test_credentials_are_in_the_fetching_container_only() -> None:
    fetch, server = containers(model={"credentials": {"secretName": "s3"}})
    assert fetch["envFrom"] == [{"secretRef": {"name": "s3"}}]
    assert "s3" not in json.dumps({**server, "args": []})


def test_without_credentials_no_secret_is_named() -> None:
    assert "secret" not in json.dumps(rendered()).lower()


def test_the_pod_speaks_the_contract() -> None:
    fetch, server = containers(uri="s3://m/1/", model={"sha256": "0" * 64})
    assert fetch["args"] == ["fetch", "s3://m/1/", "/model", "--live", "/etc/onnx-server-live", "--sha256", "0" * 64]
    assert server["args"] == [
        *("serve", "/model", "--config", "/etc/onnx-server/server.yaml", "--live", "/etc/onnx-server-live")
    ]
    assert {port["name"]: port["containerPort"] for port in server["ports"]} == {
        "http": 8000,
        "grpc": 8001,
        "metrics": 8002,
        "control": 9000,
    }
    assert server["readinessProbe"]["httpGet"] == {"path": "/v2/health/ready", "port": "http"}
    assert server["livenessProbe"]["httpGet"] == {"path": "/v2/health/live", "port": "http"}
    uid = {"name": "POD_UID", "valueFrom": {"fieldRef": {"fieldPath": "metadata.uid"}}}
    assert uid in server["env"]


def test_the_servers_configuration_names_the_revision() -> None:
    config = server_yaml(server={"executionProviders": ["CUDA", "CPU"], "maxBatchSize": 8})
    assert config == {
        "model": {"name": "digits", "version": "bcdfghjklm"},
        "executionProviders": ["CUDA", "CPU"],
        "drainSeconds": 5,
        "maxBatchSize": 8,
    }
    assert "maxBatchSize" not in server_yaml()


def test_the_live_config_map_may_come_later_and_the_immutable_one_may_not() -> None:
    volumes = {volume["name"]: volume for volume in pod()["volumes"]}
    assert volumes["live"]["configMap"] == {"name": "digits-bcdfghjklm-live", "optional": True}
    assert volumes["config"]["configMap"] == {"name": "digits-bcdfghjklm"}


def test_the_default_image_is_resolved_when_the_revision_is_made() -> None:
    assert {c["image"] for c in containers()} == {"example.test/server:1"}
    assert {c["image"] for c in containers(server={"image": "own:2"})} == {"own:2"}
    newer = render("digits", "digits-b", spec(), Defaults("example.test/server:9", 7))
    assert newer["declared"] == rendered()["declared"], "so the hash, and with it the revision, stays"


def test_the_overlay_reaches_the_pod() -> None:
    made = rendered(podTemplate=OVERLAY)["template"]
    for field in ("nodeSelector", "tolerations", "affinity", "topologySpreadConstraints", "imagePullSecrets"):
        assert made["spec"][field] == OVERLAY[field]
    for field in ("priorityClassName", "runtimeClassName", "serviceAccountName", "terminationGracePeriodSeconds"):
        assert made["spec"][field] == OVERLAY[field]
    assert made["metadata"]["annotations"]["a"] == "b"
    assert OVERLAY["volumes"][0] in made["spec"]["volumes"]
    for container in (*made["spec"]["initContainers"], *made["spec"]["containers"]):
        assert OVERLAY["env"][0] in container["env"]
        assert OVERLAY["volumeMounts"][0] in container["volumeMounts"]


def test_labels_that_select_pods_cannot_be_overlaid() -> None:
    labels = rendered(podTemplate={"labels": OVERLAY["labels"]})["template"]["metadata"]["labels"]
    assert labels == {"team": "vision", **names.revision_labels("digits", "digits-bcdfghjklm")}


def test_a_service_account_of_the_users_own_gets_its_token() -> None:
    assert pod(podTemplate={"serviceAccountName": "identity"})["automountServiceAccountToken"] is True


def test_shared_memory_is_a_volume_of_memory_for_the_server() -> None:
    made = pod(podTemplate={"sharedMemorySize": "1Gi"})
    assert {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "1Gi"}} in made["volumes"]
    fetch, server = made["initContainers"][0], made["containers"][0]
    assert "/dev/shm" in {mount["mountPath"] for mount in server["volumeMounts"]}
    assert "/dev/shm" not in {mount["mountPath"] for mount in fetch["volumeMounts"]}


def test_only_the_server_gets_the_gpu() -> None:
    fetch, server = containers(resources={"limits": {"nvidia.com/gpu": 1, "memory": "2Gi"}, "requests": {"cpu": "1"}})
    assert server["resources"] == {"limits": {"nvidia.com/gpu": "1", "memory": "2Gi"}, "requests": {"cpu": "1"}}
    assert fetch["resources"] == {"limits": {"memory": "2Gi"}, "requests": {"cpu": "1"}}
    assert containers(resources={"limits": {"nvidia.com/gpu": 1}})[0]["resources"] == {}


def test_what_is_written_to_the_root_filesystem_is_a_volume() -> None:
    fetch, server = containers()
    writable = {mount["mountPath"] for mount in fetch["volumeMounts"] if not mount.get("readOnly")}
    assert writable == {"/model", "/tmp"}
    assert {mount["mountPath"] for mount in server["volumeMounts"] if not mount.get("readOnly")} == {"/tmp"}


def test_what_is_frozen_survives_json() -> None:
    data = rendered(podTemplate=OVERLAY, resources={"limits": {"cpu": 1}})
    assert json.loads(json.dumps(data)) == data


def test_a_pod_has_time_for_its_last_requests_however_long_it_drains() -> None:
    data = render("digits", "digits-x", Spec.model_validate({"model": {"uri": "s3://m/v1"}}), Defaults("image", 600))
    assert data["template"]["spec"]["terminationGracePeriodSeconds"] == 630


def test_a_number_and_its_text_are_the_same_quantity_and_revision() -> None:
    number, text = ({"model": {"uri": "s3://m/v1"}, "resources": {"limits": {"cpu": cpu}}} for cpu in (1, "1"))
    assert Spec.model_validate(number).frozen() == Spec.model_validate(text).frozen()
