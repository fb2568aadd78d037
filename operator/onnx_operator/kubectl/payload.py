"""Open Inference Protocol requests in JSON, made of what people have at hand. Pure.

A signature is what ``GET /v2/models/NAME`` answers: ``inputs`` with name, datatype and shape, -1 where any size goes.
"""

from collections.abc import Iterator
from typing import Any

from onnx_operator.kubectl.problems import ProblemError

Object = dict[str, Any]

# These have no form in JSON: https://github.com/kserve/open-inference-protocol
BINARY_ONLY = {"FP16", "BF16"}


def request_of(document: object, signature: Object) -> Object:
    """Return the request for a JSON document in one of three forms.

    A request as it is (an object with ``inputs`` as a list of objects); an object from input names to nested lists; or
    a nested list or a number, for a model with one input.

    Raises:
        ProblemError: it is none of them, or does not fit the signature.
    """
    if isinstance(document, dict) and _is_request(document):
        return document
    inputs: list[Object] = signature["inputs"]
    if isinstance(document, dict):
        known = [tensor["name"] for tensor in inputs]
        if wrong := sorted(document.keys() - set(known)):
            raise ProblemError(f"The model has no input {', '.join(wrong)}; it has {', '.join(known)}.")
        return {
            "inputs": [_tensor(tensor, document[tensor["name"]]) for tensor in inputs if tensor["name"] in document]
        }
    if len(inputs) != 1:
        known = [tensor["name"] for tensor in inputs]
        raise ProblemError(f"The model has {len(inputs)} inputs: write an object with {', '.join(known)}.")
    return {"inputs": [_tensor(inputs[0], document)]}


def tensor_of(tensor: Object, shape: list[int], data: list[Any]) -> Object:
    """Return a request's input of a shape, with its elements in row-major order."""
    if tensor["datatype"] in BINARY_ONLY:
        raise ProblemError(
            f"Input {tensor['name']!r} is {tensor['datatype']}, which has no form in JSON.",
            "Use a client that sends binary tensors, such as tritonclient.",
        )
    return {"name": tensor["name"], "datatype": tensor["datatype"], "shape": shape, "data": data}


def shape_of(value: object) -> list[int]:
    """Return the shape of nested lists.

    Raises:
        ProblemError: they are ragged.
    """
    if not isinstance(value, list):
        return []
    inner = [shape_of(item) for item in value]
    if any(shape != inner[0] for shape in inner):
        raise ProblemError("The lists are ragged: all lists of one depth must be of one length.")
    return [len(value), *(inner[0] if inner else [])]


def _is_request(document: dict[str, Any]) -> bool:
    inputs = document.get("inputs")
    return isinstance(inputs, list) and all(isinstance(item, dict) and "datatype" in item for item in inputs)


def _tensor(tensor: Object, value: object) -> Object:
    shape, wanted = shape_of(value), tensor["shape"]
    if len(shape) == len(wanted) - 1:
        shape = [1, *shape]  # one row, as people write it
    if len(shape) != len(wanted):
        raise ProblemError(
            f"Input {tensor['name']!r} has {len(wanted)} dimensions, {wanted}; what is given has {len(shape)}: {shape}."
        )
    return tensor_of(tensor, shape, list(_flat(value)))


def _flat(value: object) -> Iterator[object]:
    if isinstance(value, list):
        for item in value:
            yield from _flat(item)
    else:
        yield value
