"""All of a model's inputs from the clients' form to the model's, and its outputs back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from onnx_server.preparation import configured_padding, configured_steps
from onnx_server.preparation.padding import Dimension
from onnx_server.preparation.refusal import refused
from onnx_server.preparation.steps import Steps
from onnx_server.protocol.datatypes import Tensor
from onnx_server.protocol.signature import Signature
from onnx_server.settings.inputs import InputSettings

# More bytes than this would hold up the event loop.
_INLINE_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request's inputs as the model takes them, and what was padded: the dimension, its size and its bucket."""

    inputs: dict[str, Tensor]
    padded: tuple[tuple[Dimension, int, int], ...]

    def restore(self, names: Sequence[str], outputs: Sequence[Tensor]) -> list[Tensor]:
        """Return the model's outputs, called `names`, cut back to the sizes that the client sent."""
        restored = list(outputs)
        for dimension, size, bucket in self.padded:
            restored = dimension.cut_back(size, bucket, names, restored)
        return restored


@dataclass(frozen=True)
class Preparation:
    """What is done to a model's inputs. `signature` is what clients see of the model."""

    signature: Signature
    steps: Mapping[str, Steps]
    dimensions: tuple[Dimension, ...]

    def costly(self, inputs: Mapping[str, Tensor]) -> bool:
        """Whether `apply` takes so long that it belongs on a thread: images always do, large tensors too."""
        return any(step.image is not None or inputs[name].nbytes > _INLINE_BYTES for name, step in self.steps.items())

    def apply(self, inputs: Mapping[str, Tensor]) -> Prepared:
        """Return what the model takes of `inputs`, which fit `signature`; they are not changed.

        Raises RequestError 400 that names the input, and the element where one is to blame.
        """
        prepared = {name: self.steps[name](array) if name in self.steps else array for name, array in inputs.items()}
        padded = tuple((dimension, *dimension.pad(prepared)) for dimension in self.dimensions)
        return Prepared(prepared, padded)


def build(settings: Mapping[str, InputSettings], model: Signature) -> Preparation | None:
    """Return what `settings` ask for, by input; None if they ask for nothing.

    Raises Failure InvalidConfig that names `inputs.NAME.FIELD`, what was expected and what came.
    """
    if not settings:
        return None
    names = [spec.name for spec in model.inputs]
    for name in settings:
        if name not in names:
            raise refused(name, "", f"an input of the model, of {names}", f"'{name}'")
    steps = {
        spec.name: configured_steps.steps(settings[spec.name], spec) for spec in model.inputs if spec.name in settings
    }
    pads = {name: pad for name in steps if (pad := settings[name].pad) is not None}
    dimensions = configured_padding.dimensions(pads, model)
    filled = {spec.name for dimension in dimensions for spec in (*dimension.masks, *dimension.lengths)}
    for name in settings:
        if name in filled:
            raise refused(name, "", "no settings, as the server fills it (pad.mask, pad.lengths)", "some")
    visible = tuple(
        steps[spec.name].visible if spec.name in steps else spec for spec in model.inputs if spec.name not in filled
    )
    return Preparation(Signature(visible, model.outputs), steps, dimensions)
