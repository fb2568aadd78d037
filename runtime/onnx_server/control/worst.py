"""`/v1/shadow/worst/DIGEST` of the control port: the inputs of a copy whose outputs differed most."""

import numpy as np
import orjson
from fastapi import FastAPI, Request
from starlette.responses import Response

from onnx_server.control.access import Verify
from onnx_server.protocol import json_tensor
from onnx_server.protocol.datatypes import Datatype, Tensor
from onnx_server.protocol.errors import RequestError
from onnx_server.state import State
from onnx_server.traffic import copies


def install(app: FastAPI, state: State, verify: Verify) -> None:
    """Add the route to `app`, open to requests that pass `verify`."""

    @app.get("/v1/shadow/worst/{digest}")
    async def get(request: Request, digest: str) -> Response:
        verify(request)
        inputs, main = await state.traffic.worst(digest), state.main
        if inputs is None or main is None:
            message = "no inputs of this digest are kept: shadow.keepInputs keeps those of `evidence.worst`"
            raise RequestError(404, message)
        signature = main.signature
        datatypes = {name: copies.datatype(signature.inputs_by_name[name], inputs[name]) for name in inputs}
        if not all(_in_json(datatypes[name], array) for name, array in inputs.items()):
            header, parts = copies.binary_form(signature, inputs)
            length = {copies.LENGTH.decode(): str(len(header))}
            return Response(b"".join((header, *parts)), headers=length, media_type="application/octet-stream")
        entries = []
        for name, array in inputs.items():
            data = json_tensor.encode(name, datatypes[name], array)
            entries.append({"name": name, "datatype": datatypes[name].name, "shape": array.shape, "data": data})
        body = orjson.dumps({"inputs": entries}, option=orjson.OPT_SERIALIZE_NUMPY)
        return Response(body, media_type="application/json")


def _in_json(datatype: Datatype, array: Tensor) -> bool:
    """Return whether JSON can say it: it has no half precision, bytes that are no text, NaN or infinities."""
    if array.dtype.kind == "O":
        return all(isinstance(value, str) for value in array.ravel().tolist())
    return datatype.in_json and (array.dtype.kind != "f" or bool(np.isfinite(array).all()))
