"""What the metrics tell of rollouts: those that run now, and what came of those that ran."""

from prometheus_client.parser import text_string_to_metric_families

from onnx_operator.metrics import Metrics
from tests.unit.operator.one_model import KEY, World, serving
from tests.unit.operator.situations import spec
from tests.unit.operator.test_reconcile_rollout import FAILING, go, v2

LABELS = ("key", "phase", "result", "reason")
MODEL = "/".join(KEY)


def samples(metrics: Metrics) -> dict[tuple[str, ...], float]:
    families = text_string_to_metric_families(metrics.text().decode())
    found = [sample for family in families for sample in family.samples if "rollout" in sample.name]
    return {(s.name, *(s.labels[name] for name in LABELS if name in s.labels)): s.value for s in found}


def told(world: World) -> dict[tuple[str, ...], float]:
    return samples(world.operator.metrics)


def test_a_running_rollout_has_gauges_that_go_with_it() -> None:
    world = serving()
    world.operator.metrics.rollouts(lambda: True)
    assert told(world) == {}
    world.ask(v2(stepSeconds=600))
    go(world, 12)
    found = told(world)
    assert found["onnx_operator_rollout_phase", MODEL, "Progressing"] == 1
    assert found["onnx_operator_rollout_weight", MODEL] == 50
    world.ask(spec("s3://models/digits/v1", 2))
    world.settle()
    gone = {name for name, *_ in told(world)}
    assert not gone & {"onnx_operator_rollout_phase", "onnx_operator_rollout_weight"}


def test_a_replica_that_does_not_lead_tells_of_no_rollout() -> None:
    world = serving()
    leads = [False]
    world.operator.metrics.rollouts(lambda: leads[0])
    world.ask(v2(stepSeconds=600))
    go(world, 12)
    assert ("onnx_operator_rollout_weight", MODEL) not in told(world)
    leads[0] = True
    assert ("onnx_operator_rollout_weight", MODEL) in told(world)


def test_what_came_of_rollouts_is_counted_and_of_aborts_the_reason() -> None:
    world = serving()
    world.run(v2())
    world.control.plays = FAILING
    world.run(spec("s3://models/digits/v3", 2, rollout=v2().rollout.model_dump()))
    found = told(world)
    assert found["onnx_operator_rollouts_total", "started"] == 2
    assert found["onnx_operator_rollouts_total", "promoted"] == 1
    assert found["onnx_operator_rollouts_total", "aborted"] == 1
    assert found["onnx_operator_rollout_aborts_total", "CandidateErrors"] == 1
