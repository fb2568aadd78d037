"""The generator of tests/integration/test_spec_mutations.py: every field is mutated, and only that one."""

import json
from typing import Any

from onnx_operator.api.crd import schema_of
from onnx_operator.api.spec import Spec
from tests.integration.mutations import ABSENT, changed, fields, mutations, of_base, pairs, values, written
from tests.integration.nonsense import BASE, FREE, PLAIN

SCHEMA = schema_of(Spec)
MADE = list(mutations(SCHEMA))


def whats(field: str) -> list[str]:
    return [made.what for made in MADE if made.field == field]


def test_what_is_mutated_is_a_good_spec_in_which_every_field_is_set() -> None:
    assert Spec.model_validate(BASE)
    unset = {written(path) for path, _ in fields(SCHEMA) if of_base(path) is None}
    of_other_steps = ("weight", "minSamples", "shadow", "shadow.percent", "shadow.minSamples")
    assert unset == {"spec.podTemplate.runtimeClassName", *(f"spec.rollout.steps.{field}" for field in of_other_steps)}


def test_every_field_of_the_schema_is_mutated_and_again_and_again() -> None:
    assert {made.field for made in MADE} == {written(path) for path, _ in fields(SCHEMA)}
    assert min(len(whats(made.field)) for made in MADE) >= 5
    assert len(MADE) > 500


def test_nearly_all_are_different_specs_and_differ_from_the_good_one() -> None:
    texts = [json.dumps(made.spec, sort_keys=True) for made in MADE]
    assert len(set(texts)) >= len(texts) * 0.95
    same = sum(texts.count(json.dumps(good, sort_keys=True)) for good in (BASE, PLAIN))
    enums = sum("enum" in node for _, node in fields(SCHEMA))
    assert same <= enums + 6, "a value of an enum, a bound that the good spec has, or a field that it has not"


def test_an_integer_is_put_at_and_beyond_both_its_bounds() -> None:
    known: dict[str, Any] = {
        made.what: made.spec["scaling"].get("minReplicas") for made in MADE if made.field == "spec.scaling.minReplicas"
    }
    assert known["minimum"] == 1
    assert known["beyond the minimum"] == 0
    assert known["maximum"] == 1000
    assert known["beyond the maximum"] == 1001
    assert known["absent"] is None
    assert "type '7'" in known


def test_a_string_is_empty_odd_too_long_and_each_of_its_enum() -> None:
    assert {"enum 'Active'", "enum 'Suspended'", "enum 'Unmanaged'"} <= set(whats("spec.state"))
    lengths = [len(made.spec["model"]["uri"]) for made in MADE if made.what == "too long" and "uri" in made.field]
    assert lengths == [2049]
    assert "empty" in whats("spec.podTemplate.priorityClassName")
    assert sum(what.startswith("odd") for what in whats("spec.podTemplate.priorityClassName")) > 5


def test_nonsense_is_put_wherever_the_schema_leaves_the_content_to_kubernetes() -> None:
    def free(node: Any, path: tuple[str, ...] = ()) -> set[str]:
        if node.get("x-kubernetes-preserve-unknown-fields"):
            return {".".join(path).removesuffix(".0")}
        inner = [(*path, name) for name in node.get("properties", {})]
        found = [free(node["properties"][at[-1]], at) for at in inner]
        return set().union(*found, free(node["items"], (*path, "0")) if "items" in node else set())

    assert free(SCHEMA) <= FREE.keys()
    for place in FREE:
        assert len([what for what in whats(f"spec.{place}") if what.startswith("nonsense")]) >= 3, place


def test_only_the_field_is_changed() -> None:
    made = changed(BASE, ("podTemplate", "env", "0", "name"), 7)
    assert made["podTemplate"]["env"] == [{"name": 7, "value": "1"}]
    made["podTemplate"]["env"] = BASE["podTemplate"]["env"]
    assert made == BASE
    assert "sha256" not in changed(BASE, ("model", "sha256"), ABSENT)["model"]
    assert changed({}, ("podTemplate", "imagePullSecrets", "0", "name"), "x") == {
        "podTemplate": {"imagePullSecrets": [{"name": "x"}]}
    }


def test_pairs_change_two_fields_and_the_same_seed_gives_the_same_ones() -> None:
    some = list(pairs(SCHEMA, 50, seed=1))
    assert some == list(pairs(SCHEMA, 50, seed=1))
    assert some != list(pairs(SCHEMA, 50, seed=2))
    assert len({made.field for made in some}) == 50
    for made in some:
        one, _, other = made.field.partition(" and ")
        assert one != other
        assert not other.startswith(f"{one}.")


def test_values_of_a_quantity_are_odd_quantities() -> None:
    assert len(list(values(("podTemplate", "sharedMemorySize"), {"x-kubernetes-int-or-string": True}))) > 20
