"""Golden requests: the test data that lies beside a model is run before it is ready, and held to what is expected."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from onnx_server.engine.likeness import difference
from onnx_server.engine.model import Runs
from onnx_server.protocol.datatypes import Datatype, Tensor
from onnx_server.protocol.errors import ModelFailedError
from onnx_server.protocol.signature import Signature, TensorSpec
from onnx_server.repository import golden_files
from onnx_server.repository.golden_files import SETS, TOTAL_BYTES, GoldenFolder
from onnx_server.repository.locate import LocatedModel
from onnx_server.repository.tensor_file import MalformedTensorError, parse

SECONDS = 60.0
"""After so many seconds of running no other set is begun: nobody waits for ever for a model to be ready."""
LONGEST_MESSAGE = 300
"""Characters of what is said of a set."""


@dataclass(frozen=True, eq=False)
class GoldenSet:
    """A test data set: `inputs` by name as the model takes them (without preparation), and the outputs `expected`.

    Every input of the model is there, of its datatype and shape; of the outputs at least one.
    """

    name: str
    inputs: Mapping[str, Tensor]
    expected: Mapping[str, Tensor]


@dataclass(frozen=True)
class Unfit:
    """A set that failed, and why, in a few words."""

    name: str
    message: str


@dataclass(frozen=True)
class Verdict:
    """What came of `sets` that were looked at: how many passed, and what the others failed for.

    `message` says which were left out, and is mostly empty.
    """

    sets: int
    passed: int
    failures: tuple[Unfit, ...]
    message: str = ""

    def describe(self) -> dict[str, object]:
        """Return `golden` of docs/contract.md."""
        failures = [{"set": failure.name, "message": failure.message} for failure in self.failures]
        return {"sets": self.sets, "passed": self.passed, "failures": failures, "message": self.message}


@dataclass(frozen=True)
class Golden:
    """The sets that could be read, those that could not, and the names of those that were left out."""

    sets: tuple[GoldenSet, ...] = ()
    malformed: tuple[Unfit, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def inputs(self) -> tuple[GoldenSet, ...]:
        """The sets for whoever needs their inputs only: what is expected is not kept in memory."""
        return tuple(replace(each, expected={}) for each in self.sets)

    def judge(self, model: Runs, signature: Signature, *, on_cpu: bool) -> Verdict | None:
        """Run all sets on the calling thread; None where there are none. Raises nothing."""
        if not (self.sets or self.malformed or self.left_out):
            return None
        began = time.monotonic()
        failures = list(self.malformed)
        left_out = list(self.left_out)
        ran = 0
        for each in self.sets:
            if time.monotonic() - began > SECONDS:
                left_out.append(each.name)
                continue
            ran += 1
            if problem := _problem(each, model, signature, on_cpu=on_cpu):
                failures.append(_unfit(each.name, problem))
        sets = ran + len(self.malformed)
        return Verdict(sets, sets - len(failures), tuple(failures), _of_others(left_out))


def read(located: LocatedModel, signature: Signature) -> Golden:
    """Return the test data beside the model. What cannot be read, or is none of this model, is `malformed`."""
    try:
        folders, left_out = golden_files.find(located)
    except OSError as error:
        return Golden(malformed=(_unfit(golden_files.FOLDERS, str(error)),))
    sets, malformed = [], []
    for folder in folders:
        try:
            sets.append(_set(folder, signature))
        except (MalformedTensorError, OSError) as error:
            malformed.append(_unfit(folder.name, str(error)))
    return Golden(tuple(sets), tuple(malformed), tuple(left_out))


def _set(folder: GoldenFolder, signature: Signature) -> GoldenSet:
    inputs = _by_name(folder.inputs, signature.inputs)
    expected = _by_name(folder.outputs, signature.outputs)
    if missing := [spec.name for spec in signature.inputs if spec.name not in inputs]:
        raise MalformedTensorError(f"there is no input_N.pb for input '{missing[0]}'")
    if not expected:
        raise MalformedTensorError("there is no output_0.pb to compare with")
    return GoldenSet(folder.name, inputs, expected)


def _by_name(files: dict[int, Path], specs: tuple[TensorSpec, ...]) -> dict[str, Tensor]:
    """Return the tensors in these files by the names of what they are for.

    They have these names themselves or, where not all have, are in the order of the graph.
    """
    read = [(number, path, *_parsed(path)) for number, path in files.items()]
    named = {name for _, _, name, _, _ in read}
    known = {spec.name: spec for spec in specs}
    by_name = len(named) == len(read) and named <= known.keys()
    found = {}
    for number, path, name, datatype, array in read:
        if not by_name and number >= len(specs):
            role = path.name.partition("_")[0]
            raise MalformedTensorError(f"{path.name}: the model has {len(specs)} {role}s")
        spec = known[name] if by_name else specs[number]
        _check(spec, path, datatype, array)
        found[spec.name] = array
    return found


def _parsed(path: Path) -> tuple[str, Datatype, Tensor]:
    try:
        return parse(path.read_bytes())
    except MalformedTensorError as error:
        raise MalformedTensorError(f"{path.name}: {error}") from None


def _check(spec: TensorSpec, path: Path, datatype: Datatype, array: Tensor) -> None:
    if datatype != spec.datatype:
        raise MalformedTensorError(f"{path.name}: it is {datatype.name}, and '{spec.name}' is {spec.datatype.name}")
    if not spec.accepts(array.shape):
        raise MalformedTensorError(
            f"{path.name}: its shape {list(array.shape)} does not fit '{spec.name}' of {list(spec.shape)}"
        )


def _problem(each: GoldenSet, model: Runs, signature: Signature, *, on_cpu: bool) -> str:
    specs = [spec for spec in signature.outputs if spec.name in each.expected]
    try:
        outputs = model.run(each.inputs, [spec.name for spec in specs])
    except ModelFailedError as error:
        return f"the model failed: {error.said}"
    problems = (
        difference(spec, each.expected[spec.name], output, on_cpu=on_cpu)
        for spec, output in zip(specs, outputs, strict=True)
    )
    return next(filter(None, problems), "")


def _unfit(name: str, message: str) -> Unfit:
    return Unfit(name[:100], message if len(message) <= LONGEST_MESSAGE else message[: LONGEST_MESSAGE - 1] + "…")


def _of_others(left_out: list[str]) -> str:
    if not left_out:
        return ""
    first = left_out[0][:100]
    names = first if len(left_out) == 1 else f"{first} and {len(left_out) - 1} more"
    return f"left out: {names}; at most {SETS} sets, {TOTAL_BYTES >> 20} MiB and {SECONDS:.0f} seconds are taken"
