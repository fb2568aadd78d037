"""What a Triton was asked, rebuilt request by request, and what we answer where that is not what it answered.

Its answers are measured, not read: data/triton_24_10_http.json has them by the same names.
"""

import gzip
import json
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import orjson

RECORDED = json.loads((Path(__file__).parent / "data" / "triton_24_10_http.json").read_text())["answers"]

ROW = [((i * 7) % 13 - 6) / 10 for i in range(64)]
_X = {"name": "x", "shape": [1, 64], "datatype": "FP32", "data": ROW}
_RAW = np.array(ROW, "<f4").tobytes()


@dataclass(frozen=True)
class Replay:
    """A request's body and headers; and ours: the status and why, where Triton's is another.

    `adds` and `lacks` are the fields of the JSON answer that only we, or only Triton, have, with dots between levels;
    `differs` those that both have, with another value or type.
    """

    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    status: int | None = None
    why: str = ""
    adds: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    differs: tuple[str, ...] = ()


def _asked(**changes: Any) -> bytes:
    return orjson.dumps({"inputs": [{key: value for key, value in {**_X, **changes}.items() if value is not ...}]})


def _with(**more: Any) -> bytes:
    return orjson.dumps({**orjson.loads(_asked()), **more})


def _binary(document: dict[str, Any], tail: bytes, length: int | str | None = None) -> dict[str, Any]:
    head = orjson.dumps(document)
    told = len(head) if length is None else length
    headers = {"Content-Type": "application/octet-stream", "Inference-Header-Content-Length": str(told)}
    return {"body": head + tail, "headers": headers}


_SIZED = orjson.loads(_asked(data=..., parameters={"binary_data_size": 256}))
_BINARY_Y = [{"name": "y", "parameters": {"binary_data": True}}]


def _ident(*, json_form: bool, binary_output: bool = False) -> dict[str, Any]:
    values = {"S": ("BYTES", ["h\u00ff", ""]), "H": ("FP16", [1.5]), "B": ("BOOL", [True, False])}
    # The first string is the bytes 68 FF, which no UTF-8 has.
    packed = {"S": b"\x02\0\0\0h\xff\0\0\0\0", "H": np.array([1.5], "<f2").tobytes(), "B": b"\x01\0"}
    inputs = []
    for key, (datatype, data) in values.items():
        form = {"data": data} if json_form else {"parameters": {"binary_data_size": len(packed[key])}}
        inputs.append({"name": f"IN_{key}", "shape": [len(data)], "datatype": datatype, **form})
    document = {"inputs": inputs, **({"parameters": {"binary_data_output": True}} if binary_output else {})}
    return {"body": orjson.dumps(document)} if json_form else _binary(document, b"".join(packed.values()))


_OUR_FAULT = "a request that cannot be read is the client's mistake, not the server's"
_NOT_THERE = "404 says that it is not there; Triton's 400 says that the request is wrong"
_NOT_OFFERED = "not offered, and not among the extensions of the server's metadata"
_QUEUE_POLICY = ("timeout_action", "default_timeout_microseconds", "allow_timeout_override", "max_queue_size")
_HEALTH = "the kserve client reads the health from the body"

REPLAYS = {
    "server meta": Replay(),
    "server meta slash": Replay(),
    "live": Replay(adds=("live",), why=_HEALTH),
    "ready": Replay(adds=("ready",), why=_HEALTH),
    "ready HEAD": Replay(status=200, why="HEAD asks for what GET would answer, and probes use it"),
    "ready POST": Replay(),
    "model ready": Replay(adds=("name", "ready"), why=_HEALTH),
    "model ready v1": Replay(adds=("name", "ready"), why=_HEALTH),
    "model ready v9": Replay(status=404, why=_NOT_THERE),
    "model ready unknown": Replay(status=404, why=_NOT_THERE),
    "model meta": Replay(),
    "model meta v1": Replay(),
    "meta unknown": Replay(),
    "meta bad ver": Replay(),
    "meta nonnum ver": Replay(),
    "models list": Replay(),
    "infer json": Replay(_with(id="42")),
    "infer json nested": Replay(_asked(shape=[2, 64], data=[ROW, ROW])),
    "infer no content-type": Replay(_asked()),
    "infer GET": Replay(),
    "infer unknown model": Replay(_asked()),
    "infer bad version": Replay(_asked()),
    "infer bad json": Replay(b'{"inputs": [}', status=400, why=_OUR_FAULT),
    "infer empty": Replay(),
    "infer {}": Replay(b"{}", status=400, why=_OUR_FAULT),
    "infer inputs []": Replay(b'{"inputs": []}'),
    "wrong input name": Replay(_asked(name="zz")),
    "extra input": Replay(orjson.dumps({"inputs": [{**_X, "name": "zz"}, _X]})),
    "wrong dtype": Replay(_asked(datatype="INT64")),
    "bad dtype": Replay(_asked(datatype="FLOAT99")),
    "wrong shape": Replay(_asked(shape=[1, 63], data=ROW[:63])),
    "shape/data mismatch": Replay(_asked(data=ROW[:63]), status=400, why=_OUR_FAULT),
    "too much data": Replay(_asked(data=[*ROW, 1.0]), status=400, why=_OUR_FAULT),
    "neg shape": Replay(_asked(shape=[-1, 64]), status=400, why=_OUR_FAULT),
    "rank": Replay(_asked(shape=[64])),
    "batch too large": Replay(_asked(shape=[65, 64], data=ROW * 65)),
    "batch 0": Replay(
        _asked(shape=[0, 64], data=[]),
        status=200,
        why="no rows are a batch like any other: the model answers with none",
    ),
    "string in float": Replay(_asked(data=["a", *ROW[1:]]), status=400, why=_OUR_FAULT),
    "no data": Replay(_asked(data=...)),
    "unknown output": Replay(_with(outputs=[{"name": "zz"}])),
    "custom params": Replay(_with(parameters={"mine": 1, "other": "s", "third": True})),
    "triton_ param": Replay(_with(parameters={"triton_x": 1})),
    "priority/timeout": Replay(_with(parameters={"priority": 1, "timeout": 1_000_000})),
    "numeric id": Replay(_with(id=42), status=400, why=_OUR_FAULT),
    "binary in/out": Replay(**_binary({**_SIZED, "outputs": _BINARY_Y}, _RAW)),
    "binary in json out": Replay(**_binary(_SIZED, _RAW)),
    "binary_data_output": Replay(**_binary({**_SIZED, "parameters": {"binary_data_output": True}}, _RAW)),
    "bin size wrong": Replay(**_binary(_SIZED, _RAW + b"1234")),
    "bin truncated": Replay(**_binary(_SIZED, _RAW[:100])),
    "bin no header": Replay(orjson.dumps(_SIZED), {"Content-Type": "application/octet-stream"}),
    "hdr len too big": Replay(**_binary(_SIZED, _RAW, 99999)),
    "hdr len nan": Replay(**_binary(_SIZED, _RAW, "abc")),
    "raw binary request": Replay(_RAW, {"Inference-Header-Content-Length": "0"}),
    "gzip req": Replay(gzip.compress(_asked()), {"Content-Encoding": "gzip"}),
    "deflate req": Replay(zlib.compress(_asked()), {"Content-Encoding": "deflate"}),
    "bad enc": Replay(
        _asked(), {"Content-Encoding": "br"}, status=415, why="415 is what HTTP has for an encoding that is not taken"
    ),
    "gzip resp": Replay(_asked(), {"Accept-Encoding": "gzip"}),
    "accept multi": Replay(_asked(), {"Accept-Encoding": "br, gzip;q=0.5"}),
    "strings json": Replay(**_ident(json_form=True)),
    "bytes bin in, json out": Replay(**_ident(json_form=False)),
    "bytes bin out": Replay(
        **_ident(json_form=False, binary_output=True),
        status=400,
        why="a string is not UTF-8, which ONNX strings are; the recorded model was not ONNX",
    ),
    "trace get": Replay(status=404, why=_NOT_OFFERED),
    "logging get": Replay(status=404, why=_NOT_OFFERED),
    "logging post": Replay(b"{}", status=404, why=_NOT_OFFERED),
    "sysshm status": Replay(status=404, why=_NOT_OFFERED),
    "404": Replay(),
    "v1": Replay(_asked()),
    # A repository of both models, in this order: the later ones see what the earlier ones did.
    "config": Replay(
        adds=(
            *(f"dynamic_batching.default_queue_policy.{name}" for name in _QUEUE_POLICY),
            "model_transaction_policy.decoupled",
            "parameters.batching.string_value",
            "parameters.execution_providers.string_value",
        ),
        lacks=(
            "parameters.intra_op_thread_count.string_value",
            *("runtime", "input[].is_non_linear_format_io", "output[].is_non_linear_format_io"),
        ),
        why="the queue's limits and what runs the model are worth telling; the thread count was the recorded model's; "
        "the other fields say nothing here, and clients' older protobuf of the configuration lacks them",
    ),
    "stats": Replay(),
    "stats all": Replay(),
    "index": Replay(),
    "index {}": Replay(b"{}"),
    "index ready": Replay(b'{"ready": true}'),
    "index GET": Replay(),
    "load unknown": Replay(status=404, why="an unknown model is the client's mistake, as everywhere else"),
    "load ok": Replay(),
    "unload unknown": Replay(),
    "unload": Replay(),
    "infer unloaded": Replay(**_ident(json_form=False)),
    "ready unloaded model": Replay(status=404, why=_NOT_THERE),
    "srv ready after unload": Replay(
        status=200, adds=("ready",), why="a model that was unloaded on purpose does not take the server down"
    ),
    "index after unload": Replay(
        adds=("[].reason",), differs=("[].state",), why="ours is unloaded by then, and the protocol has a reason for it"
    ),
    "reload": Replay(),
}
OF_A_REPOSITORY = tuple(REPLAYS)[list(REPLAYS).index("config") :]
OF_IDENT = ("strings json", "bytes bin in, json out", "bytes bin out")
