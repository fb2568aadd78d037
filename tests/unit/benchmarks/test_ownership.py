"""What was applied is found again in a live object, and nothing else."""

from benchmarks.operator.ownership import applied, extract, owned_fields
from tests.cluster.rest import Object

APPLIED: Object = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "digits", "labels": {"ours": "yes"}, "finalizers": ["one"]},
    "spec": {"selector": {"model": "digits"}, "ports": [{"name": "http", "port": 8000, "protocol": "TCP"}]},
}

FIELDS: Object = {
    "f:metadata": {"f:labels": {"f:ours": {}}, "f:finalizers": {".": {}, 'v:"one"': {}}},
    "f:spec": {
        "f:selector": {},
        "f:ports": {'k:{"port":8000,"protocol":"TCP"}': {".": {}, "f:name": {}, "f:port": {}, "f:protocol": {}}},
    },
}


def live(*managed: Object) -> Object:
    return {
        **APPLIED,
        "metadata": {
            "name": "digits",
            "uid": "some",
            "labels": {"ours": "yes", "theirs": "too"},
            "finalizers": ["theirs", "one"],
            "managedFields": list(managed),
        },
        "spec": {
            "clusterIP": "10.0.0.1",
            "selector": {"model": "digits"},
            "ports": [
                {"name": "theirs", "port": 9, "protocol": "TCP"},
                {"name": "http", "port": 8000, "protocol": "TCP", "targetPort": 8000},
            ],
        },
    }


def entry(manager: str = "onnx-operator", operation: str = "Apply", **more: str) -> Object:
    return {"manager": manager, "operation": operation, "fieldsV1": FIELDS, **more}


def test_what_was_applied_comes_back() -> None:
    obj = live(entry())
    assert applied(obj, owned_fields(obj, "onnx-operator")) == APPLIED


def test_other_managers_updates_and_subresources_are_not_what_was_applied() -> None:
    others = (entry("somebody"), entry(operation="Update"), entry(subresource="status"))
    assert owned_fields(live(*others), "onnx-operator") == {}


def test_what_is_gone_is_left_out() -> None:
    obj = live(entry())
    obj["spec"]["ports"] = []
    del obj["metadata"]["labels"]["ours"]
    found = applied(obj, FIELDS)
    assert found["spec"]["ports"] == []
    assert found["metadata"]["labels"] == {}


def test_a_field_without_parts_is_owned_as_a_whole() -> None:
    assert extract({"a": [{"b": 1}], "c": 2}, {"f:a": {}}) == {"a": [{"b": 1}]}
