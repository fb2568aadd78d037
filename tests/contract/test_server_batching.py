"""Requests that come together: batches, and that nobody notices them but by the speed."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import orjson
import pytest

from tests.contract import batch_models, onnx_models
from tests.contract.busy_rounds import ENDLESS, rounds_that_take
from tests.contract.server_process import ServerProcess, serving

SHORT = 1


class Client:
    """Requests to the model `m`, on as many connections as there are at once."""

    def __init__(self, server: ServerProcess) -> None:
        self.server = server
        self.http = httpx.Client(timeout=120)
        self.url = f"{server.url}/v2/models/m"

    def infer(self, x: np.ndarray, name: str = "x", **parameters: int) -> httpx.Response:
        datatype = {"f": "FP32", "i": "INT64"}[x.dtype.kind]
        entry = {"name": name, "datatype": datatype, "shape": x.shape, "parameters": {"binary_data_size": x.nbytes}}
        header = orjson.dumps({"inputs": [entry], "parameters": {"binary_data_output": False, **parameters}})
        headers = {"Inference-Header-Content-Length": str(len(header))}
        return self.http.post(f"{self.url}/infer", content=header + x.tobytes(), headers=headers)

    def at_once(self, inputs: Sequence[np.ndarray]) -> list[httpx.Response]:
        with ThreadPoolExecutor(len(inputs)) as threads:
            return list(threads.map(self.infer, inputs))

    def busy(self, rounds: int, **parameters: int) -> httpx.Response:
        return self.infer(np.array([rounds]), "rounds", **parameters)

    def stats(self) -> dict[str, Any]:
        (stats,) = self.http.get(f"{self.url}/stats").json()["model_stats"]
        return dict(stats)

    def wait_for(self, metric: str, value: int) -> None:
        end = time.monotonic() + 60
        line = f'{metric}{{model="m",version="1"}} {value}'
        while line not in self.http.get(self.server.metrics_url).text.splitlines():
            assert time.monotonic() < end, f"{line} is not in the metrics"
            time.sleep(0.005)


Serve = Callable[..., Client]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    with contextlib.ExitStack() as stack:

        def start(make: Callable[[Path], Path], settings: str = "") -> Client:
            (tmp_path / "server.yaml").write_text(settings)
            process = serving(make(tmp_path / "m.onnx"), "--config", tmp_path / "server.yaml", tmp_path=tmp_path)
            client = Client(stack.enter_context(process).wait_until_ready())
            stack.enter_context(client.http)
            return client

        yield start


def output(answer: httpx.Response, name: str = "y") -> list[Any]:
    assert answer.status_code == 200, answer.text
    (found,) = [each for each in answer.json()["outputs"] if each["name"] == name]
    return list(found["data"])


def test_concurrent_requests_share_runs_and_each_client_gets_its_own_rows(serve: Serve) -> None:
    client = serve(batch_models.slow_rows)
    inputs = [np.full((1 + number % 3, 8), number, dtype=np.float32) for number in range(60)]
    with ThreadPoolExecutor(12) as threads:
        answers = list(threads.map(client.infer, inputs))
    for x, answer in zip(inputs, answers, strict=True):
        assert output(answer) == x.ravel().tolist()
    stats = client.stats()
    assert stats["inference_count"] == sum(len(x) for x in inputs)
    assert stats["execution_count"] < len(inputs) / 2
    assert max(batch["batch_size"] for batch in stats["batch_stats"]) > 3


def test_a_whole_batch_ends_the_delay(serve: Serve) -> None:
    client = serve(onnx_models.linear, "maxBatchSize: 4\nbatching: {maxDelayMicroseconds: 1000000}")
    inputs = [np.random.default_rng(seed).random((1, 64), dtype=np.float32) for seed in range(4)]
    for x, answer in zip(inputs, client.at_once(inputs), strict=True):
        np.testing.assert_allclose(output(answer), (x @ onnx_models.WEIGHTS)[0], rtol=1e-4)
    assert client.stats()["execution_count"] == 1


def test_one_poisoned_request_of_a_batch_fails_alone(serve: Serve) -> None:
    client = serve(batch_models.lookup_and_scale, "maxBatchSize: 4\nbatching: {maxDelayMicroseconds: 1000000}")
    answers = client.at_once([np.array([[index]]) for index in (0, 9, 1, 3)])
    assert [answer.status_code for answer in answers] == [200, 400, 200, 200]
    assert "out of data bounds" in answers[1].json()["error"]
    assert [output(answer)[0] for answer in (answers[0], *answers[2:])] == [0, 8, 24]
    stats = client.stats()
    assert (stats["inference_count"], stats["execution_count"]) == (3, 3)


def test_unequal_shapes_go_in_batches_of_their_own(serve: Serve) -> None:
    client = serve(batch_models.lookup_and_scale, "batching: {maxDelayMicroseconds: 1000000}")
    inputs = [np.full((2, columns), 3) for columns in (1, 2, 3, 1, 2, 3)]
    answers = client.at_once(inputs)
    for x, answer in zip(inputs, answers, strict=True):
        assert output(answer, "z") == [x.shape[1]] * 2
        assert output(answer) == list(range(24, 32)) * x.size
    stats = client.stats()
    assert stats["inference_count"] == 12
    assert 3 <= stats["execution_count"] < 6


@pytest.mark.parametrize("make", [batch_models.running_sum, batch_models.softmax_over_rows])
def test_a_model_whose_rows_depend_on_each_other_is_never_batched(make: Callable[[Path], Path], serve: Serve) -> None:
    client = serve(make, "batching: {maxDelayMicroseconds: 100000}")
    x = np.arange(16, dtype=np.float32).reshape(2, 8)
    alone = output(client.infer(x))
    answers = client.at_once([x] * 16)
    assert [output(answer) for answer in answers] == [alone] * 16
    assert client.stats()["execution_count"] == 17


def test_urgent_requests_overtake_what_waits(serve: Serve) -> None:
    client = serve(onnx_models.busy)
    order: list[str] = []

    def ask(name: str, rounds: int, **parameters: int) -> threading.Thread:
        def run() -> None:
            assert client.busy(rounds, **parameters).status_code == 200
            order.append(name)

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    threads = [ask("running", rounds_that_take(1))]
    client.wait_for("onnx_server_in_flight_requests", 1)
    # Each takes a while, so that the answers come in the order of the runs.
    for waiting, (name, priority) in enumerate([("last", 0), ("second", 2), ("first", 1)], start=1):
        threads.append(ask(name, rounds_that_take(0.1), priority=priority))
        client.wait_for("onnx_server_queue_depth", waiting)
    for thread in threads:
        thread.join()
    assert order == ["running", "first", "second", "last"]


def test_a_request_whose_timeout_passes_in_the_queue_is_told_at_once_and_never_runs(serve: Serve) -> None:
    client = serve(onnx_models.busy)
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(client.busy, rounds_that_take(1))
        client.wait_for("onnx_server_in_flight_requests", 1)
        late = client.busy(SHORT, timeout=50_000)
        assert not running.done()
        assert late.status_code == 504
        assert "timeout" in late.json()["error"]
        assert running.result().status_code == 200
    assert client.stats()["execution_count"] == 1


def test_the_default_timeout_is_a_setting(serve: Serve) -> None:
    client = serve(onnx_models.busy, "queue: {defaultTimeoutMilliseconds: 50}")
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(client.busy, rounds_that_take(1))
        client.wait_for("onnx_server_in_flight_requests", 1)
        assert client.busy(SHORT).status_code == 504
        # It has to have begun in time, not to have ended.
        assert running.result().status_code == 200


def test_health_and_metrics_answer_while_a_model_runs(serve: Serve) -> None:
    client = serve(onnx_models.busy)
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(client.busy, rounds_that_take(1))
        client.wait_for("onnx_server_in_flight_requests", 1)
        for url in 10 * (f"{client.server.url}/v2/health/ready", client.server.metrics_url):
            assert client.http.get(url).status_code == 200
        assert not running.done()
        assert running.result().status_code == 200


def test_two_instances_run_at_once(serve: Serve) -> None:
    client = serve(onnx_models.busy, "instances: 2\nthreads: {intraOp: 1}")
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(client.busy, rounds_that_take(1))
        client.wait_for("onnx_server_in_flight_requests", 1)
        for _ in range(3):
            assert client.busy(SHORT).status_code == 200
        assert not running.done()
        assert running.result().status_code == 200


def test_small_requests_get_through_while_large_ones_flood(serve: Serve) -> None:
    client = serve(batch_models.heavy_rows, "threads: {intraOp: 1}")
    large, small = np.ones((3000, 8), dtype=np.float32), np.ones((1, 8), dtype=np.float32)
    answered: list[float] = []
    enough = threading.Event()

    def flood() -> None:
        while not enough.is_set():
            output(client.infer(large))
            answered.append(time.monotonic())

    with ThreadPoolExecutor(12) as threads:
        floods = [threads.submit(flood) for _ in range(12)]
        client.wait_for("onnx_server_queue_depth", 11)
        passed = []
        for _ in range(8):
            before = len(answered)
            assert output(client.infer(small)) == [2.0] * 8
            passed.append(len(answered) - before)
        enough.set()
        for each in floods:
            each.result()
    # First in, first out would be about twelve.
    assert sorted(passed)[len(passed) // 2] <= 3


def test_the_server_ends_in_order_while_a_model_still_runs_for_a_client_that_left(serve: Serve) -> None:
    client = serve(onnx_models.busy, "drainSeconds: 0")
    client.http.timeout = 0.5
    with pytest.raises(httpx.ReadTimeout):
        client.busy(ENDLESS)
    client.wait_for("onnx_server_in_flight_requests", 0)
    client.server.terminate()
    assert client.server.wait() == 0
