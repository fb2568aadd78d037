"""What clients that know the right answers make of those that they get."""

import json
from pathlib import Path

import numpy as np
import pytest

from demo.train import INPUT
from tests.e2e import digit_models as models
from tests.e2e import load
from tests.e2e.load import Request
from tests.e2e.load_questions import RIGHT, WRONG, Factor, Known, Outputs, body, keep, message, of_body, of_message

ASKED = models.images()[:30]


@pytest.fixture
def known(tmp_path: Path) -> Known:
    return Known(keep(tmp_path / "questions.npz", INPUT, ASKED, models.answers(models.good(), ASKED)))


def judged(known: Known, said: Outputs) -> set[float]:
    rows = [{name: output[number : number + 1] for name, output in said.items()} for number in range(len(ASKED))]
    return {known.judged(number, row) for number, row in enumerate(rows)}


@pytest.mark.parametrize("model", [models.equal, lambda: models.deep(3)])
def test_who_computes_the_same_is_right(known: Known, model) -> None:  # type: ignore[no-untyped-def]
    assert judged(known, models.answers(model(), ASKED)) == {RIGHT}


@pytest.mark.parametrize("model", [models.permuted_labels, lambda: models.not_a_number(1.0)])
def test_every_fault_is_seen(known: Known, model) -> None:  # type: ignore[no-untyped-def]
    assert judged(known, models.answers(model(), ASKED)) == {WRONG}


def test_values_off_by_a_little_are_wrong_though_the_label_is_right(known: Known) -> None:
    assert WRONG in judged(known, models.answers(models.off_by(0.01), ASKED))


def test_another_set_of_outputs_is_wrong(known: Known) -> None:
    assert judged(known, {"label": models.answers(models.good(), ASKED)["label"]}) == {WRONG}


def test_an_http_answer_is_read_as_it_is_sent(known: Known) -> None:
    assert json.loads(body(known, 3))["inputs"][0]["shape"] == [1, 64]
    assert json.loads(body(known, 3))["inputs"][0]["data"] == ASKED[3].tolist()
    right = {name: output[3:4] for name, output in models.answers(models.good(), ASKED).items()}
    sent = [
        {"name": name, "shape": [*output.shape], "data": output.reshape(-1).tolist()} for name, output in right.items()
    ]
    assert known.judged(3, of_body({"outputs": sent})) == RIGHT
    assert known.judged(4, of_body({"outputs": sent})) == WRONG
    assert known.judged(3, of_body({"outputs": [sent[0], {**sent[1], "data": [None] * 10}]})) == WRONG


def test_a_grpc_answer_is_read_as_it_is_sent(known: Known) -> None:
    from tritonclient.grpc import service_pb2

    request = service_pb2.ModelInferRequest.FromString(message(known, 3, "digits"))
    assert list(request.inputs[0].shape) == [1, 64]
    assert np.frombuffer(request.raw_input_contents[0], np.float32).tolist() == ASKED[3].tolist()
    answer = service_pb2.ModelInferResponse()
    for name, output in models.answers(models.good(), ASKED[3:4]).items():
        kind = "INT64" if output.dtype == np.int64 else "FP32"
        answer.outputs.add(name=name, datatype=kind, shape=output.shape)
        answer.raw_output_contents.append(output.tobytes())
    assert known.judged(3, of_message(answer)) == RIGHT


def test_a_scale_models_answer_tells_its_factor() -> None:
    assert Factor().judged(0, {"y": np.array([[3000.0, 6000.0]])}) == 3.0


def test_wrong_answers_are_counted_where_there_was_an_answer() -> None:
    requests = [Request("grpc unary", 0.0, 0.1, "abc", tells, lost) for tells, lost in ((1.0, None), (0.0, None))]
    assert load.wrong([*requests, Request("grpc unary", 0.0, 0.1, "", 0.0, "gone")]) == requests[1:]
