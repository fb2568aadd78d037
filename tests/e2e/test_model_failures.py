"""A bad new version: the status says what is wrong and how to mend it, while the good version goes on serving."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.kubectl import Kubectl, condition, entry, settled, stalled
from tests.e2e.models import Store, factor_answered, first_answer, onnx_model, scale_model

Change = Callable[[Store, dict[str, str]], dict[str, Any]]

FAILURES: dict[str, tuple[str, Change]] = {
    "ModelNotFound": ("v9/model.onnx", lambda store, _: {"model": {"uri": store.uri("v9/model.onnx")}}),
    "AccessDenied": ("credentials", lambda *_: {"model": {"credentials": {"secretName": "wrong"}}}),
    "DigestMismatch": ("sha256", lambda *_: {"model": {"sha256": "0" * 64}}),
    "NotAnONNXModel": ("ONNX", lambda store, _: {"model": {"uri": store.put("cat.onnx", b"not a model" * 50)}}),
    "ExecutionProviderUnavailable": ("CUDA", lambda *_: {"server": {"executionProviders": ["CUDA"]}}),
    "ImagePullFailed": ("spec.server.image", lambda *_: {"server": {"image": "localhost/nobody/nothing:1"}}),
    # The operator's image has another command line, so its container ends at once, without a typed message.
    "CrashLoop": ("kubectl logs", lambda _, references: {"server": {"image": references["operator"]}}),
    "SecretMissing": (
        "Make Secret absent in this namespace",
        lambda *_: {"model": {"credentials": {"secretName": "absent"}}},
    ),
}


@pytest.mark.parametrize("reason", FAILURES)
def test_a_bad_version_is_named_and_the_good_one_goes_on_serving(
    reason: str, kubectl: Kubectl, store: Store, references: dict[str, str]
) -> None:
    words, change = FAILURES[reason]
    kubectl.apply(store.secret("wrong", AWS_SECRET_ACCESS_KEY="guessed"))
    kubectl.apply(onnx_model("victim", store.put("v1/model.onnx", scale_model(2.0))))
    good = kubectl.wait("onnxmodel", "victim", settled)["status"]["stableRevision"]
    assert first_answer(entry(kubectl, "victim"), "victim") == 2.0

    kubectl.patch("onnxmodel", "victim", {"spec": change(store, references)})
    model = kubectl.wait("onnxmodel", "victim", stalled(reason))

    assert words in condition(model, "Stalled")["message"]
    assert condition(model, "Ready")["status"] == "True"
    assert condition(model, "Reconciling")["status"] == "False"
    assert model["status"]["stableRevision"] == good
    assert model["status"]["candidateRevision"] != good
    assert factor_answered(entry(kubectl, "victim"), "victim") == 2.0


def test_an_unschedulable_version_waits_for_capacity_with_the_schedulers_words(kubectl: Kubectl, store: Store) -> None:
    kubectl.apply(onnx_model("victim", store.put("v1/model.onnx", scale_model(2.0))))
    kubectl.wait("onnxmodel", "victim", settled)
    assert first_answer(entry(kubectl, "victim"), "victim") == 2.0
    kubectl.patch("onnxmodel", "victim", {"spec": {"resources": {"requests": {"memory": "1000Gi"}, "limits": None}}})
    model = kubectl.wait("onnxmodel", "victim", lambda m: condition(m, "Reconciling")["reason"] == "CapacityPending")
    assert "Insufficient memory" in condition(model, "Reconciling")["message"]
    assert condition(model, "Reconciling")["status"] == "True", "an autoscaler may still bring a node"
    assert condition(model, "Stalled")["status"] == "False"
    assert factor_answered(entry(kubectl, "victim"), "victim") == 2.0


def test_a_missing_secret_is_named_and_the_model_serves_once_it_is_there(kubectl: Kubectl, store: Store) -> None:
    source = {"credentials": {"secretName": "later"}}
    kubectl.apply(onnx_model("patient", store.put("v1/model.onnx", scale_model(3.0)), model=source))
    model = kubectl.wait("onnxmodel", "patient", stalled("SecretMissing"))
    assert "spec.model.credentials.secretName" in condition(model, "Stalled")["message"]
    kubectl.apply(store.secret("later"))
    kubectl.wait("onnxmodel", "patient", settled, patience=120)
    assert first_answer(entry(kubectl, "patient"), "patient") == 3.0


def test_a_volume_that_is_missing_is_named_and_the_model_serves_once_it_is_there(
    kubectl: Kubectl, store: Store
) -> None:
    # The kubelet passes over a volume that no container mounts.
    template = {
        "volumes": [{"name": "keys", "secret": {"secretName": "keys"}}],
        "volumeMounts": [{"name": "keys", "mountPath": "/keys"}],
    }
    kubectl.apply(onnx_model("patient", store.put("v1/model.onnx", scale_model(3.0)), podTemplate=template))

    def named(model: dict[str, Any]) -> bool:
        found = condition(model, "Reconciling")
        return found.get("reason") == "PreparingPod" and "Secret keys" in found["message"]

    kubectl.wait("onnxmodel", "patient", named)
    kubectl.apply(store.secret("keys"))
    # The kubelet tries a volume again with growing pauses.
    kubectl.wait("onnxmodel", "patient", settled, patience=180)
    assert first_answer(entry(kubectl, "patient"), "patient") == 3.0


def test_mending_the_spec_ends_the_failure(kubectl: Kubectl, store: Store) -> None:
    kubectl.apply(onnx_model("patient", store.uri("v1/model.onnx")))
    model = kubectl.wait("onnxmodel", "patient", stalled("ModelNotFound"))
    assert condition(model, "Ready")["reason"] == "ModelNotFound"
    kubectl.patch("onnxmodel", "patient", {"spec": {"model": {"uri": store.put("v2/model.onnx", scale_model(6.0))}}})
    kubectl.wait("onnxmodel", "patient", settled)
    assert first_answer(entry(kubectl, "patient"), "patient") == 6.0


def test_a_model_that_appears_later_is_served_without_a_word(kubectl: Kubectl, store: Store) -> None:
    kubectl.apply(onnx_model("late", store.uri("model.onnx")))
    kubectl.wait("onnxmodel", "late", stalled("ModelNotFound"))
    store.put("model.onnx", scale_model(7.0))
    kubectl.wait("onnxmodel", "late", settled, patience=120)
    assert first_answer(entry(kubectl, "late"), "late") == 7.0


@pytest.mark.parametrize(
    ("name", "spec", "words"),
    [
        ("3d-net", {}, "DNS label of at most 50 characters"),
        ("a.b", {}, "DNS label of at most 50 characters"),
        ("m" * 51, {}, "DNS label of at most 50 characters"),
        ("net-bcdfghjklm", {}, "must not end like a revision's name"),
        ("net", {"model": {"uri": "ftp://host/model.onnx"}}, "spec.model.uri"),
        ("net", {"model": {"uri": "s3://b/m", "sha256": "abc"}}, "spec.model.sha256"),
        ("net", {"server": {"executionProviders": ["CPU", "CPU"]}}, "may be listed once"),
        ("net", {"server": {"executionProviders": ["Gpu"]}}, "spec.server.executionProviders"),
        ("net", {"scaling": {"minReplicas": 0}}, "spec.scaling.minReplicas"),
        ("net", {"podTemplate": {"labels": {"onnx-operator.dev/model": "x"}}}, "labels under onnx-operator.dev"),
        ("net", {"podTemplate": {"hostNetwork": True}}, "hostNetwork"),
    ],
)
def test_a_spec_that_cannot_work_is_refused_when_it_is_applied(
    name: str, spec: dict[str, Any], words: str, kubectl: Kubectl
) -> None:
    with pytest.raises(AssertionError) as refused:
        kubectl.apply(onnx_model(name, "s3://bucket/model.onnx", **spec))
    assert words in str(refused.value)
