"""Preparations made of settings as they are written in `server.yaml`."""

from typing import Any

import yaml

from onnx_server.preparation.preparation import Preparation, build
from onnx_server.protocol.datatypes import BY_NAME
from onnx_server.protocol.signature import Signature, TensorSpec
from onnx_server.settings.model import ModelSettings


def spec(name: str, datatype: str, *shape: int | str) -> TensorSpec:
    """A tensor whose dynamic dimensions are given by their names, an empty one for none."""
    sizes = tuple(size if isinstance(size, int) else -1 for size in shape)
    symbols = tuple(size if isinstance(size, str) and size else None for size in shape)
    return TensorSpec(name, BY_NAME[datatype], sizes, symbols)


def preparation(settings: str, *inputs: TensorSpec, outputs: tuple[TensorSpec, ...] = ()) -> Preparation:
    document: dict[str, Any] = {"inputs": yaml.safe_load(settings)}
    built = build(ModelSettings.model_validate(document).inputs, Signature(inputs, outputs))
    assert built is not None
    return built
