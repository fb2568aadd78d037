"""A KServe server with one custom model that runs ONNX Runtime. Runs in KServe's own environment.

python kserve_model.py NAME MODEL HTTP_PORT GRPC_PORT
"""

import logging
import sys

import kserve
import onnxruntime
from kserve import InferOutput, InferRequest, InferResponse
from kserve.utils.utils import generate_uuid


class OnnxModel(kserve.Model):
    """One input and one output, one thread."""

    def __init__(self, name: str, file: str) -> None:
        super().__init__(name)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
        self.input, self.output = self.session.get_inputs()[0].name, self.session.get_outputs()[0].name
        self.ready = True

    def predict(self, payload: InferRequest, headers=None, response_headers=None) -> InferResponse:
        """Answer in the encoding that was asked for."""
        result = self.session.run([self.output], {self.input: payload.inputs[0].as_numpy()})[0]
        output = InferOutput(self.output, list(result.shape), "FP32")
        output.set_data_from_numpy(result, binary_data=payload.use_binary_outputs)
        return InferResponse(payload.id or generate_uuid(), self.name, [output])


if __name__ == "__main__":
    name, file, http_port, grpc_port = sys.argv[1:]
    server = kserve.ModelServer(
        http_port=int(http_port), grpc_port=int(grpc_port), workers=1, enable_latency_logging=False
    )
    for each_request in ("uvicorn.access", "kserve.trace", "kserve"):
        logging.getLogger(each_request).setLevel(logging.WARNING)
    server.start([OnnxModel(name, file)])
