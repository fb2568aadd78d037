"""Which outputs a request asks for, and in which form."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from onnx_server.protocol import classification, parameters
from onnx_server.protocol.errors import bad_request, shown
from onnx_server.protocol.signature import Signature, TensorSpec


@dataclass(frozen=True, slots=True)
class RequestedOutput:
    """An output to answer with, in binary or JSON form; as its `classes` highest classes where that is not 0."""

    spec: TensorSpec
    binary: bool
    classes: int = 0


def of(entries: Iterable[Mapping[str, Any]], signature: Signature, *, binary: bool) -> tuple[RequestedOutput, ...]:
    """Return the outputs of `entries`, each with a string `name`, in their order; all of the model's if there are none.

    `binary` is the form of those that name none. Raises RequestError 400 for unknown names, names that come twice, bad
    parameters and forms that the datatype does not have.
    """
    specs = signature.outputs_by_name
    chosen: dict[str, RequestedOutput] = {}
    for entry in entries:
        name = entry["name"]
        spec = specs.get(name)
        if spec is None:
            raise bad_request(f"output {shown(name)} is unknown: the model has {sorted(specs)}")
        if name in chosen:
            raise bad_request(f"output '{name}' is asked for twice")
        own, classes = parameters.of_output(parameters.values(entry, f"output '{name}'"), name)
        if classes:
            classification.check(name, spec.datatype)
        chosen[name] = RequestedOutput(spec, binary if own is None else own, classes)
    outputs = tuple(chosen.values()) or tuple([RequestedOutput(spec, binary) for spec in signature.outputs])
    for output in outputs:
        if not output.binary and not output.spec.datatype.in_json and not output.classes:
            message = (
                f"output '{output.spec.name}': {output.spec.datatype.name} has no JSON form: ask for it with the "
                "parameter binary_data: true (or binary_data_output: true for all)"
            )
            raise bad_request(message)
    return outputs
