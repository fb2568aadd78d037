import hypothesis.strategies as st
from hypothesis import given

from onnx_operator import names

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def test_a_revisions_hash_is_the_same_for_ever() -> None:
    # A changed hash would roll every model out anew when the operator is upgraded.
    declared = {
        "model": {"uri": "s3://models/digits/1/", "credentials": {"secretName": "s3"}},
        "server": {"executionProviders": ["CUDA", "CPU"], "maxBatchSize": 32},
        "resources": {"limits": {"nvidia.com/gpu": 1, "memory": "2Gi"}},
        "podTemplate": {"labels": {"équipe": "vision"}},
    }
    assert names.revision_hash(declared) == "hv84pmr8dk"
    assert names.revision_hash({"model": {"uri": "s3://m/1"}}) == "9xkhbg5gsv"


@given(st.dictionaries(st.text(), JSON, max_size=5))
def test_a_hash_ignores_the_order_of_keys_and_keeps_to_its_alphabet(declared: dict[str, object]) -> None:
    turned = dict(reversed(list(declared.items())))
    assert names.revision_hash(turned) == names.revision_hash(declared)
    assert len(names.revision_hash(declared)) == 10
    assert set(names.revision_hash(declared)) <= set("bcdfghjklmnpqrstvwxz2456789")


def test_other_declarations_have_other_hashes() -> None:
    hashes = {names.revision_hash({"model": {"uri": f"s3://m/{n}"}}) for n in range(500)}
    assert len(hashes) == 500


def test_the_longest_names_fit_where_kubernetes_wants_labels() -> None:
    revision = names.revision_name("m" * names.MAX_MODEL_NAME, "b" * names.HASH_LENGTH)
    assert len(revision) <= 63, "a Service and a label value of that name"
    assert all(len(value) <= 63 for value in names.revision_labels("m" * names.MAX_MODEL_NAME, revision).values())


def test_selectors_select_what_the_labels_say() -> None:
    labels = names.revision_labels("digits", "digits-b")
    assert names.revision_selector("digits", "digits-b").items() <= labels.items()
    for requirement in names.model_selector("digits").split(","):
        key, _, value = requirement.partition("=")
        assert labels[key] == value
