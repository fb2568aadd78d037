"""Requests that a Triton 24.10 was asked, good and bad, and what ours answers: the same, or clearer.

Where the statuses differ on purpose the case says what Triton answered.
"""

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import numpy as np
import orjson
import pytest

from tests.contract import onnx_models
from tests.contract.server_process import ServerProcess, serving

NAME = "mlp_onnx"
INFER = f"/v2/models/{NAME}/infer"
ROW = [((i * 7) % 13 - 6) / 10 for i in range(64)]
X = {"name": "x", "shape": [1, 64], "datatype": "FP32", "data": ROW}
RAW = np.array(ROW, "<f4").tobytes()
EXPECTED = np.array([ROW], np.float32) @ onnx_models.WEIGHTS


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    tmp_path = tmp_path_factory.mktemp("protocol")
    model = onnx_models.linear(tmp_path / "m.onnx")
    (tmp_path / "server.yaml").write_text(f"model: {{name: {NAME}}}\nmaxBatchSize: 64\nmaxBodyBytes: 200000\n")
    with serving(model, "--config", tmp_path / "server.yaml", tmp_path=tmp_path) as running:
        yield running.wait_until_ready()


def x(**changes: Any) -> dict[str, Any]:
    return {"inputs": [{key: value for key, value in {**X, **changes}.items() if value is not ...}]}


def binary(document: object, tail: bytes, length: str | None = None) -> tuple[dict[str, str], bytes]:
    header = orjson.dumps(document)
    headers = {"Content-Type": "application/octet-stream"}
    return headers | {"Inference-Header-Content-Length": length or str(len(header))}, header + tail


@dataclass(frozen=True)
class Case:
    """A request and the status and words of its answer; `triton` where Triton's status was another."""

    status: int
    words: str = ""
    path: str = INFER
    method: str = "POST"
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    triton: int | None = None


SIZED = {"binary_data_size": 256}
B_HEADERS, B_BODY = binary(x(data=..., parameters=SIZED), RAW)
CASES = {
    "server metadata": Case(200, '"binary_tensor_data"', "/v2", "GET"),
    "server metadata, slash": Case(404, "nothing at /v2/", "/v2/", "GET"),
    "live": Case(200, '{"live":true}', "/v2/health/live", "GET"),
    "ready": Case(200, '{"ready":true}', "/v2/health/ready", "GET"),
    "ready by POST": Case(405, "does not take POST", "/v2/health/ready"),
    "model ready": Case(200, "", f"/v2/models/{NAME}/ready", "GET"),
    "model ready, version": Case(200, "", f"/v2/models/{NAME}/versions/1/ready", "GET"),
    "model ready, bad version": Case(404, "'9'", f"/v2/models/{NAME}/versions/9/ready", "GET", triton=400),
    "model ready, unknown": Case(404, "'nope'", "/v2/models/nope/ready", "GET", triton=400),
    "metadata": Case(200, '"inputs":[{"name":"x","datatype":"FP32","shape":[-1,64]}]', f"/v2/models/{NAME}", "GET"),
    "metadata, version": Case(200, '"versions":["1"]', f"/v2/models/{NAME}/versions/1", "GET"),
    "metadata, unknown": Case(404, "unknown model 'nope'", "/v2/models/nope", "GET"),
    "metadata, bad version": Case(404, "unknown version '9'", f"/v2/models/{NAME}/versions/9", "GET"),
    "metadata, word as version": Case(404, "unknown version 'abc'", f"/v2/models/{NAME}/versions/abc", "GET"),
    "no such path": Case(404, "nothing at /foo", "/foo", "GET"),
    "v1": Case(404, "nothing at", "/v1/models/mlp:predict"),
    "infer": Case(200, '"id":"42"', body={"id": "42", **x()}),
    "infer, version": Case(200, '"model_version":"1"', f"/v2/models/{NAME}/versions/1/infer", body=x()),
    "infer, nested data": Case(200, '"shape":[2,10]', body=x(shape=[2, 64], data=[ROW, ROW])),
    "infer by GET": Case(405, "POST", method="GET"),
    "infer, unknown model": Case(404, "unknown model 'nope'", "/v2/models/nope/infer", body=x()),
    "infer, bad version": Case(404, "unknown version '7'", f"/v2/models/{NAME}/versions/7/infer", body=x()),
    "bad JSON": Case(400, "not JSON", body=b'{"inputs": [}', triton=500),
    "empty body": Case(400, "not JSON", body=b""),
    "empty object": Case(400, "'inputs'", body={}, triton=500),
    "no inputs": Case(400, "'inputs' lacks ['x']", body={"inputs": []}),
    "wrong input name": Case(400, "'zz' is unknown", body=x(name="zz")),
    "extra input": Case(400, "'zz' is unknown", body={"inputs": [X, {**X, "name": "zz"}]}),
    "wrong datatype": Case(400, "takes FP32, got INT64", body=x(datatype="INT64")),
    "no such datatype": Case(400, "'datatype' must be one of", body=x(datatype="FLOAT99")),
    "wrong shape": Case(400, "shape [-1, 64], got [1, 63]", body=x(shape=[1, 63], data=ROW[:63])),
    "too little data": Case(400, "needs 64 values in 'data', got 63", body=x(data=ROW[:63]), triton=500),
    "too much data": Case(400, "needs 64 values in 'data', got 65", body=x(data=[*ROW, 1]), triton=500),
    "negative shape": Case(400, "'shape'", body=x(shape=[-1, 64]), triton=500),
    "wrong rank": Case(400, "shape [-1, 64], got [64]", body=x(shape=[64])),
    "too many rows": Case(400, "maxBatchSize is 64", body=x(shape=[65, 64], data=ROW * 65)),
    "no rows": Case(200, '"shape":[0,10],"data":[]', body=x(shape=[0, 64], data=[]), triton=400),
    "string in numbers": Case(400, "needs numbers", body=x(data=["a", *ROW[1:]]), triton=500),
    "no data": Case(400, "neither 'data' nor", body=x(data=...)),
    "unknown output": Case(400, "output 'zz' is unknown", body={**x(), "outputs": [{"name": "zz"}]}),
    "own parameters": Case(200, body={**x(), "parameters": {"mine": 1, "other": "s"}}),
    "priority and timeout": Case(200, body={**x(), "parameters": {"priority": 1, "timeout": 10000}}),
    "numeric id": Case(400, "'id' must be a string", body={"id": 42, **x()}, triton=500),
    "binary": Case(200, body=B_BODY, headers=B_HEADERS),
    "binary, too much": Case(400, "4 bytes more", body=B_BODY + b"1234", headers=B_HEADERS),
    "binary, cut off": Case(400, "256, but 100 bytes are left", body=B_BODY[:-156], headers=B_HEADERS),
    "binary without header": Case(400, "Inference-Header-Content-Length", body=B_BODY),
    "header length too big": Case(
        400, "got 99999", body=B_BODY, headers={**B_HEADERS, "Inference-Header-Content-Length": "99999"}
    ),
    "header length no number": Case(
        400, "'abc'", body=B_BODY, headers={**B_HEADERS, "Inference-Header-Content-Length": "abc"}
    ),
    "raw body": Case(200, body=RAW, headers={"Inference-Header-Content-Length": "0"}),
    "gzip": Case(200, body=gzip.compress(orjson.dumps(x())), headers={"Content-Encoding": "gzip"}),
    "deflate": Case(200, body=zlib.compress(orjson.dumps(x())), headers={"Content-Encoding": "deflate"}),
    "unknown encoding": Case(415, "br", body=b"x", headers={"Content-Encoding": "br"}, triton=501),
    "gzip bomb": Case(413, "maxBodyBytes", body=gzip.compress(bytes(10**7)), headers={"Content-Encoding": "gzip"}),
    "too large": Case(413, "200000 bytes (maxBodyBytes)", body=bytes(200001), triton=400),
}


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_status_and_words(case: Case, server: ServerProcess) -> None:
    body = case.body if isinstance(case.body, bytes | None) else orjson.dumps(case.body)
    answer = httpx.request(case.method, server.url + case.path, content=body, headers=case.headers)
    assert answer.status_code == case.status, answer.text
    if case.status == 200:
        assert case.words in answer.text
    else:
        assert answer.headers["content-type"] == "application/json"
        assert isinstance(answer.json()["error"], str)
        assert case.words in answer.json()["error"]


def test_the_numbers_are_the_models(server: ServerProcess) -> None:
    answer = httpx.post(server.url + INFER, json=x()).json()
    assert answer["model_name"] == NAME
    assert "id" not in answer
    (output,) = answer["outputs"]
    assert (output["name"], output["datatype"], output["shape"]) == ("y", "FP32", [1, 10])
    np.testing.assert_allclose(output["data"], EXPECTED[0], rtol=1e-5)


@pytest.mark.parametrize("how", ["per output", "per request"])
def test_binary_both_ways(how: str, server: ServerProcess) -> None:
    document = x(data=..., parameters=SIZED)
    if how == "per output":
        document["outputs"] = [{"name": "y", "parameters": {"binary_data": True}}]
    else:
        document["parameters"] = {"binary_data_output": True}
    headers, body = binary(document, RAW)
    answer = httpx.post(server.url + INFER, content=body, headers=headers)
    assert answer.headers["content-type"] == "application/octet-stream"
    length = int(answer.headers["inference-header-content-length"])
    (output,) = orjson.loads(answer.content[:length])["outputs"]
    assert output["parameters"] == {"binary_data_size": 40}
    np.testing.assert_allclose(np.frombuffer(answer.content[length:], "<f4"), EXPECTED[0], rtol=1e-5)


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_compressed_answers(encoding: str, server: ServerProcess) -> None:
    answer = httpx.post(server.url + INFER, json=x(), headers={"Accept-Encoding": f"br, {encoding};q=0.5"})
    assert answer.headers["content-encoding"] == encoding
    np.testing.assert_allclose(answer.json()["outputs"][0]["data"], EXPECTED[0], rtol=1e-5)


def test_a_chunked_body_is_read_and_bounded(server: ServerProcess) -> None:
    document = orjson.dumps(x())
    parts = [document[:10], document[10:300], document[300:]]
    assert httpx.post(server.url + INFER, content=iter(parts)).status_code == 200
    answer = httpx.post(server.url + INFER, content=iter([bytes(150_000), bytes(150_000)]))
    assert answer.status_code == 413
    assert "maxBodyBytes" in answer.json()["error"]


def test_one_connection_goes_on_after_every_kind_of_error(server: ServerProcess) -> None:
    with httpx.Client(base_url=server.url) as client:
        for case in CASES.values():
            body = case.body if isinstance(case.body, bytes | None) else orjson.dumps(case.body)
            answer = client.request(case.method, case.path, content=body, headers=case.headers)
            assert answer.headers.get("connection") != "close"
        assert client.post(INFER, json=x()).status_code == 200


def test_the_openapi_document_has_the_routes(server: ServerProcess) -> None:
    paths = httpx.get(server.url + "/openapi.json").json()["paths"]
    assert {"/v2", "/v2/health/ready", "/v2/models/{model}", "/v2/models/{model}/infer"} <= set(paths)
