"""Test data beside a model: found, read, run, and held to what is expected of it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from onnx import numpy_helper

from onnx_server.engine import golden
from onnx_server.engine.golden import SECONDS, Golden, Verdict
from onnx_server.engine.likeness import difference
from onnx_server.engine.warmup import warm_up
from onnx_server.failures import Failure, Reason
from onnx_server.protocol.datatypes import BY_NAME, Tensor
from onnx_server.protocol.errors import ModelFailedError
from onnx_server.protocol.signature import Signature, TensorSpec
from onnx_server.repository import golden_files
from onnx_server.repository.locate import LocatedModel
from onnx_server.repository.modelfile import ModelHeader


def spec(name: str, datatype: str = "FP32", shape: tuple[int, ...] = (-1, 2)) -> TensorSpec:
    return TensorSpec(name, BY_NAME[datatype], shape)


TWO = Signature((spec("a"), spec("b")), (spec("sum"), spec("label", "INT64", (-1,))))


class Adds:
    """The model: sum = a + b, and the index of the larger column; it fails on negative numbers."""

    def run(self, inputs: Mapping[str, Tensor], outputs: Sequence[str]) -> list[Tensor]:
        if (inputs["a"] < 0).any():
            raise ModelFailedError("it is negative" * 100, of_input=False)
        total = inputs["a"] + inputs["b"]
        found = {"sum": total, "label": total.argmax(axis=1)}
        return [found[name] for name in outputs]


A, B = np.array([[1, 2]], np.float32), np.array([[3, 1]], np.float32)
SUM, LABEL = A + B, np.array([0])


def write(folder: Path, role: str, *arrays: Tensor, names: Sequence[str] = ()) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for index, array in enumerate(arrays):
        proto = numpy_helper.from_array(array, names[index] if names else None)
        (folder / f"{role}_{index}.pb").write_bytes(proto.SerializeToString())


def located(directory: Path, files: frozenset[Path] | None = None) -> LocatedModel:
    return LocatedModel(directory / "model.onnx", ModelHeader(8, {}), None, files)


def judged(directory: Path, signature: Signature = TWO) -> Verdict:
    verdict = golden.read(located(directory), signature).judge(Adds(), signature, on_cpu=True)
    assert verdict is not None
    return verdict


def test_none(tmp_path: Path) -> None:
    read = golden.read(located(tmp_path), TWO)
    assert (read, read.judge(Adds(), TWO, on_cpu=True)) == (Golden(), None)


def test_in_the_order_of_the_graph(tmp_path: Path) -> None:
    write(tmp_path / "test_data_set_0", "input", A, B)
    write(tmp_path / "test_data_set_0", "output", SUM, LABEL)
    assert judged(tmp_path) == Verdict(1, 1, ())


def test_by_their_names(tmp_path: Path) -> None:
    write(tmp_path / "test_data_set_0", "input", -A, A - A, names=("b", "a"))
    write(tmp_path / "test_data_set_0", "output", np.array([0]), names=("label",))
    assert judged(tmp_path) == Verdict(1, 1, ())


def test_names_that_are_not_the_models_say_nothing(tmp_path: Path) -> None:
    write(tmp_path / "test_data_set_0", "input", A, B, names=("gpu_0/data_0", "a"))
    write(tmp_path / "test_data_set_0", "output", SUM, names=("gpu_0/softmax_1",))
    assert judged(tmp_path) == Verdict(1, 1, ())


@pytest.mark.parametrize(
    ("a", "expected", "words"),
    [
        (A, (SUM, np.array([1])), "output label: 1 of 1 elements differ, e.g. 0, expected is 1"),
        (A, (SUM * 1.1,), "output sum: 2 of 2 elements differ, at most by 0.4"),
        (A, (np.concatenate([SUM, SUM]),), "output sum: its shape is [1, 2], expected is [2, 2]"),
        (-A, (SUM,), "the model failed: it is negative"),
    ],
)
def test_it_fails(a: Tensor, expected: tuple[Tensor, ...], words: str, tmp_path: Path) -> None:
    for number in (0, 1):
        write(tmp_path / f"test_data_set_{number}", "input", a if number else A, B)
        write(tmp_path / f"test_data_set_{number}", "output", *(expected if number else (SUM,)))
    verdict = judged(tmp_path)
    assert (verdict.sets, verdict.passed) == (2, 1)
    assert verdict.failures[0].name == "test_data_set_1"
    assert verdict.failures[0].message.startswith(words)
    assert len(verdict.failures[0].message) <= 300


MALFORMED = {
    "an input is missing": ({"input": (A,), "output": (SUM,)}, "there is no input_N.pb for input 'b'"),
    "too many inputs": ({"input": (A, B, A), "output": (SUM,)}, "input_2.pb: the model has 2 inputs"),
    "no outputs": ({"input": (A, B)}, "there is no output_0.pb to compare with"),
    "nothing": ({}, "there is no input_N.pb for input 'a'"),
    "another type": ({"input": (A, B.astype(np.float64)), "output": (SUM,)}, "input_1.pb: it is FP64, and 'b' is FP32"),
    "another shape": ({"input": (A, B[0]), "output": (SUM,)}, "input_1.pb: its shape [2] does not fit 'b' of [-1, 2]"),
    "another type expected": ({"input": (A, B), "output": (SUM, SUM)}, "output_1.pb: it is FP32, and 'label' is INT64"),
}


@pytest.mark.parametrize(("files", "words"), MALFORMED.values(), ids=list(MALFORMED))
def test_malformed_sets_are_failures_and_others_are_run(files: dict[str, Sequence[Tensor]], words: str, tmp_path: Path):
    (tmp_path / "test_data_set_0").mkdir()
    for role, arrays in files.items():
        write(tmp_path / "test_data_set_0", role, *arrays)
    write(tmp_path / "test_data_set_1", "input", A, B)
    write(tmp_path / "test_data_set_1", "output", SUM)
    verdict = judged(tmp_path)
    assert (verdict.sets, verdict.passed) == (2, 1)
    assert [(failure.name, failure.message) for failure in verdict.failures] == [("test_data_set_0", words)]


def test_the_file_that_is_no_tensor_is_named(tmp_path: Path) -> None:
    write(tmp_path / "test_data_set_0", "input", A, B)
    (tmp_path / "test_data_set_0" / "output_0.pb").write_bytes(b"<html>")
    (failure,) = judged(tmp_path).failures
    assert failure.message == "output_0.pb: its bytes are no tensor (TensorProto)"


def test_what_cannot_be_read_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "test_data_set_0", "input", A, B)

    def refused(_path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "read_bytes", refused)
        assert "Permission denied" in judged(tmp_path).failures[0].message
    monkeypatch.setattr(Path, "iterdir", refused)
    assert "Permission denied" in judged(tmp_path).failures[0].message


def test_at_most_ten_sets_are_read_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for number in range(13):
        write(tmp_path / f"test_data_set_{number}", "input", A, B)
        write(tmp_path / f"test_data_set_{number}", "output", SUM)
    read = golden.read(located(tmp_path), TWO)
    assert [each.name for each in read.sets] == [f"test_data_set_{number}" for number in range(10)]
    verdict = read.judge(Adds(), TWO, on_cpu=True)
    assert verdict is not None
    assert (verdict.sets, verdict.passed) == (10, 10)
    assert verdict.message.startswith("left out: test_data_set_10 and 2 more; at most 10 sets, 64 MiB")


def test_no_more_bytes_than_allowed_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(golden_files, "TOTAL_BYTES", 80)
    for number, large in enumerate((False, True, False)):
        write(tmp_path / f"test_data_set_{number}", "input", np.zeros((50, 2), np.float32) if large else A, B)
        write(tmp_path / f"test_data_set_{number}", "output", SUM)
    read = golden.read(located(tmp_path), TWO)
    assert ([each.name for each in read.sets], read.left_out) == (
        ["test_data_set_0"],
        ("test_data_set_1", "test_data_set_2"),
    )
    only_large = Golden(left_out=("test_data_set_0",)).judge(Adds(), TWO, on_cpu=True)
    assert only_large is not None
    assert (only_large.sets, only_large.passed, only_large.failures) == (0, 0, ())
    assert only_large.message.startswith("left out: test_data_set_0;")


def test_no_set_is_begun_when_they_have_taken_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        write(tmp_path / f"test_data_set_{number}", "input", A, B)
        write(tmp_path / f"test_data_set_{number}", "output", SUM)
    clock = iter([0.0, 1.0, SECONDS + 1, SECONDS + 2])
    monkeypatch.setattr(golden.time, "monotonic", lambda: next(clock))
    verdict = judged(tmp_path)
    assert (verdict.sets, verdict.passed) == (1, 1)
    assert verdict.message.startswith("left out: test_data_set_1 and 1 more")


def test_of_what_was_fetched_only_verified_files_count(tmp_path: Path) -> None:
    folder = tmp_path / "test_data_set_0"
    write(folder, "input", A, B)
    write(folder, "output", SUM)
    verified = frozenset({folder / "input_0.pb", folder / "output_0.pb"})
    read = golden.read(located(tmp_path, verified), TWO)
    assert read.malformed[0].message == "there is no input_N.pb for input 'b'"


def test_other_files_and_folders_do_not_matter(tmp_path: Path) -> None:
    folder = tmp_path / "test_data_set_0"
    write(folder, "input", A, B)
    write(folder, "output", SUM)
    write(tmp_path / "test_data_0", "input", A)
    (tmp_path / "test_data_set_9").write_text("a file")
    for name in ("._input_0.pb", "input_0.npz", "input_0.pb.txt", "input_x.pb"):
        (folder / name).write_bytes(b"")
    (folder / "input_7.pb").mkdir()
    assert judged(tmp_path) == Verdict(1, 1, ())


def test_the_document() -> None:
    failures = (golden.Unfit("test_data_set_1", "it failed"),)
    assert Verdict(2, 1, failures).describe() == {
        "sets": 2,
        "passed": 1,
        "failures": [{"set": "test_data_set_1", "message": "it failed"}],
        "message": "",
    }


def test_the_warm_up_takes_the_first_that_the_model_takes() -> None:
    ran: list[Mapping[str, Tensor]] = []

    class Notes(Adds):
        def run(self, inputs: Mapping[str, Tensor], outputs: Sequence[str]) -> list[Tensor]:
            ran.append(inputs)
            return super().run(inputs, outputs)

    good, bad = {"a": A, "b": B}, {"a": -A, "b": B}
    assert warm_up(Notes(), TWO, [bad, good, good]).source == "Golden"
    assert ran == [bad, good]
    assert warm_up(Notes(), TWO, [bad]).source == "Declared"
    assert warm_up(Notes(), TWO).source == "Declared"


def test_the_warm_up_fails_as_without_test_data() -> None:
    class Broken:
        def run(self, inputs: Mapping[str, Tensor], outputs: Sequence[str]) -> list[Tensor]:
            raise ModelFailedError("no", of_input=False)

    with pytest.raises(Failure) as failed:
        warm_up(Broken(), TWO, [{"a": A, "b": B}])
    assert failed.value.reason == Reason.WARM_UP_FAILED


def floats(*values: float, datatype: str = "FP32") -> Tensor:
    return np.array(values, BY_NAME[datatype].dtype)


@pytest.mark.parametrize(
    ("expected", "got", "words"),
    [
        ((1.0, 2.0), (1.0009, 2.0), ""),
        ((1.0, 2.0), (1.0013, 2.0), "1 of 2 elements differ, at most by 0.0013"),
        ((0.0, 0.0), (9e-8, 0.0), ""),
        ((0.0, 0.0), (2e-7, 0.0), "1 of 2 elements differ, at most by 2e-07"),
        # What is left of larger numbers is rounded like these.
        ((100.0, 1e-3), (100.0, 9e-3), ""),
        ((100.0, 1e-3), (100.0, 2e-2), "1 of 2 elements differ, at most by 0.019"),
        ((np.nan, 1.0), (np.nan, 1.0), ""),
        ((np.inf, -np.inf), (np.inf, -np.inf), ""),
        ((1.0, 1.0), (1.0, np.nan), "1 of 2 elements differ; 1 of them are NaN or infinite, or should be"),
        ((np.inf, 1.0), (-np.inf, 2.0), "2 of 2 elements differ, at most by 1; 1 of them are NaN"),
    ],
)
def test_floats(expected: tuple[float, ...], got: tuple[float, ...], words: str) -> None:
    said = difference(spec("y"), floats(*expected), floats(*got), on_cpu=True)
    assert said.startswith(f"output y: {words}" if words else "")
    assert bool(said) == bool(words)


def test_coarser_arithmetic_is_allowed_what_it_rounds() -> None:
    one, off = floats(10.0, 0.1), floats(10.0, 0.14)
    assert difference(spec("y"), one, off, on_cpu=True)
    assert not difference(spec("y"), one, off, on_cpu=False)
    assert difference(spec("y"), one, floats(10.0, 0.2), on_cpu=False)
    halves, off = floats(10.0, 0.1, datatype="FP16"), floats(10.0, 0.2, datatype="FP16")
    assert not difference(spec("y", "FP16"), halves, off, on_cpu=True)
    bits, other = np.array([0x3F80, 0x3F80], np.uint16), np.array([0x3F80, 0x3F81], np.uint16)  # 1 and 1 + 2^-7
    assert not difference(spec("y", "BF16"), bits, other, on_cpu=True)
    assert difference(spec("y", "BF16"), bits, np.array([0x3F80, 0xBF80], np.uint16), on_cpu=True)


@pytest.mark.parametrize(
    ("datatype", "expected", "got", "words"),
    [
        ("INT64", [50000], [50001], "1 of 1 elements differ, e.g. 50001, expected is 50000"),
        ("BOOL", [True, False], [True, True], "1 of 2 elements differ, e.g. True, expected is False"),
        ("BYTES", ["cat", "dog"], ["cat", "cow"], "1 of 2 elements differ, e.g. 'cow', expected is 'dog'"),
    ],
)
def test_all_else_is_equal_or_not(datatype: str, expected: list[object], got: list[object], words: str) -> None:
    dtype = BY_NAME[datatype].dtype
    want = np.array(expected, dtype)
    assert difference(spec("y", datatype), want, want.copy(), on_cpu=True) == ""
    assert difference(spec("y", datatype), want, np.array(got, dtype), on_cpu=True) == f"output y: {words}"


def test_empty_outputs() -> None:
    nothing = np.zeros((0, 2), np.float32)
    assert difference(spec("y"), nothing, nothing, on_cpu=True) == ""
