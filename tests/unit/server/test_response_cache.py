"""The response cache's core: what a digest tells apart, and that the bytes kept are bounded."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from onnx_server.engine.cache import LARGEST_SHARE, ResponseCache, digest

ONE = {"x": np.array([1.0, 2.0], np.float32)}
DIFFERENT = {
    "another value": ({"x": np.array([1.0, 3.0], np.float32)}, ("y",)),
    "another shape": ({"x": np.array([[1.0, 2.0]], np.float32)}, ("y",)),
    "another dtype of the same bytes": ({"x": ONE["x"].view(np.int32)}, ("y",)),
    "another name": ({"z": ONE["x"]}, ("y",)),
    "a negative zero": ({"x": np.array([1.0, -0.0], np.float32)}, ("y",)),
    "one input more": (ONE | {"z": ONE["x"]}, ("y",)),
    "another output": (ONE, ("z",)),
    "more outputs": (ONE, ("y", "z")),
    "another order of outputs": (ONE, ("z", "y")),
    "outputs whose names run together": (ONE, ("yz",)),
    "an empty tensor": ({"x": np.zeros((0,), np.float32)}, ("y",)),
    "an empty tensor of another shape": ({"x": np.zeros((2, 0), np.float32)}, ("y",)),
    "strings": ({"x": np.array(["a", "b"], object)}, ("y",)),
    "strings cut elsewhere": ({"x": np.array(["ab", ""], object)}, ("y",)),
    "strings beside an input": ({"x": np.array(["a", "b"], object), "z": ONE["x"]}, ("y",)),
}


def test_a_digest_tells_requests_apart() -> None:
    digests = [digest(ONE, ("y",))] + [digest(inputs, outputs) for inputs, outputs in DIFFERENT.values()]
    assert len(set(digests)) == len(digests)


def test_the_order_of_inputs_and_the_layout_in_memory_do_not_matter() -> None:
    grid = np.arange(6, dtype=np.int64).reshape(2, 3)
    one = {"a": grid, "b": np.array(["é"], object)}
    other = {"b": np.array(["é"], object), "a": np.asfortranarray(grid)}
    assert digest(one, ("y",)) == digest(other, ("y",))


@given(
    arrays.arrays(st.sampled_from([np.bool_, np.uint8, np.int16, np.float16, np.float64]), arrays.array_shapes()),
    st.lists(st.text(), min_size=1, max_size=3),
)
def test_equal_requests_have_equal_digests(array: np.ndarray, texts: list[str]) -> None:
    def request() -> dict[str, np.ndarray]:
        return {"x": array.copy(), "s": np.array(texts, object)}

    assert digest(request(), ("y",)) == digest(request(), ("y",))


def answer(value: int, size: int = 1000) -> list[np.ndarray]:
    return [np.full(size, value, np.uint8)]


def test_what_was_put_comes_back_until_others_push_it_out() -> None:
    cache = ResponseCache(100_000)
    for value in range(60):
        cache.put(bytes([value]), answer(value))
        first = cache.get(bytes([0]))
        assert first is not None
        assert (first[0] == 0).all()
    assert cache.size <= 100_000
    assert 60 < 100_000 / 1000
    for value in range(60, 200):
        cache.put(bytes([value]), answer(value))
        cache.get(bytes([0]))
    assert cache.get(bytes([0])) is not None, "the one that is used stays"
    assert cache.get(bytes([1])) is None, "the longest unused went"
    assert cache.get(bytes([199])) is not None
    assert 60 < len(cache) < 100
    assert cache.size <= 100_000


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 3000))))
def test_the_bytes_are_bounded_whatever_comes(puts: list[tuple[int, int]]) -> None:
    cache = ResponseCache(10_000)
    for key, size in puts:
        cache.put(bytes([key]), answer(key, size))
        assert cache.size <= 10_000
        kept = cache.get(bytes([key]))
        assert kept is None or (kept[0] == key).all()
    total = sum(array.nbytes for key in range(21) for array in cache.get(bytes([key])) or [])
    assert total <= cache.size


def test_what_takes_more_than_the_share_is_not_kept_and_pushes_nothing_out() -> None:
    cache = ResponseCache(10_000)
    cache.put(b"small", answer(1, 100))
    cache.put(b"large", answer(2, 10_000 // LARGEST_SHARE))
    cache.put(b"strings", [np.array(["x" * 5000], object)])
    assert cache.get(b"large") is None
    assert cache.get(b"strings") is None
    assert cache.get(b"small") is not None


def test_nobody_can_change_what_is_kept() -> None:
    cache = ResponseCache(100_000)
    batch = np.arange(8, dtype=np.float32).reshape(4, 2)
    texts = np.array(["a"], object)
    cache.put(b"k", [batch[1:2], texts])
    batch[:] = 0
    texts[0] = "b"
    kept = cache.get(b"k")
    assert kept is not None
    np.testing.assert_array_equal(kept[0], [[2, 3]])
    assert kept[1].tolist() == ["a"]
    for array in kept:
        with pytest.raises(ValueError, match="read-only"):
            array[0] = array[0]
    kept.clear()
    assert len(cache.get(b"k") or []) == 2
