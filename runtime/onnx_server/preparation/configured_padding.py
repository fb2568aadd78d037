"""From the settings `pad` and the model's signature to its padded dimensions; what does not fit is refused at load."""

import math
from collections.abc import Mapping

import numpy as np

from onnx_server.preparation import bfloat16
from onnx_server.preparation.padding import Dimension
from onnx_server.preparation.refusal import refused
from onnx_server.protocol.datatypes import Tensor
from onnx_server.protocol.signature import Signature, TensorSpec
from onnx_server.settings.inputs import PadSettings

Pads = Mapping[str, PadSettings]


def dimensions(pads: Pads, signature: Signature) -> tuple[Dimension, ...]:
    """Return the dimensions that `pads` name, by input. Inputs that share a name for one share the dimension.

    Raises Failure InvalidConfig that names the field.
    """
    specs = {spec.name: spec for spec in signature.inputs}
    groups: dict[tuple[str, bool], list[str]] = {}
    for name, pad in pads.items():
        symbol = _symbol(specs[name], pad)
        # Unnamed, it is this input's alone.
        groups.setdefault((name if symbol is None else symbol, symbol is not None), []).append(name)
    filled = [taken for pad in pads.values() for taken in (pad.mask, pad.lengths) if taken is not None]
    for name, pad in pads.items():
        for field, taken in (("mask", pad.mask), ("lengths", pad.lengths)):
            if taken is not None and filled.count(taken) > 1:
                raise refused(name, f"pad.{field}", "an input that nothing else fills", taken)
    return tuple(
        _dimension(key if named else None, {name: pads[name] for name in names}, set(filled), signature)
        for (key, named), names in groups.items()
    )


def _symbol(spec: TensorSpec, pad: PadSettings) -> str | None:
    if pad.axis >= len(spec.shape) or spec.shape[pad.axis] != -1:
        raise refused(spec.name, "pad.axis", f"a dynamic dimension after the first of {list(spec.shape)}", pad.axis)
    symbol = spec.symbols[pad.axis]
    if symbol is not None and spec.symbols.count(symbol) > 1:
        raise refused(spec.name, "pad.axis", f"a dimension that occurs once in {list(spec.symbols)}", pad.axis)
    return symbol


def _dimension(symbol: str | None, pads: Pads, filled: set[str], signature: Signature) -> Dimension:
    specs = {spec.name: spec for spec in signature.inputs}
    first, *others = pads
    for name in others:
        if pads[name].buckets != pads[first].buckets:
            expected = f"those of '{first}', {pads[first].buckets}, since both have the dimension '{symbol}'"
            raise refused(name, "pad.buckets", expected, pads[name].buckets)
    for spec in signature.inputs if symbol is not None else ():
        if symbol in spec.symbols and spec.name not in pads and spec.name not in filled:
            raise refused(spec.name, "pad", f"it, since '{first}' is padded and both have '{symbol}'", "nothing")
    return Dimension(
        buckets=tuple(pads[first].buckets),
        padded={name: (pad.axis, _value(specs[name], pad)) for name, pad in pads.items()},
        masks=tuple(_filled(name, "mask", pad.mask, pad, specs) for name, pad in pads.items() if pad.mask is not None),
        lengths=tuple(
            _filled(name, "lengths", pad.lengths, pad, specs) for name, pad in pads.items() if pad.lengths is not None
        ),
        cut=_cut(symbol, pads, signature),
    )


def _value(spec: TensorSpec, pad: PadSettings) -> Tensor:
    datatype, value = spec.datatype, pad.value
    problem = refused(spec.name, "pad.value", f"a value of {datatype.name}", repr(value))
    if datatype.name == "BYTES":
        if "value" in pad.model_fields_set and not isinstance(value, str):
            raise problem
        return np.array(value if isinstance(value, str) else "", dtype=object)
    if isinstance(value, str):
        raise problem
    if datatype.dtype.kind == "f" or datatype.name == "BF16":
        single = datatype.name == "BF16"
        with np.errstate(over="ignore"):
            filling: Tensor = np.array(value, dtype=np.float64).astype(np.float32 if single else datatype.dtype)
        if math.isfinite(value) and not np.isfinite(filling):
            raise problem
        return bfloat16.rounded(filling) if single else filling
    low, high = (0, 1) if datatype.name == "BOOL" else (np.iinfo(datatype.dtype).min, np.iinfo(datatype.dtype).max)
    if not (math.isfinite(value) and value == int(value) and low <= value <= high):
        raise problem
    return np.array(int(value), dtype=datatype.dtype)


def _filled(owner: str, field: str, name: str, pad: PadSettings, specs: Mapping[str, TensorSpec]) -> TensorSpec:
    spec = specs.get(name)
    rank = 2 if field == "mask" else 1
    if spec is None or spec.name == owner:
        raise refused(owner, f"pad.{field}", f"another input of the model, of {sorted(specs)}", name)
    got = f"'{name}' of {spec.datatype.name} {list(spec.shape)}"
    if len(spec.shape) != rank or (rank == 2 and spec.shape[1] != -1):
        expected = "an input [rows, dynamic]" if rank == 2 else "an input [rows]"
        raise refused(owner, f"pad.{field}", expected, got)
    if field == "mask" and spec.datatype.name == "BYTES":
        raise refused(owner, "pad.mask", "an input of numbers", got)
    if field == "lengths" and (
        not np.issubdtype(spec.datatype.dtype, np.integer)
        or spec.datatype.name == "BF16"
        or np.iinfo(spec.datatype.dtype).max < pad.buckets[-1]
    ):
        raise refused(owner, "pad.lengths", f"an input of integers up to {pad.buckets[-1]}", got)
    return spec


def _cut(symbol: str | None, pads: Pads, signature: Signature) -> dict[str, tuple[int, ...]]:
    cut = {
        spec.name: tuple(axis for axis, named in enumerate(spec.symbols) if named == symbol)
        for spec in signature.outputs
        if symbol is not None and symbol in spec.symbols
    }
    shapes = {spec.name: spec.shape for spec in signature.outputs}
    for name, pad in pads.items():
        for output, axis in pad.outputs.items():
            shape = shapes.get(output)
            if shape is None:
                raise refused(name, f"pad.outputs.{output}", f"an output of the model, of {sorted(shapes)}", output)
            if axis < 0 or (shape and (axis >= len(shape) or shape[axis] != -1)):
                expected = f"a dynamic dimension of {list(shape)}"
                raise refused(name, f"pad.outputs.{output}", expected, axis)
            cut[output] = (axis,)
    return cut
