"""A custom MLServer runtime that runs ONNX Runtime. Imported by MLServer, in its own environment."""

import onnxruntime
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse


class OnnxModel(MLModel):
    """One input and one output, one thread."""

    async def load(self) -> bool:
        """Make the session of the model that the settings name."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        file = self.settings.parameters.uri
        self.session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
        self.input, self.output = self.session.get_inputs()[0].name, self.session.get_outputs()[0].name
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Answer one request, or the batch that MLServer made of several."""
        rows = NumpyCodec.decode_input(payload.inputs[0])
        result = self.session.run([self.output], {self.input: rows})[0]
        output = NumpyCodec.encode_output(self.output, result)
        return InferenceResponse(model_name=self.name, id=payload.id, outputs=[output])
