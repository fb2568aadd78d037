"""gRPC by an unmodified client, tritonclient, in an environment of its own.

python grpc_client.py frame MODEL INPUTS.npy OUT             writes a request for the first input as a gRPC message
python grpc_client.py answers ADDRESS MODEL INPUTS.npy OUT.npy
sends each input as a request, all at once, writes the outputs, and prints the bytes of an answer's message
"""

import queue
import struct
import sys
from pathlib import Path

import numpy as np
from tritonclient.grpc import InferenceServerClient, InferInput, InferResult, service_pb2

INPUT, OUTPUT = "x", "y"


def _input(row: np.ndarray) -> InferInput:
    rows = row[np.newaxis]
    made = InferInput(INPUT, list(rows.shape), "FP32")
    made.set_data_from_numpy(rows)
    return made


def frame(model: str, inputs: str, out: str) -> None:
    """Write a request as it travels: not compressed, its length, the message."""
    rows = np.load(inputs)[:1]
    request = service_pb2.ModelInferRequest(model_name=model, raw_input_contents=[rows.astype("<f4").tobytes()])
    request.inputs.add(name=INPUT, datatype="FP32", shape=rows.shape)
    message = request.SerializeToString()
    Path(out).write_bytes(struct.pack(">BI", 0, len(message)) + message)


def answers(address: str, model: str, inputs: str, out: str) -> None:
    """Ask for all inputs at once; a gRPC status other than OK ends this with its message."""
    given = np.load(inputs)
    done: queue.Queue[tuple[int, InferResult, Exception | None]] = queue.Queue()
    outputs = {}
    with InferenceServerClient(address) as client:
        for index, row in enumerate(given):
            client.async_infer(
                model, [_input(row)], callback=lambda result, error, at=index: done.put((at, result, error))
            )
        for _ in given:
            index, result, error = done.get(timeout=60)
            if error is not None:
                sys.exit(f"gRPC: {error}")
            outputs[index] = result.as_numpy(OUTPUT)
            size = result.get_response().ByteSize()
    np.save(out, np.concatenate([outputs[index] for index in range(len(given))]))
    print(size)


if __name__ == "__main__":
    {"frame": frame, "answers": answers}[sys.argv[1]](*sys.argv[2:])
