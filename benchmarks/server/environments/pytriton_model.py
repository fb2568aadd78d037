"""PyTriton with ONNX Runtime as the function that it binds, batched by Triton. Runs in PyTriton's own environment.

python pytriton_model.py NAME MODEL HTTP_PORT GRPC_PORT METRICS_PORT
"""

import sys

import numpy as np
import onnxruntime
from pytriton.decorators import batch
from pytriton.model_config import DynamicBatcher, ModelConfig, Tensor
from pytriton.triton import Triton, TritonConfig

name, file, http_port, grpc_port, metrics_port = sys.argv[1:]
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
taken, given = session.get_inputs()[0], session.get_outputs()[0]


@batch
def infer(**inputs: np.ndarray) -> list[np.ndarray]:
    """Answer one batch."""
    return session.run([given.name], inputs)


if __name__ == "__main__":
    config = TritonConfig(http_port=int(http_port), grpc_port=int(grpc_port), metrics_port=int(metrics_port))
    with Triton(config=config) as triton:
        triton.bind(
            model_name=name,
            infer_func=infer,
            inputs=[Tensor(name=taken.name, dtype=np.float32, shape=tuple(taken.shape[1:]))],
            outputs=[Tensor(name=given.name, dtype=np.float32, shape=tuple(given.shape[1:]))],
            config=ModelConfig(max_batch_size=32, batcher=DynamicBatcher(max_queue_delay_microseconds=0)),
        )
        triton.serve()
