"""What the chart lets the operator, its test and people do; that the operator needs it is tests/integration's."""

import pytest

from tests.chart.rendering import Object, is_test, of_kind, render

ROLES = ("ClusterRole", "Role")
CLUSTER_WIDE = ("ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition")


def test_no_rule_is_a_wildcard_and_secrets_are_held_to_the_signing_key() -> None:
    for role in of_kind(render(), *ROLES):
        for rule in role["rules"]:
            assert "*" not in rule["verbs"] + rule["resources"] + rule["apiGroups"]
            if "secrets" in rule["resources"]:
                assert role["kind"] == "Role"
                assert rule["verbs"] == ["create"] or rule["resourceNames"] == ["onnx-operator-signing-key"]


def test_the_operator_never_writes_a_models_spec_or_metadata() -> None:
    (role,) = [role for role in of_kind(render(), "ClusterRole") if role["metadata"]["name"] == "onnx-operator"]
    verbs = {verb for rule in role["rules"] if "onnxmodels" in rule["resources"] for verb in rule["verbs"]}
    assert verbs == {"get", "list", "watch"}


def test_with_namespaces_nothing_is_cluster_wide_but_the_crd() -> None:
    documents = render("watchNamespaces={a,b}")
    assert [document["kind"] for document in documents if document["kind"] in CLUSTER_WIDE] == [
        "CustomResourceDefinition"
    ]
    assert all(
        "namespace" in document["metadata"] for document in render("watchNamespaces={a,b}", "crds.install=false")
    )


@pytest.mark.parametrize("namespaces", [["a", "b"], ["onnx-operator"], ["a", "onnx-operator"]])
def test_with_namespaces_the_operator_has_the_same_rights_there_and_no_other(namespaces: list[str]) -> None:
    documents = render(f"watchNamespaces={{{','.join(namespaces)}}}")
    (everywhere,) = [role for role in of_kind(render(), "ClusterRole") if role["metadata"]["name"] == "onnx-operator"]
    found = _bound(documents, "onnx-operator")
    own = [role for role in found if role["metadata"]["name"] == "onnx-operator-own"]
    there = [role for role in found if role["metadata"]["name"] == "onnx-operator"]
    assert [role["metadata"]["namespace"] for role in own] == ["onnx-operator"]
    assert sorted(role["metadata"]["namespace"] for role in there) == sorted(namespaces)
    assert all(role["rules"] == everywhere["rules"] for role in there)
    assert len(found) == len(own) + len(there)


def test_editors_and_viewers_of_a_namespace_are_those_of_its_models_too() -> None:
    labels = {role["metadata"]["name"]: role["metadata"]["labels"] for role in of_kind(render(), "ClusterRole")}
    assert labels["onnx-operator-edit"]["rbac.authorization.k8s.io/aggregate-to-edit"] == "true"
    assert labels["onnx-operator-view"]["rbac.authorization.k8s.io/aggregate-to-view"] == "true"
    in_namespaces = render("watchNamespaces={a}")
    assert {
        role["metadata"]["name"] for role in of_kind(in_namespaces, "Role") if role["metadata"]["namespace"] == "a"
    } == {
        "onnx-operator",
        "onnx-operator-edit",
        "onnx-operator-view",
    }
    assert not [role for role in _bound(in_namespaces, "onnx-operator") if role["metadata"]["name"].endswith("-edit")]


@pytest.mark.parametrize(("values", "namespace"), [((), "onnx-operator"), (("watchNamespaces={a,b}",), "a")])
def test_the_right_of_helm_test_is_to_create_models_and_is_gone_with_it(
    values: tuple[str, ...], namespace: str
) -> None:
    documents = render(*values)
    (role,) = [document for document in documents if document["kind"] == "Role" and is_test(document)]
    assert role["metadata"]["namespace"] == namespace
    assert role["rules"] == [{"apiGroups": ["onnx-operator.dev"], "resources": ["onnxmodels"], "verbs": ["create"]}]
    (pod,) = [document for document in documents if document["kind"] == "Pod"]
    assert pod["spec"]["serviceAccountName"] == "onnx-operator-test"
    hooks = [document["metadata"]["annotations"] for document in documents if is_test(document)]
    assert len(hooks) == 4
    assert {hook["helm.sh/hook-delete-policy"] for hook in hooks} == {"before-hook-creation,hook-succeeded"}
    assert not [d for d in of_kind(documents, "ServiceAccount", *ROLES) if d["metadata"]["name"].endswith("-test")]


def _bound(documents: list[Object], account: str) -> list[Object]:
    """Return the Roles that bindings give an account."""
    references = [
        (binding["metadata"]["namespace"], binding["roleRef"]["name"])
        for binding in of_kind(documents, "RoleBinding")
        if account in [subject["name"] for subject in binding["subjects"]]
    ]
    return [
        role
        for role in of_kind(documents, "Role")
        if (role["metadata"]["namespace"], role["metadata"]["name"]) in references
    ]
