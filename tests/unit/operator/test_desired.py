import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import yaml

from onnx_operator import names
from onnx_operator.decide.roles import plan
from onnx_operator.desired.controller_revision import controller_revision, revision_of
from onnx_operator.desired.manifests import manifests, revision_rounds
from onnx_operator.observed import Observed
from tests.unit.operator.situations import (
    EARLIER,
    SIGNATURE,
    UID,
    deployment,
    digest,
    name_of,
    observed,
    ready_pod,
    revision,
    spec,
)

Object = dict[str, Any]

V1, V2 = (f"s3://models/digits/{n}/" for n in (1, 2))
OLD, NEW = name_of(spec(V1)), name_of(spec(V2))


def made(seen: Observed) -> dict[tuple[str, str], Object]:
    return {(m["kind"], m["metadata"]["name"]): m for m in manifests(seen, plan(seen))}


def updating(replicas: int = 2) -> Observed:
    asked = spec(V2, replicas)
    stable, candidate = revision(spec(V1, replicas), 1, EARLIER), revision(asked, 2)
    return observed(asked, stable, candidate, pods={OLD: (ready_pod(),)})


def walk(node: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield key, value
            yield from walk(value)
    if isinstance(node, list):
        for value in node:
            yield from walk(value)


def test_a_models_objects() -> None:
    asked = spec(V1, 2)
    new = {
        ("ControllerRevision", OLD),
        ("ConfigMap", OLD),
        ("ConfigMap", f"{OLD}-live"),
        ("Service", OLD),
        ("Deployment", OLD),
        ("Service", "digits"),
    }
    assert set(made(observed(asked))) == new
    ready = observed(asked, revision(asked, 1), pods={OLD: (ready_pod(),)})
    assert set(made(ready)) == {*new, ("PodDisruptionBudget", "digits")}


def test_pods_come_after_what_they_are_made_of() -> None:
    for seen in (observed(spec(V1)), updating()):
        for planned in plan(seen).revisions:
            rounds = [[manifest["kind"] for manifest in together] for together in revision_rounds(seen, planned)]
            assert rounds == [["ControllerRevision", "ConfigMap", "ConfigMap"], ["Deployment", "Service"]]


def test_every_object_is_owned_by_its_model_and_found_by_its_labels() -> None:
    for manifest in made(updating()).values():
        metadata = manifest["metadata"]
        assert metadata["namespace"] == "team"
        assert (
            metadata["labels"].items()
            >= {
                "app.kubernetes.io/managed-by": "onnx-operator",
                "onnx-operator.dev/model": "digits",
            }.items()
        )
        (owner,) = metadata["ownerReferences"]
        assert (owner["kind"], owner["name"], owner["uid"], owner["controller"]) == ("ONNXModel", "digits", UID, True)


def test_replicas_are_in_no_manifest() -> None:
    assert "replicas" not in {key for manifest in made(updating()).values() for key, _ in walk(manifest)}


def test_deployments_select_their_own_revisions_pods() -> None:
    for name in (OLD, NEW):
        made_of = made(replace(updating(), owned={("Deployment", OLD): deployment()}))["Deployment", name]
        selector = made_of["spec"]["selector"]["matchLabels"]
        assert selector == {"onnx-operator.dev/model": "digits", "onnx-operator.dev/revision": name}


def test_a_deployments_selector_is_on_the_pods_it_makes() -> None:
    one = made(observed(spec(V1)))["Deployment", OLD]
    assert one["spec"]["selector"]["matchLabels"].items() <= one["spec"]["template"]["metadata"]["labels"].items()


def test_the_entry_leads_to_the_revision_that_serves() -> None:
    seen = updating(1)
    assert made(seen)["Service", "digits"]["spec"]["selector"] == names.revision_selector("digits", OLD)
    promoted = replace(seen, pods={OLD: (ready_pod(),), NEW: (ready_pod("n", "b"),)})
    assert made(promoted)["Service", "digits"]["spec"]["selector"] == names.revision_selector("digits", NEW)
    for name in (OLD, NEW):
        assert made(promoted)["Service", name]["spec"]["selector"] == names.revision_selector("digits", name)


def test_control_and_metrics_ports_are_behind_no_service() -> None:
    services = [manifest for (kind, _), manifest in made(updating()).items() if kind == "Service"]
    assert len(services) == 3
    assert {port["targetPort"] for service in services for port in service["spec"]["ports"]} == {"http", "grpc"}


def test_services_say_what_their_ports_speak() -> None:
    ports = made(updating())["Service", "digits"]["spec"]["ports"]
    assert {port["name"]: (port["port"], port["targetPort"], port["appProtocol"]) for port in ports} == {
        "http": (8000, "http", "http"),
        "grpc": (8001, "grpc", "kubernetes.io/h2c"),
    }


def test_a_budget_is_only_where_it_can_help_and_only_over_what_serves() -> None:
    assert ("PodDisruptionBudget", "digits") not in made(updating(1))
    budget = made(updating(2))["PodDisruptionBudget", "digits"]
    assert budget["spec"]["maxUnavailable"] == 1
    assert budget["spec"]["selector"]["matchLabels"] == names.revision_selector("digits", OLD)


def test_a_retired_revisions_deployment_is_kept_but_never_made() -> None:
    asked = spec(V2)
    stable, retired = revision(asked, 2, EARLIER), revision(spec(V1), 1)
    seen = observed(asked, stable, retired)
    assert ("Deployment", OLD) not in made(seen), "it would be born with one replica"
    assert ("Deployment", OLD) in made(replace(seen, owned={("Deployment", OLD): deployment(0)}))


def test_the_immutable_config_map_holds_the_servers_configuration() -> None:
    first = made(observed(spec(V1)))["ConfigMap", OLD]
    assert first["immutable"] is True
    assert yaml.safe_load(first["data"]["server.yaml"])["model"]["name"] == "digits"


def test_the_live_config_map_gets_the_digest_when_it_is_pinned() -> None:
    asked = spec(V1)
    unpinned = made(observed(asked, revision(asked, pinned=None)))["ConfigMap", f"{OLD}-live"]
    assert unpinned["data"] == {"operator-keys.json": '{"keys": []}'}
    pinned = made(observed(asked, revision(asked)))["ConfigMap", f"{OLD}-live"]
    assert pinned["data"]["digest"] == digest()


def test_what_is_known_of_a_revision_survives_in_its_controller_revision() -> None:
    known = replace(revision(spec(V1), 7, EARLIER), signature=SIGNATURE)
    manifest = controller_revision(observed(spec(V1)), known)
    assert revision_of(json.loads(json.dumps(manifest))) == known
    bare = revision(spec(V1), 1, None, None)
    assert revision_of(controller_revision(observed(spec(V1)), bare)) == bare


def test_a_signature_that_somebody_broke_is_asked_for_again() -> None:
    manifest = controller_revision(observed(spec(V1)), replace(revision(spec(V1)), signature=SIGNATURE))
    manifest["metadata"]["annotations"]["onnx-operator.dev/signature"] = '{"inputs": '
    assert revision_of(manifest).signature is None


def test_an_upgraded_operator_leaves_the_pods_of_a_revision_as_they_are() -> None:
    first = revision(spec(V1), 1, EARLIER)
    upgraded = observed(spec(V1), first, defaults=replace(observed(spec(V1)).defaults, server_image="server:new"))
    assert made(upgraded)["Deployment", OLD]["spec"]["template"] == first.data["template"]
