"""What a model takes and gives, in the protocol's terms."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from onnx_server.protocol.datatypes import Datatype


@dataclass(frozen=True)
class TensorSpec:
    """An input or output. A dynamic dimension is -1.

    ONNX Runtime shows a scalar and a tensor of undeclared rank alike, as the empty shape: such a shape says nothing.
    `symbols` are the model's names of its dynamic dimensions, `also` the other datatypes that clients may send, and
    `parameters` what the metadata says besides.
    """

    name: str
    datatype: Datatype
    shape: tuple[int, ...]
    symbols: tuple[str | None, ...] = ()
    also: tuple[Datatype, ...] = ()
    parameters: Mapping[str, object] = field(default_factory=dict, compare=False)

    @property
    def batches(self) -> bool:
        """Whether the first dimension is dynamic, so that it may count rows."""
        return bool(self.shape) and self.shape[0] == -1

    def accepts(self, shape: tuple[int, ...]) -> bool:
        """Whether a tensor of `shape` fits the declared rank and fixed dimensions."""
        if not self.shape:
            return True
        return len(shape) == len(self.shape) and all(
            want in {-1, got} for want, got in zip(self.shape, shape, strict=True)
        )

    def sent_as(self, name: str) -> Datatype | None:
        """Return the datatype, called `name` in the protocol, that a client may send; None if it may not."""
        if name == self.datatype.name:
            return self.datatype
        return next((datatype for datatype in self.also if datatype.name == name), None)

    def describe(self) -> dict[str, object]:
        """Return the protocol's metadata of this tensor."""
        described: dict[str, object] = {"name": self.name, "datatype": self.datatype.name, "shape": list(self.shape)}
        return {**described, "parameters": dict(self.parameters)} if self.parameters else described


@dataclass(frozen=True)
class Signature:
    """All inputs and outputs, in the model's order."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]

    @cached_property
    def inputs_by_name(self) -> dict[str, TensorSpec]:
        """The inputs by name; not to be changed."""
        return {spec.name: spec for spec in self.inputs}

    @cached_property
    def outputs_by_name(self) -> dict[str, TensorSpec]:
        """The outputs by name; not to be changed."""
        return {spec.name: spec for spec in self.outputs}

    def describe(self) -> dict[str, object]:
        """Return the protocol's metadata: {"inputs": [...], "outputs": [...]}."""
        return {
            "inputs": [spec.describe() for spec in self.inputs],
            "outputs": [spec.describe() for spec in self.outputs],
        }
