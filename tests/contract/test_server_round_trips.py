"""Every datatype and shape through a real server and back, by the unmodified client, in both forms and mixed."""

from collections.abc import Iterator
from typing import Any

import ml_dtypes
import numpy as np
import pytest
import tritonclient.http as triton
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from onnx import TensorProto
from tritonclient.utils import np_to_triton_dtype

from tests.contract import onnx_models
from tests.contract.server_process import serving

DTYPES: dict[str, Any] = {
    "S": np.dtype(object),
    "H": np.dtype(np.float16),
    "B": np.dtype(np.bool_),
    "F": np.dtype(np.float32),
    "D": np.dtype(np.float64),
    "I8": np.dtype(np.int8),
    "I16": np.dtype(np.int16),
    "I32": np.dtype(np.int32),
    "I64": np.dtype(np.int64),
    "U8": np.dtype(np.uint8),
    "U16": np.dtype(np.uint16),
    "U32": np.dtype(np.uint32),
    "U64": np.dtype(np.uint64),
}
SHAPES = hnp.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=4)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[triton.InferenceServerClient]:
    """Identities of undeclared shape, so that one server takes all."""
    tmp_path = tmp_path_factory.mktemp("round_trips")
    model = onnx_models.identities(tmp_path / "any.onnx", shape=None, **onnx_models.IDENTITY_TYPES)
    with serving(model, tmp_path=tmp_path) as running:
        running.wait_until_ready()
        with triton.InferenceServerClient(f"127.0.0.1:{running.http_port}") as connected:
            yield connected


@pytest.fixture(scope="module")
def bfloat16(tmp_path_factory: pytest.TempPathFactory) -> Iterator[triton.InferenceServerClient]:
    """A server of its own: a model with strings cannot give bfloat16."""
    tmp_path = tmp_path_factory.mktemp("bfloat16")
    model = onnx_models.identities(tmp_path / "bf.onnx", shape=None, BF=TensorProto.BFLOAT16)
    with serving(model, tmp_path=tmp_path) as running:
        running.wait_until_ready()
        with triton.InferenceServerClient(f"127.0.0.1:{running.http_port}") as connected:
            yield connected


def test_every_datatype_is_here() -> None:
    assert set(DTYPES) == set(onnx_models.IDENTITY_TYPES)


@st.composite
def tensors(draw: st.DrawFn) -> dict[str, tuple[NDArray[Any], bool, bool]]:
    """A tensor for each datatype, and whether it goes and comes back in binary form."""
    drawn = {}
    for key, dtype in DTYPES.items():
        shape = draw(SHAPES)
        goes, comes = draw(st.booleans()) or key == "H", draw(st.booleans()) or key == "H"
        if key == "S":
            array = np.empty(shape, dtype=object)
            for index in np.ndindex(*shape):
                array[index] = draw(TEXTS).encode()
        else:
            # JSON has no NaN and no infinities.
            kept = {} if dtype.kind != "f" or (goes and comes) else {"allow_nan": False, "allow_infinity": False}
            array = draw(hnp.arrays(dtype, shape, elements=hnp.from_dtype(dtype, **kept)))
        drawn[key] = (array, goes, comes)
    return drawn


@given(tensors())
@settings(max_examples=60)
def test_all_datatypes_in_one_request(client: triton.InferenceServerClient, drawn: dict[str, Any]) -> None:
    inputs, asked = [], []
    for key, (array, goes, comes) in drawn.items():
        tensor = triton.InferInput(f"IN_{key}", list(array.shape), np_to_triton_dtype(array.dtype))
        tensor.set_data_from_numpy(array, binary_data=goes)
        inputs.append(tensor)
        asked.append(triton.InferRequestedOutput(f"OUT_{key}", binary_data=comes))
    result = client.infer("any", inputs, outputs=asked)
    for key, (array, _, comes) in drawn.items():
        returned = result.as_numpy(f"OUT_{key}")
        assert returned.shape == array.shape
        if key == "S":
            assert returned.ravel().tolist() == [text if comes else text.decode() for text in array.ravel()]
        elif comes:
            assert returned.tobytes() == array.tobytes()
        else:
            np.testing.assert_array_equal(returned, array)


@given(hnp.arrays(np.uint16, SHAPES))
@settings(max_examples=60)
def test_bfloat16_keeps_every_bit(bfloat16: triton.InferenceServerClient, bits: NDArray[np.uint16]) -> None:
    values = bits.view(ml_dtypes.bfloat16)
    tensor = triton.InferInput("IN_BF", list(bits.shape), "BF16")
    tensor.set_data_from_numpy(values)
    returned = bfloat16.infer("bf", [tensor]).as_numpy("OUT_BF")
    assert returned.shape == bits.shape
    assert returned.tobytes() == bits.tobytes()


@pytest.mark.parametrize("binary", [True, False])
def test_large_tensors(client: triton.InferenceServerClient, binary: bool) -> None:
    random = np.random.default_rng(0)
    arrays = {key: np.zeros((0,), dtype) for key, dtype in DTYPES.items()}
    arrays |= {"F": random.normal(size=(64, 3, 50, 50)).astype(np.float32), "I64": random.integers(-9, 9, (10**5,))}
    arrays["S"] = np.array([f"text {index}".encode() for index in range(20_000)], dtype=object)
    inputs, asked = [], []
    for key, array in arrays.items():
        tensor = triton.InferInput(f"IN_{key}", list(array.shape), np_to_triton_dtype(array.dtype))
        tensor.set_data_from_numpy(array, binary_data=binary or key == "H")
        inputs.append(tensor)
        asked.append(triton.InferRequestedOutput(f"OUT_{key}", binary_data=binary or key == "H"))
    result = client.infer("any", inputs, outputs=asked)
    np.testing.assert_array_equal(result.as_numpy("OUT_F"), arrays["F"])
    np.testing.assert_array_equal(result.as_numpy("OUT_I64"), arrays["I64"])
    texts = result.as_numpy("OUT_S").tolist()
    assert texts == (arrays["S"].tolist() if binary else [text.decode() for text in arrays["S"]])
