"""Ask a server all that kserve's clients can; runs in an environment of its own and prints what came back as JSON.

The model takes IN_F (FP32) and IN_S (BYTES), both [N], and gives them back as OUT_F and OUT_S.
"""

import argparse
import asyncio
import json
from typing import Any

import numpy as np
from kserve import InferenceGRPCClient, InferenceRESTClient, InferInput, InferRequest, RESTConfig
from kserve.protocol.infer_type import RequestedOutput


def request(model: str, *, binary: bool, rows: int = 3) -> InferRequest:
    f, s = InferInput("IN_F", [rows], "FP32"), InferInput("IN_S", [rows], "BYTES")
    f.set_data_from_numpy(np.array([0.5, -1, 3e38][:rows], dtype=np.float32), binary_data=binary)
    s.set_data_from_numpy(np.array([b"a", "é".encode(), b""][:rows], dtype=object), binary_data=binary)
    outputs = [RequestedOutput(name, {"binary_data": binary}) for name in ("OUT_S", "OUT_F")]
    return InferRequest(model, [f, s], request_id="7", request_outputs=outputs)


def seen(answer: Any) -> dict[str, Any]:
    outputs = [[output.name, output.datatype, list(output.shape)] for output in answer.outputs]
    texts = [text.decode() if isinstance(text, bytes) else text for text in answer.outputs[0].as_numpy().tolist()]
    numbers = answer.outputs[1].as_numpy().tolist()
    return {"id": answer.id, "model": answer.model_name, "outputs": outputs, "texts": texts, "numbers": numbers}


async def refused(call: Any) -> str:
    try:
        await call
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "answered"


async def over_rest(url: str, model: str) -> dict[str, Any]:
    client = InferenceRESTClient(RESTConfig(protocol="v2", retries=0, timeout=30))
    return {
        "live": await client.is_server_live(url),
        "ready": await client.is_server_ready(url),
        "model ready": await client.is_model_ready(url, model),
        "json": seen(await client.infer(url, request(model, binary=False), model)),
        "binary": seen(await client.infer(url, request(model, binary=True), model)),
        "empty": seen(await client.infer(url, request(model, binary=False, rows=0), model)),
        "empty binary": seen(await client.infer(url, request(model, binary=True, rows=0), model)),
        "unknown": await refused(client.infer(url, request("nope", binary=False), "nope")),
    }


async def over_grpc(address: str, model: str) -> dict[str, Any]:
    async with InferenceGRPCClient(address, retries=0, timeout=30) as client:
        return {
            "live": await client.is_server_live(),
            "ready": await client.is_server_ready(),
            "model ready": await client.is_model_ready(model),
            "typed": seen(await client.infer(request(model, binary=False))),
            "raw": seen(await client.infer(request(model, binary=True))),
            "unknown": await refused(client.infer(request("nope", binary=True))),
        }


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--over-rest", dest="rest", metavar="URL")
    parser.add_argument("--over-grpc", dest="grpc", metavar="HOST:PORT")
    parser.add_argument("--model", required=True)
    options = parser.parse_args()
    result = {}
    if options.rest:
        result["rest"] = await over_rest(options.rest, options.model)
    if options.grpc:
        result["grpc"] = await over_grpc(options.grpc, options.model)
    print(json.dumps(result))


asyncio.run(main())
