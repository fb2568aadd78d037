from typing import Any

from onnx_operator import names
from onnx_operator.cache import Cache, model_key
from onnx_operator.kube.kinds import DEPLOYMENT, MODEL, POD
from onnx_operator.kube.protocol import Listed

Object = dict[str, Any]


def obj(name: str, version: int, model: str = "digits", uid: str = "u", namespace: str = "team", of: int = 0) -> Object:
    labels = {names.LABEL_MODEL: model}
    return {
        "spec": {"of": of},
        "metadata": {
            "name": name,
            "namespace": namespace,
            "resourceVersion": str(version),
            "uid": uid,
            "labels": labels,
        },
    }


def known(cache: Cache, name: str) -> str | None:
    found = cache.get(DEPLOYMENT, "team", name)
    return found["metadata"]["resourceVersion"] if found else None


def test_only_newer_versions_are_taken() -> None:
    cache = Cache()
    assert cache.put(DEPLOYMENT, obj("a", 5))
    assert not cache.put(DEPLOYMENT, obj("a", 5)), "the event about our own write is no news"
    assert not cache.put(DEPLOYMENT, obj("a", 4))
    assert cache.put(DEPLOYMENT, obj("a", 6, of=1))
    assert known(cache, "a") == "6"


def test_what_nothing_depends_on_is_no_news() -> None:
    cache = Cache()
    cache.put(DEPLOYMENT, obj("a", 5))
    assert not cache.put(DEPLOYMENT, {**obj("a", 6), "status": {"observedGeneration": 2}})
    assert known(cache, "a") == "6", "the version is taken all the same"


def test_what_the_cache_gives_is_the_callers_own() -> None:
    cache = Cache()
    cache.put(DEPLOYMENT, obj("a", 5))
    found = cache.get(DEPLOYMENT, "team", "a")
    assert found is not None
    found["spec"]["of"] = 7
    again = cache.get(DEPLOYMENT, "team", "a")
    assert again is not None
    assert again["spec"]["of"] == 0


def test_versions_are_compared_as_numbers() -> None:
    cache = Cache()
    cache.put(DEPLOYMENT, obj("a", 9))
    assert cache.put(DEPLOYMENT, obj("a", 10, of=1))


def test_an_object_made_anew_under_its_name_outlives_late_news_of_the_old_one() -> None:
    cache = Cache()
    cache.put(DEPLOYMENT, obj("a", 5, uid="old"))
    cache.put(DEPLOYMENT, obj("a", 9, uid="new"))
    assert not cache.put(DEPLOYMENT, obj("a", 6, uid="old"))
    assert not cache.remove(DEPLOYMENT, obj("a", 8, uid="old"))
    assert known(cache, "a") == "9"


def test_an_answer_that_was_on_its_way_does_not_bring_a_deleted_object_back() -> None:
    cache = Cache()
    cache.put(DEPLOYMENT, obj("a", 5))
    assert cache.remove(DEPLOYMENT, obj("a", 8))
    assert not cache.put(DEPLOYMENT, obj("a", 7)), "our apply's answer, overtaken by the deletion"
    cache.replace(DEPLOYMENT, None, Listed((obj("a", 5),), 6))
    assert known(cache, "a") is None, "a list from before the deletion"
    assert cache.put(DEPLOYMENT, obj("a", 11, uid="anew"))


def test_a_deletion_that_comes_first_counts() -> None:
    cache = Cache()
    cache.remove(DEPLOYMENT, obj("a", 8))
    assert not cache.put(DEPLOYMENT, obj("a", 7))


def test_objects_are_found_by_their_model() -> None:
    cache = Cache()
    for name, model in (("b", "digits"), ("a", "digits"), ("c", "other")):
        cache.put(DEPLOYMENT, obj(name, 1, model))
    cache.put(POD, obj("p", 1))
    cache.put(DEPLOYMENT, obj("d", 1, namespace="elsewhere"))
    assert [o["metadata"]["name"] for o in cache.of_model(DEPLOYMENT, ("team", "digits"))] == ["a", "b"]
    cache.put(DEPLOYMENT, obj("a", 2, "other"))
    assert [o["metadata"]["name"] for o in cache.of_model(DEPLOYMENT, ("team", "digits"))] == ["b"]
    cache.remove(DEPLOYMENT, obj("b", 3))
    assert cache.of_model(DEPLOYMENT, ("team", "digits")) == []


def test_a_list_evicts_ghosts_but_not_what_is_newer_than_it() -> None:
    cache = Cache()
    cache.put(DEPLOYMENT, obj("ghost", 3))
    cache.put(DEPLOYMENT, obj("kept", 4))
    cache.put(DEPLOYMENT, obj("newer", 12))
    cache.put(POD, obj("ghost", 3))
    cache.replace(DEPLOYMENT, None, Listed((obj("kept", 4), obj("found", 9)), 10))
    assert known(cache, "ghost") is None
    assert [o["metadata"]["name"] for o in cache.of_model(DEPLOYMENT, ("team", "digits"))] == ["found", "kept", "newer"]
    assert cache.get(POD, "team", "ghost") is not None, "another kind"


def test_a_list_evicts_only_in_its_scope() -> None:
    cache = Cache()
    for namespace in ("team", "elsewhere"):
        cache.put(DEPLOYMENT, obj("a", 3, namespace=namespace))
        cache.put(DEPLOYMENT, obj("b", 3, "other", namespace=namespace))
    cache.replace(DEPLOYMENT, "team", Listed((), 10), model=("team", "digits"))
    assert known(cache, "a") is None
    assert known(cache, "b") == "3"
    cache.replace(DEPLOYMENT, "team", Listed((), 10))
    assert known(cache, "b") is None
    assert cache.get(DEPLOYMENT, "elsewhere", "a") is not None


def test_a_list_does_not_go_back_in_time() -> None:
    cache = Cache()
    cache.put(DEPLOYMENT, obj("a", 12))
    cache.replace(DEPLOYMENT, None, Listed((obj("a", 7),), 10))
    assert known(cache, "a") == "12"


def test_a_model_is_its_own_key_and_what_has_no_label_belongs_to_none() -> None:
    cache = Cache()
    cache.put(MODEL, obj("digits", 1))
    assert cache.models() == [("team", "digits")]
    bare = {"metadata": {"name": "x", "namespace": "team"}}
    assert model_key(DEPLOYMENT, bare) is None
    assert model_key(MODEL, bare) == ("team", "x")
