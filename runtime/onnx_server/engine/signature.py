"""Read a session's inputs and outputs as the protocol's signature."""

from collections.abc import Sequence
from typing import Any

from onnx_server.engine import zipmap
from onnx_server.failures import Failure, Reason
from onnx_server.protocol.datatypes import BY_ELEMENT_TYPE
from onnx_server.protocol.signature import Signature, TensorSpec


def of(session: Any) -> Signature:
    """Return the signature. Raises Failure UnsupportedModel for types that the protocol cannot carry.

    Initializers that a feed might override are no inputs: ONNX Runtime lists them apart.
    """
    outputs = session.get_outputs()
    signature = Signature(_specs("input", session.get_inputs()), _specs("output", outputs))
    takes_strings = any(spec.datatype.name == "BYTES" for spec in signature.inputs)
    if takes_strings and any(spec.datatype.name == "BF16" for spec in signature.outputs):
        # ONNX Runtime gives bfloat16 only as OrtValues, and takes strings only as arrays.
        message = (
            "the model has string inputs and bfloat16 outputs, which do not go together: cast the outputs to float"
        )
        raise Failure(Reason.UNSUPPORTED_MODEL, message)
    maps = [output.name for output in outputs if zipmap.converts(output.type)]
    if maps and any(spec.datatype.name == "BF16" for spec in signature.outputs):
        message = f"output '{maps[0]}' of maps and a bfloat16 output do not go together: {_remedy('map(')}"
        raise Failure(Reason.UNSUPPORTED_MODEL, message)
    return signature


def _specs(role: str, arguments: Sequence[Any]) -> tuple[TensorSpec, ...]:
    return tuple(_spec(role, argument) for argument in arguments)


def _spec(role: str, argument: Any) -> TensorSpec:
    if role == "output" and zipmap.converts(argument.type):
        return TensorSpec(argument.name, BY_ELEMENT_TYPE["float"], zipmap.SHAPE)
    element_type = argument.type.removeprefix("tensor(").removesuffix(")")
    datatype = BY_ELEMENT_TYPE.get(element_type)
    if not argument.type.startswith("tensor(") or datatype is None:
        message = (
            f"{role} '{argument.name}' has the type {argument.type}, which the Open Inference Protocol cannot carry: "
            f"{_remedy(argument.type)}"
        )
        raise Failure(Reason.UNSUPPORTED_MODEL, message)
    shape = tuple(size if isinstance(size, int) and size >= 0 else -1 for size in argument.shape)
    symbols = tuple(size if isinstance(size, str) and size else None for size in argument.shape)
    return TensorSpec(argument.name, datatype, shape, symbols)


def _remedy(onnx_type: str) -> str:
    if "map(" in onnx_type:
        return "export the model with plain tensors (skl2onnx: options={'zipmap': False})"
    if onnx_type.startswith("optional("):
        return "export the model with the value itself in place of the optional (OptionalGetElement)"
    if onnx_type.startswith("tensor("):
        return "cast it in the model to a type that the protocol has, such as float or int8"
    return "export the model with plain tensors as inputs and outputs"
