import copy
import json
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from onnx_operator.apply.overruled import Overruled
from onnx_operator.kube.difference import needs_apply

Object = dict[str, Any]

DEPLOYMENT: Object = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {
        "name": "d",
        "namespace": "n",
        "labels": {"a": "b"},
        "ownerReferences": [{"uid": "u", "name": "m", "controller": True}],
    },
    "spec": {
        "selector": {"matchLabels": {"a": "b"}},
        "template": {
            "spec": {
                "nodeSelector": {"gpu": "yes"},
                "tolerations": [{"key": "gpu", "operator": "Exists"}],
                "initContainers": [{"name": "fetch", "image": "i", "args": ["fetch", "s3://m"]}],
                "containers": [
                    {
                        "name": "server",
                        "image": "i",
                        "env": [{"name": "A", "value": ""}, {"name": "B", "value": "b"}],
                        "ports": [{"name": "http", "containerPort": 8000}],
                        "resources": {"limits": {"cpu": "1000m", "memory": "1Gi"}, "requests": {}},
                        "volumeMounts": [{"mountPath": "/model", "name": "model", "readOnly": False}],
                    }
                ],
                "volumes": [
                    {"name": "model", "emptyDir": {}},
                    {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "65536Ki"}},
                ],
            }
        },
    },
}


def as_the_api_server_shows_it() -> Object:
    live = copy.deepcopy(DEPLOYMENT)
    live["metadata"] |= {"uid": "x", "resourceVersion": "7", "generation": 1}
    live["spec"] |= {"replicas": 3, "strategy": {"type": "RollingUpdate"}}
    pod = live["spec"]["template"]["spec"]
    pod |= {"restartPolicy": "Always", "dnsPolicy": "ClusterFirst"}
    server = pod["containers"][0]
    server |= {"imagePullPolicy": "Always", "terminationMessagePath": "/dev/termination-log"}
    server["env"] = [{"name": "B", "value": "b"}, {"name": "A"}]
    server["ports"] = [{"containerPort": 8000, "name": "http", "protocol": "TCP"}]
    server["resources"] = {"limits": {"cpu": "1", "memory": "1Gi"}}
    del server["volumeMounts"][0]["readOnly"]
    pod["volumes"][1]["emptyDir"]["sizeLimit"] = "64Mi"
    live["status"] = {"replicas": 3}
    return live


def test_defaults_quantities_order_and_what_is_left_out_are_no_difference() -> None:
    assert not needs_apply(DEPLOYMENT, as_the_api_server_shows_it())


def edited(*path: str | int, to: Any) -> Object:
    live = as_the_api_server_shows_it()
    at: Any = live
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = to
    return live


POD = ("spec", "template", "spec")
SERVER = (*POD, "containers", 0)


@pytest.mark.parametrize(
    "live",
    [
        edited(*SERVER, "image", to="other"),
        edited(*SERVER, "env", to=[{"name": "A", "value": "x"}, {"name": "B", "value": "b"}]),
        edited(*SERVER, "env", to=[{"name": "B", "value": "b"}]),
        edited(*SERVER, "resources", "limits", "cpu", to="2"),
        edited(*SERVER, "ports", to=[{"containerPort": 8000, "name": "http", "protocol": "UDP"}]),
        edited(*SERVER, "name", to="renamed"),
        edited(*POD, "initContainers", 0, "args", to=["fetch", "s3://m", "--more"]),
        edited(*POD, "tolerations", to=[]),
        edited(*POD, "volumes", 0, to={"name": "model", "hostPath": {"path": "/"}}),
        edited(*POD, "volumes", 1, "emptyDir", "sizeLimit", to="65Mi"),
        edited("metadata", "ownerReferences", to=[]),
        edited("metadata", "labels", to=None),
    ],
)
def test_a_changed_field_of_ours_is_repaired(live: Object) -> None:
    assert needs_apply(DEPLOYMENT, live)


@pytest.mark.parametrize(
    "live",
    [
        edited("metadata", "labels", to={"a": "b", "team": "x"}),
        edited("metadata", "annotations", to={"deployment.kubernetes.io/revision": "1"}),
        edited("metadata", "finalizers", to=["somebody/elses"]),
        edited(*SERVER, "env", to=[{"name": "B", "value": "b"}, {"name": "A"}, {"name": "FOREIGN", "value": "1"}]),
        edited(
            *SERVER, "resources", to={"limits": {"cpu": "1", "memory": "1Gi", "foreign": "1"}, "requests": {"cpu": "1"}}
        ),
        edited(*POD, "volumes", 0, "emptyDir", to={"sizeLimit": "1Gi"}),
    ],
)
def test_foreign_fields_are_left_alone(live: Object) -> None:
    assert not needs_apply(DEPLOYMENT, live)


@pytest.mark.parametrize(
    "live",
    [
        edited(
            "spec", "selector", to={"matchLabels": {"a": "b"}, "matchExpressions": [{"key": "x", "operator": "Exists"}]}
        ),
        edited(*POD, "nodeSelector", to={"gpu": "yes", "zone": "x"}),
    ],
)
def test_a_foreign_key_in_a_map_that_is_replaced_as_a_whole_is_repaired(live: Object) -> None:
    assert needs_apply(DEPLOYMENT, live)


def test_a_services_selector_with_a_foreign_label_would_select_nothing() -> None:
    service: Object = {"spec": {"selector": {"model": "m"}}}
    assert needs_apply(service, {"spec": {"selector": {"model": "m", "foo": "bar"}}})
    assert not needs_apply(service, {"spec": {"selector": {"model": "m"}, "clusterIP": "10.0.0.1"}})


def test_false_is_not_unset_where_unset_means_true() -> None:
    assert needs_apply({"spec": {"automountServiceAccountToken": False}}, {"spec": {}})


def owning(fields: Object, manager: str = "onnx-operator", operation: str = "Apply", **more: str) -> Object:
    live = as_the_api_server_shows_it()
    live["metadata"]["managedFields"] = [{"manager": manager, "operation": operation, "fieldsV1": fields, **more}]
    return live


GONE: dict[str, Object] = {
    "an annotation": {"f:metadata": {"f:annotations": {"f:onnx-operator.dev/digest": {}}}},
    "an environment variable": {
        "f:spec": {"f:template": {"f:spec": {"f:containers": {
            'k:{"name":"server"}': {"f:env": {'k:{"name":"OLD"}': {".": {}, "f:value": {}}}}
        }}}}
    },
    "a port": {
        "f:spec": {"f:template": {"f:spec": {"f:containers": {
            'k:{"name":"server"}': {"f:ports": {'k:{"containerPort":9,"protocol":"TCP"}': {".": {}}}}
        }}}}
    },
    "a finalizer": {"f:metadata": {"f:finalizers": {'v:"ours"': {}}}},
}  # fmt: skip


@pytest.mark.parametrize("fields", GONE.values(), ids=GONE)
def test_what_we_own_and_no_longer_want_is_removed(fields: Object) -> None:
    assert needs_apply(DEPLOYMENT, owning(fields))


@pytest.mark.parametrize("fields", GONE.values(), ids=GONE)
def test_what_others_own_is_theirs(fields: Object) -> None:
    assert not needs_apply(DEPLOYMENT, owning(fields, manager="kubectl"))
    assert not needs_apply(DEPLOYMENT, owning(fields, operation="Update"))
    assert not needs_apply(DEPLOYMENT, owning(fields, subresource="status"))


def test_what_we_own_and_still_want_is_no_difference() -> None:
    server: Object = {
        ".": {},
        "f:image": {},
        "f:env": {'k:{"name":"A"}': {".": {}, "f:value": {}}},
        "f:ports": {'k:{"containerPort":8000,"protocol":"TCP"}': {".": {}, "f:name": {}}},
    }
    containers = {"f:containers": {'k:{"name":"server"}': server}}
    fields = {
        "f:metadata": {"f:labels": {"f:a": {}}, "f:ownerReferences": {'k:{"uid":"u"}': {}}},
        "f:spec": {"f:selector": {}, "f:template": {"f:spec": containers}},
    }
    assert not needs_apply(DEPLOYMENT, owning(fields))


def test_the_status_is_compared_with_what_we_own_of_the_status() -> None:
    live: Object = {
        "status": {"url": "u", "candidateRevision": "old"},
        "metadata": {
            "managedFields": [
                {
                    "manager": "onnx-operator",
                    "operation": "Apply",
                    "subresource": "status",
                    "fieldsV1": {"f:status": {"f:url": {}, "f:candidateRevision": {}}},
                }
            ]
        },
    }
    assert needs_apply({"status": {"url": "u"}}, live, subresource="status")
    assert not needs_apply({"status": {"url": "u", "candidateRevision": "old"}}, live, subresource="status")


SCALARS = st.integers(-5, 5) | st.text(max_size=4) | st.booleans()
KEYS = st.sampled_from(["alpha", "beta", "gamma", "delta", "limits", "containers", "env", "labels"])
NAMED = st.lists(st.dictionaries(KEYS, SCALARS, max_size=2), max_size=3).map(
    lambda items: [{**item, "name": f"n{n}"} for n, item in enumerate(items)]
)


def objects(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Object]:
    plain = KEYS.filter(lambda key: key not in {"containers", "env", "limits"})
    keyed = st.sampled_from(["containers", "env"])
    return st.builds(
        lambda maps, lists: {**maps, **lists},
        st.dictionaries(plain, values, max_size=3),
        st.dictionaries(keyed, NAMED, max_size=2),
    )


MANIFESTS = st.recursive(SCALARS | st.lists(SCALARS, max_size=3), objects, max_leaves=10).filter(
    lambda value: isinstance(value, dict)
)


def merged(wanted: Any, noise: Any, inside: str = "") -> Any:
    """What a server-side apply of ``wanted`` over ``noise`` leaves: foreign keys stay, ours win."""
    if isinstance(wanted, dict) and isinstance(noise, dict):
        return {**noise, **{key: merged(value, noise.get(key), key) for key, value in wanted.items()}}
    if inside in {"containers", "env"} and isinstance(noise, list):
        foreign = [item for item in noise if item["name"] not in {mine["name"] for mine in wanted}]
        return foreign + [
            merged(mine, next((n for n in noise if n["name"] == mine["name"]), None)) for mine in reversed(wanted)
        ]
    return wanted


@given(MANIFESTS, MANIFESTS)
def test_after_an_apply_nothing_is_left_to_apply(wanted: Object, noise: Object) -> None:
    assert not needs_apply(wanted, merged(wanted, noise))


@given(MANIFESTS, st.data())
def test_any_changed_value_is_found(wanted: Object, data: st.DataObject) -> None:
    keys = [key for key, value in wanted.items() if not isinstance(value, (dict, list))]
    if keys:
        key = data.draw(st.sampled_from(keys))
        assert needs_apply(wanted, {**wanted, key: f"{wanted[key]}, changed"})


def test_what_a_webhook_overrules_is_not_asked_for_again(caplog: pytest.LogCaptureFixture) -> None:
    overruled, live = Overruled(), edited(*SERVER, "image", to="mirror.example.test/i")
    assert not overruled.holds(DEPLOYMENT, live)
    overruled.note(DEPLOYMENT, live)
    assert "Deployment n/d" in caplog.text
    later = json.loads(json.dumps(live))
    later["metadata"] |= {"resourceVersion": "9", "generation": 2}
    later["status"] = {"replicas": 2}
    assert overruled.holds(DEPLOYMENT, later), "its status moved on, what was asked for is still overruled"


def test_an_overruled_object_is_asked_for_again_when_it_or_the_wish_changes() -> None:
    overruled, live = Overruled(), edited(*SERVER, "image", to="mirror.example.test/i")
    overruled.note(DEPLOYMENT, live)
    assert not overruled.holds(DEPLOYMENT, edited(*SERVER, "image", to="third"))
    assert not overruled.holds({**DEPLOYMENT, "spec": {}}, live)
    overruled.forget(DEPLOYMENT)
    assert not overruled.holds(DEPLOYMENT, live), "it came to stand once, so it may again"
