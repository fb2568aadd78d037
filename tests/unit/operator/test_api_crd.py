from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnx_operator
from onnx_operator.api.crd import definition, manifest

ROOT = Path(onnx_operator.__file__).parents[2]
Schema = dict[str, Any]


def schema() -> Schema:
    root: Schema = definition()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return root


def walk(node: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    yield path, node
    for name, inner in node.get("properties", {}).items():
        yield from walk(inner, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if isinstance(node.get(key), dict):
            yield from walk(node[key], f"{path}.{key}")


def rules() -> dict[str, list[str]]:
    found = {path: [r["rule"] for r in node.get("x-kubernetes-validations", [])] for path, node in walk(schema())}
    return {path: expressions for path, expressions in found.items() if expressions}


def test_the_generated_file_is_up_to_date() -> None:
    assert (ROOT / "crds" / "onnxmodels.yaml").read_text() == manifest(), "run: make crds"


def test_the_schema_is_structural() -> None:
    for path, node in walk(schema()):
        assert not {"$ref", "$defs", "anyOf", "oneOf", "allOf", "title", "const"} & node.keys(), path
        assert node.get("additionalProperties") is not False, path
        assert "type" in node or node.get("x-kubernetes-int-or-string"), path
        assert "null" not in str(node.get("type")), path


def test_every_field_is_described() -> None:
    own = {path: node for path, node in walk(schema()) if path.startswith((".spec", ".status"))}
    inner = (".items", ".additionalProperties")
    bare = [path for path, node in own.items() if not path.endswith(inner) and not node.get("description")]
    assert bare == []


def test_a_frozen_field_has_no_default_that_could_change_under_a_revision() -> None:
    frozen = (".spec.model", ".spec.server", ".spec.resources", ".spec.podTemplate")
    assert [path for path, node in walk(schema()) if path.startswith(frozen) and "default" in node] == []


def test_integers_have_formats_and_there_are_no_floats_or_booleans() -> None:
    for path, node in walk(schema()):
        assert node.get("type") not in {"number", "boolean"}, path
        if node.get("type") == "integer":
            assert node["format"] in {"int32", "int64"}, path


def test_client_side_apply_can_hold_it_in_its_annotation() -> None:
    assert len(manifest()) < 262_144 / 4


def test_the_rules_across_fields_are_there() -> None:
    expressions = rules()
    assert len(expressions[""]) == 2, "length and form of the name, and no revision's suffix"
    assert any("50" in rule for rule in expressions[""])
    assert any("{10}" in rule for rule in expressions[""])
    assert expressions[".spec.model.uri"]
    assert expressions[".spec.server.executionProviders"]
    assert expressions[".spec.podTemplate.labels"]
    assert len(expressions[".spec.rollout"]) == 2, "the steps of BlueGreen and of Recreate"
    assert len(expressions[".spec.rollout.steps"]) == 3, "one thing a step, whose minSamples, and growing weights"
    assert expressions[".spec.rollout.analysis.prometheus"]


def test_without_a_word_the_api_server_shows_a_canary() -> None:
    spec = schema()["properties"]["spec"]["properties"]
    assert spec["rollout"]["default"] == {}
    assert spec["rollout"]["properties"]["strategy"]["default"] == "Canary"
    assert "default" not in spec["rollout"]["properties"]["steps"], "it depends on the strategy"
    assert spec["rollout"]["properties"]["analysis"]["properties"]["whenInconclusive"]["default"] == "Pause"
    assert spec["routing"]["properties"]["provider"]["default"] == "InServer"
    assert spec["signature"]["properties"]["breaking"]["default"] == "Refuse"


def test_the_status_is_a_subresource_and_lists_have_keys() -> None:
    version = definition()["spec"]["versions"][0]
    assert version["subresources"] == {"status": {}}
    status = schema()["properties"]["status"]["properties"]
    assert status["conditions"]["x-kubernetes-list-map-keys"] == ["type"]
    assert status["revisions"]["x-kubernetes-list-map-keys"] == ["name"]


def test_removing_the_chart_does_not_remove_every_model() -> None:
    assert definition()["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}


def test_a_printer_column_reads_a_field_that_exists() -> None:
    status = schema()["properties"]["status"]["properties"]
    for column in definition()["spec"]["versions"][0]["additionalPrinterColumns"]:
        parts = column["jsonPath"].lstrip(".").replace("[", ".[").split(".")
        assert parts[0] in {"status", "metadata"}
        if parts[0] == "status":
            assert parts[1] in status, column
