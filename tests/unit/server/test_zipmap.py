"""ZipMap's maps become the matrix that they were made from."""

import numpy as np
import pytest

from onnx_server.engine import zipmap


def test_rows_and_columns() -> None:
    matrix = zipmap.matrix([{2: 0.25, 10: 0.75}, {2: 1.0, 10: 0.0}])
    assert matrix.dtype == np.float32
    assert matrix.tolist() == [[0.25, 0.75], [1.0, 0.0]]


def test_columns_are_in_the_order_of_the_keys() -> None:
    assert zipmap.matrix([{"b": 1.0, "a": 2.0}, {"a": 3.0, "b": 4.0}]).tolist() == [[2.0, 1.0], [3.0, 4.0]]


def test_no_rows() -> None:
    assert zipmap.matrix([]).shape == (0, 0)


@pytest.mark.parametrize("other", [{1: 0.5}, {1: 0.5, 3: 0.5}, {1: 0.5, 2: 0.25, 3: 0.25}])
def test_maps_with_different_keys_are_no_matrix(other: dict[int, float]) -> None:
    with pytest.raises(ValueError, match="the map of row 1 has other keys"):
        zipmap.matrix([{1: 0.5, 2: 0.5}, other])


def test_only_what_zipmap_gives_is_converted() -> None:
    assert zipmap.converts("seq(map(int64,tensor(float)))")
    assert zipmap.converts("seq(map(string,tensor(float)))")
    for other in ("map(int64,tensor(float))", "seq(tensor(float))", "tensor(float)", "seq(map(int64,tensor(double)))"):
        assert not zipmap.converts(other)
