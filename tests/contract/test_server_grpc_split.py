"""gRPC under a split, as unmodified clients see it: which revision answers, and that each request has its answer."""

import queue
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import httpx
import numpy as np
import pytest
import tritonclient.grpc as triton
from tritonclient.grpc import service_pb2, service_pb2_grpc

from tests.contract.split_pods import MODEL, Pod, bad_candidate, pod, wait_for
from tests.contract.test_server_connect import PATH, PROTO

PATIENCE = 30.0


@pytest.fixture(scope="module")
def pods(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Pod, Pod]]:
    folder = tmp_path_factory.mktemp("split")
    with pod("v1", folder / "stable") as stable, pod("v2", folder / "candidate") as candidate:
        yield stable, candidate


@pytest.fixture
def stable(pods: tuple[Pod, Pod]) -> Pod:
    return pods[0]


@pytest.fixture
def candidate(pods: tuple[Pod, Pod]) -> Pod:
    return pods[1]


@pytest.fixture
def stub(stable: Pod) -> Iterator[Any]:
    with grpc.insecure_channel(stable.server.grpc_address, [("grpc.use_local_subchannel_pool", 1)]) as channel:
        yield service_pb2_grpc.GRPCInferenceServiceStub(channel)


def asking(value: float = 0.0, **more: Any) -> Any:
    made = service_pb2.ModelInferRequest(model_name=MODEL, **more)
    made.inputs.add(name="x", datatype="FP32", shape=[1])
    made.raw_input_contents.append(np.float32(value).tobytes())
    return made


def version_of(response: Any, value: float = 0.0) -> str:
    """Return who answered, by the numbers; what the answer says of itself must agree."""
    added = np.frombuffer(response.raw_output_contents[0], np.float32)[0] - value
    assert response.model_version == f"v{added:.0f}"
    return str(response.model_version)


def test_shares_are_exact_within_one_connection(stable: Pod, candidate: Pod, stub: Any) -> None:
    for weight, of_candidate in ((25, 50), (5, 10), (100, 200), (0, 0)):
        state = stable.split(weight, candidate.as_candidate())
        assert state["appliedWeight"] == weight
        answered = Counter(version_of(stub.ModelInfer(asking(index), timeout=PATIENCE), index) for index in range(200))
        assert answered == +Counter({"v1": 200 - of_candidate, "v2": of_candidate})
        if weight:
            arms = stable.arms()
            assert arms["stable"] == {"requests": 200 - of_candidate, "errors": 0}
            assert (arms["candidate"]["answered"], arms["candidate"]["errors"]) == (of_candidate, 0)


def test_concurrent_calls_of_one_connection(stable: Pod, candidate: Pod, stub: Any) -> None:
    stable.split(50, candidate.as_candidate())
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda index: stub.ModelInfer(asking(index), timeout=PATIENCE), range(300)))
    answered = Counter(version_of(answer, index) for index, answer in enumerate(answers))
    arms = stable.arms()
    assert (arms["stable"]["requests"], arms["candidate"]["requests"]) == (150, 150)
    # On a slow machine the pod may have been quicker than a candidate with many at once.
    assert answered["v2"] == arms["candidate"]["answered"] >= 140
    assert arms["candidate"]["errors"] == arms["candidate"]["failures"]["late"] == 150 - answered["v2"]


def test_messages_of_one_stream_are_split_and_answered_in_order(stable: Pod, candidate: Pod, stub: Any) -> None:
    stable.split(25, candidate.as_candidate())
    requests = (asking(index, id=str(index)) for index in range(400))
    answers = list(stub.ModelStreamInfer(requests, timeout=PATIENCE))
    assert [answer.infer_response.id for answer in answers] == [str(index) for index in range(400)]
    assert all(answer.infer_response.parameters["triton_final_response"].bool_param for answer in answers)
    answered = Counter(version_of(answer.infer_response, index) for index, answer in enumerate(answers))
    assert answered == {"v1": 300, "v2": 100}
    assert stable.arms()["candidate"]["answered"] == 100


def test_tritonclient_and_its_stream(stable: Pod, candidate: Pod) -> None:
    stable.split(50, candidate.as_candidate())
    tensor = triton.InferInput("x", [1], "FP32")
    tensor.set_data_from_numpy(np.zeros(1, np.float32))
    with triton.InferenceServerClient(stable.server.grpc_address) as client:
        unary = Counter(float(client.infer(MODEL, [tensor]).as_numpy("y")[0]) for _ in range(40))
        heard: queue.Queue[Any] = queue.Queue()
        client.start_stream(lambda result, error: heard.put((result, error)))
        for index in range(40):
            client.async_stream_infer(MODEL, [tensor], request_id=str(index))
        answers = [heard.get(timeout=PATIENCE) for _ in range(40)]
        client.stop_stream()
    assert unary == {1.0: 20, 2.0: 20}
    assert [result.get_response().id for result, error in answers if error is None] == list(map(str, range(40)))
    assert Counter(float(result.as_numpy("y")[0]) for result, _ in answers) == {1.0: 20, 2.0: 20}


def test_the_connect_form_is_split_too(stable: Pod, candidate: Pod) -> None:
    stable.split(50, candidate.as_candidate())
    url, body = f"{stable.server.url}{PATH}", asking().SerializeToString()

    def ask(**headers: str) -> str:
        answer = httpx.post(url, content=body, headers=PROTO | headers)
        return version_of(service_pb2.ModelInferResponse.FromString(answer.raise_for_status().content))

    assert Counter(ask() for _ in range(20)) == {"v1": 10, "v2": 10}
    # One that was forwarded already stays here.
    assert Counter(ask(**{"onnx-forwarded": "digits-v0"}) for _ in range(20)) == {"v1": 20}
    assert stable.arms()["stable"]["requests"] == 10


FAILURES = {"refuse": "refused", "reset": "reset", "500": "serverError", "400": "clientError", "503": "overloaded"}


@pytest.mark.parametrize("how", list(FAILURES))
def test_a_candidate_that_fails_costs_nobody_an_answer(how: str, stable: Pod, stub: Any) -> None:
    with bad_candidate(how) as bad:
        stable.split(50, bad.as_candidate())
        unary = [version_of(stub.ModelInfer(asking(), timeout=PATIENCE)) for _ in range(20)]
        streamed = list(stub.ModelStreamInfer((asking(id=str(index)) for index in range(20)), timeout=PATIENCE))
        state = stable.state()
    assert Counter(unary) == {"v1": 20}
    assert [answer.infer_response.id for answer in streamed] == list(map(str, range(20)))
    assert {version_of(answer.infer_response) for answer in streamed} == {"v1"}
    failures = state["arms"]["candidate"]["failures"]
    # A slow machine may find one late before it hears the rest.
    assert {FAILURES[how]} <= {kind for kind, count in failures.items() if count} <= {FAILURES[how], "late"}
    assert state["arms"]["candidate"]["answered"] == 0
    if how != "refuse":  # who refuses is left alone for a second, which is fewer failures than open the breaker
        assert state["breaker"]["open"]
        assert state["appliedWeight"] == 0


def test_a_candidate_that_hangs_is_hedged(stable: Pod, candidate: Pod, stub: Any) -> None:
    stable.split(50, candidate.as_candidate())
    for _ in range(80):  # so that the pod knows how long its own answers take
        stub.ModelInfer(asking(), timeout=PATIENCE)
    with bad_candidate("hang") as bad:
        stable.split(50, bad.as_candidate())
        with ThreadPoolExecutor(8) as pool:
            started = time.monotonic()
            answers = list(pool.map(lambda _: stub.ModelInfer(asking(), timeout=PATIENCE), range(40)))
            seconds = time.monotonic() - started
        state = stable.state()
    assert {version_of(answer) for answer in answers} == {"v1"}
    assert state["arms"]["candidate"]["failures"]["late"] >= 5
    assert state["breaker"]["open"]
    assert seconds < 10


def test_an_error_of_the_clients_is_nobodys_failure(stable: Pod, candidate: Pod, stub: Any) -> None:
    stable.split(100, candidate.as_candidate())
    bad = asking()
    bad.inputs[0].datatype = "FP64"
    with pytest.raises(grpc.RpcError) as refused:
        stub.ModelInfer(bad, timeout=PATIENCE)
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    (streamed,) = stub.ModelStreamInfer(iter([bad]), timeout=PATIENCE)
    assert "'x'" in streamed.error_message
    assert stable.arms()["candidate"]["errors"] == 0


def test_a_user_stays_with_one_revision_and_a_growing_weight_takes_nobody_back(
    stable: Pod, candidate: Pod, stub: Any
) -> None:
    users = [f"user-{number}" for number in range(60)]

    def arms(weight: int) -> dict[str, str]:
        stable.split(weight, candidate.as_candidate(), stickyBy={"header": "X-User"})
        found = {}
        for user in users:
            metadata = [("x-user", user)]
            answered = {version_of(stub.ModelInfer(asking(), metadata=metadata, timeout=PATIENCE)) for _ in range(3)}
            messages = stub.ModelStreamInfer(iter([asking()] * 3), metadata=metadata, timeout=PATIENCE)
            answered |= {version_of(message.infer_response) for message in messages}
            assert len(answered) == 1
            found[user] = answered.pop()
        return found

    few, many = arms(25), arms(75)
    assert 4 <= Counter(few.values())["v2"] <= 28
    assert Counter(many.values())["v2"] > Counter(few.values())["v2"]
    assert all(many[user] == "v2" for user, version in few.items() if version == "v2")


def test_a_preview_shows_what_the_candidate_does(stable: Pod, candidate: Pod, stub: Any) -> None:
    stable.split(0, candidate.as_candidate(), previewHeader="x-preview")
    tester = [("x-preview", "1")]
    assert version_of(stub.ModelInfer(asking(), metadata=tester, timeout=PATIENCE)) == "v2"
    streamed = list(stub.ModelStreamInfer(iter([asking()] * 3), metadata=tester, timeout=PATIENCE))
    assert [version_of(answer.infer_response) for answer in streamed] == ["v2"] * 3
    for others in ([], [("x-preview", "false")], [("x-preview", "0")]):
        assert version_of(stub.ModelInfer(asking(), metadata=others, timeout=PATIENCE)) == "v1"
    assert stable.state()["preview"]["requests"] == 4
    assert stable.arms()["candidate"]["requests"] == 0
    for how, code, words in (
        ("500", grpc.StatusCode.INTERNAL, "as asked"),
        ("refuse", grpc.StatusCode.UNAVAILABLE, ""),
    ):
        with bad_candidate(how) as bad:
            stable.split(0, bad.as_candidate(), previewHeader="x-preview")
            with pytest.raises(grpc.RpcError) as seen:
                stub.ModelInfer(asking(), metadata=tester, timeout=PATIENCE)
            assert seen.value.code() == code
            assert words in seen.value.details()
            (streamed,) = stub.ModelStreamInfer(iter([asking(id="p")]), metadata=tester, timeout=PATIENCE)
            assert streamed.infer_response.id == "p"
            assert streamed.error_message == seen.value.details()


def test_what_goes_to_the_candidate(stable: Pod, stub: Any) -> None:
    trace = ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
    with bad_candidate("500") as seen:
        stable.split(100, seen.as_candidate())
        stub.ModelInfer(asking(), timeout=8, metadata=[trace, ("x-user", "anna")])
        stub.ModelInfer(asking())
    timed, untimed = seen.asked
    assert timed["content-type"] == "application/proto"
    assert (timed["onnx-forwarded"], timed["traceparent"], timed["x-user"]) == ("digits-v1", trace[1], "anna")
    assert 6_000 < int(timed["connect-timeout-ms"]) <= 8_100
    assert "connect-timeout-ms" not in untimed


def test_pods_that_point_at_each_other_answer_at_once(stable: Pod, candidate: Pod, stub: Any) -> None:
    stable.split(100, candidate.as_candidate())
    candidate.split(100, stable.as_candidate(), revision="digits-v1")
    try:
        assert version_of(stub.ModelInfer(asking(), timeout=PATIENCE)) == "v2"
        # Whoever says that a request was forwarded is believed, over gRPC too.
        assert version_of(stub.ModelInfer(asking(), metadata=[("onnx-forwarded", "x")], timeout=PATIENCE)) == "v1"
    finally:
        candidate.split(0, revision="digits-v1")


def test_who_asks_for_this_version_by_name_gets_it(stable: Pod, candidate: Pod, stub: Any) -> None:
    stable.split(100, candidate.as_candidate())
    named = asking(model_version="v1")
    assert {version_of(stub.ModelInfer(named, timeout=PATIENCE)) for _ in range(5)} == {"v1"}


def test_a_client_that_leaves_ends_the_candidates_work(stable: Pod, stub: Any) -> None:
    with bad_candidate("hang") as bad:
        stable.split(0, bad.as_candidate(), previewHeader="x-preview")  # which nobody hedges
        call = stub.ModelInfer.future(asking(), metadata=[("x-preview", "1")])
        wait_for(lambda: bad.asked)
        assert stable.state()["candidates"][0]["inFlight"] == 1
        call.cancel()
        wait_for(lambda: stable.state()["candidates"][0]["inFlight"] == 0)
    in_flight = f'onnx_server_in_flight_requests{{model="{MODEL}",version="v1"}}'
    wait_for(lambda: stable.server.metrics()[in_flight] == 0)


class LongClients:
    """Clients that never retry: one of unary calls over one channel, one of streams. `lost` says what went wrong."""

    def __init__(self, address: str) -> None:
        self.stop = threading.Event()
        self.answered = Counter[tuple[str, str]]()
        self.ended = Counter[str]()
        self.lost: list[str] = []
        self.channel = grpc.insecure_channel(address, [("grpc.use_local_subchannel_pool", 1)])
        self.stub = service_pb2_grpc.GRPCInferenceServiceStub(self.channel)
        self.threads = [threading.Thread(target=self.guarded, args=[each]) for each in (self.calls, self.streams)]

    def guarded(self, run: Any) -> None:
        try:
            while not self.stop.is_set():
                run()
        except Exception as error:
            self.lost.append(repr(error))

    def calls(self) -> None:
        self.answered["unary", version_of(self.stub.ModelInfer(asking(7), timeout=PATIENCE), 7)] += 1

    def streams(self) -> None:
        """Send the next request when the last one is answered; go on with a new stream where one ends."""
        room, given = threading.Semaphore(1), 0

        def requests() -> Iterator[Any]:
            nonlocal given
            while room.acquire() and not self.stop.is_set():
                yield asking(given, id=str(given))
                given += 1

        for index, message in enumerate(self.stub.ModelStreamInfer(requests(), timeout=PATIENCE)):
            assert (message.error_message, message.infer_response.id) == ("", str(index))
            self.answered["stream", version_of(message.infer_response, index)] += 1
            room.release()
        room.release()
        self.ended["stream"] += 1

    def __enter__(self) -> "LongClients":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def start(self) -> None:
        for thread in self.threads:
            thread.start()

    def end(self) -> None:
        """Finish what is under way."""
        self.stop.set()
        for thread in self.threads:
            thread.join()
        self.channel.close()
