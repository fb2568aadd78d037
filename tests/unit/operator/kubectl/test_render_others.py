"""``history``, ``diff``, ``predict`` and the answers to actions, letter by letter."""

from datetime import timedelta

import pytest

from onnx_operator.kubectl.actions import Action
from onnx_operator.kubectl.render.age import age
from onnx_operator.kubectl.render.answer import answer_line, asked_line
from onnx_operator.kubectl.render.difference import difference
from onnx_operator.kubectl.render.history import history_of, history_table
from onnx_operator.kubectl.render.prediction import prediction
from onnx_operator.kubectl.render.words import bar
from tests.unit.operator.kubectl.printing import printed
from tests.unit.operator.kubectl.recorded_states import NOW, model, revisions

HISTORY = """\
#  REVISION           ROLE      PROMOTED    PODS  DIGEST        MODEL
3  digits-bq24cmd5fz  Rejected  never       0     a94be0c1775d  s3://models/digits/2/model.onnx
                                                                CandidateErrors: At step 3/5: 31 of 580 requests
                                                                failed, of the stable revision's 0 of 1720; up
                                                                to 1 point more would be tolerated.
2  digits-7wz2kxq9bd  Retired   24m9s ago   0     3f1c9a07d2be  s3://models/digits/1/model.onnx
                                                                refresh of digits-hzbw5b6dxn, with
                                                                registry.example/onnx-operator/server:0.1.1
1  digits-hzbw5b6dxn  Stable    13m50s ago  2     3f1c9a07d2be  s3://models/digits/1/model.onnx
"""
DIFFERENCE = """\
--- digits-hzbw5b6dxn
+++ digits-bq24cmd5fz
spec.model.uri
  - s3://models/digits/1/model.onnx
  + s3://models/digits/2/model.onnx
spec.podTemplate.nodeSelector[example.test/pool]
  + inference
spec.resources.limits.cpu
  - 1
  + 2
spec.server.maxBatchSize
  + 32
found when they were made:
digest of the model
  - sha256:3f1c9a07d2be0000000000000000000000000000000000000000000000000000
  + sha256:a94be0c1775d0000000000000000000000000000000000000000000000000000
"""
REFRESH = """\
--- digits-hzbw5b6dxn
+++ digits-7wz2kxq9bd
They declare the same spec.
found when they were made:
server image
  - registry.example/onnx-operator/server:0.1.0
  + registry.example/onnx-operator/server:0.1.1
"""
PREDICTION = """\
digits version bq24cmd5fz
label  INT64 [1]
  7
probabilities  FP32 [1, 10]
  [7]  0.75   ███████████████░░░░░
  [1]  0.125  ██░░░░░░░░░░░░░░░░░░
  [2]  0.125  ██░░░░░░░░░░░░░░░░░░
  [0]  0      ░░░░░░░░░░░░░░░░░░░░
  [3]  0      ░░░░░░░░░░░░░░░░░░░░
  and 5 smaller ones
embedding  FP32 [2, 8]
  0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, … 4 more
name  BYTES [1]
  seven
"""


def test_history() -> None:
    facts = history_of(model("aborted"), revisions())
    said = printed(history_table(facts, NOW), width=112)
    assert said == HISTORY


def test_difference() -> None:
    new, _, old = revisions()
    assert printed(difference(old, new)) == DIFFERENCE


def test_difference_the_other_way_round() -> None:
    new, _, old = revisions()
    said = printed(difference(new, old))
    assert "spec.server.maxBatchSize\n  - 32\n" in said


def test_a_refresh_differs_in_nothing_declared() -> None:
    _, new, old = revisions()
    assert printed(difference(old, new)) == REFRESH


def test_prediction() -> None:
    scores = [0.0, 0.125, 0.125, 0.0, 0.0, 0.0, 0.0, 0.75, 0.0, 0.0]
    answer = {
        "model_name": "digits",
        "model_version": "bq24cmd5fz",
        "outputs": [
            {"name": "label", "datatype": "INT64", "shape": [1], "data": [7]},
            {"name": "probabilities", "datatype": "FP32", "shape": [1, 10], "data": scores},
            {"name": "embedding", "datatype": "FP32", "shape": [2, 8], "data": [0.5] * 16},
            {"name": "name", "datatype": "BYTES", "shape": [1], "data": ["seven"]},
        ],
    }
    assert printed(prediction(answer)) == PREDICTION


def test_scores_that_are_no_shares_have_no_bars() -> None:
    logits = {"name": "logits", "datatype": "FP32", "shape": [1, 6], "data": [-1.0, 9.0, 3.0, 0.0, 0.0, 0.0]}
    assert "░" not in printed(prediction({"model_name": "m", "outputs": [logits]}))


def test_answers() -> None:
    action = Action("pause", "digits-bq24cmd5fz", "1")
    said = {"result": "Accepted", "message": "It keeps 25 %."}
    assert printed(answer_line(action, said)) == "✓ accepted  pause@digits-bq24cmd5fz#1  It keeps 25 %.\n"
    said = {"result": "Ignored", "message": "It is not paused."}
    assert printed(answer_line(action, said)) == "✗ ignored  pause@digits-bq24cmd5fz#1  It is not paused.\n"
    assert printed(asked_line(action, "digits")) == (
        "asked pause@digits-bq24cmd5fz#1  kubectl onnx status digits shows the answer.\n"
    )


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0s"), (59, "59s"), (60, "1m"), (192, "3m12s"), (3600, "1h"), (3661, "1h1m"), (90000, "1d1h"), (-5, "0s")],
)
def test_age(seconds: int, said: str) -> None:
    assert age((NOW - timedelta(seconds=seconds)).isoformat(), NOW) == said


def test_the_age_of_no_time_is_not_told() -> None:
    assert age(None, NOW) == age("yesterday", NOW) == ""


@pytest.mark.parametrize(("percent", "cells"), [(0, 0), (1, 1), (5, 1), (25, 5), (50, 10), (99, 20), (100, 20)])
def test_any_share_is_seen_as_one(percent: int, cells: int) -> None:
    assert bar(percent, "green").plain == "█" * cells + "░" * (20 - cells)
