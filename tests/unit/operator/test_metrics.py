"""What the metrics tell of rollouts: those that run now, and what came of those that ran."""

from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

import onnx_operator
from onnx_operator.decide.judgement import Judgement
from onnx_operator.metrics import Metrics, Rollout
from tests.unit.operator.one_model import KEY, World, serving
from tests.unit.operator.situations import spec
from tests.unit.operator.test_reconcile_rollout import FAILING, go, v2

LABELS = ("key", "phase", "check", "verdict", "result", "reason")
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


def test_each_check_has_its_verdict_samples_and_level_until_the_rollout_ends() -> None:
    metrics = Metrics()
    metrics.rollouts(lambda: True)
    said = (
        Judgement("errors", "Pass", samples=200, level=0.5),
        Judgement("clicks", "Unknown", level=1.5),
        Judgement("readiness", "Fail"),
    )
    metrics.running[KEY] = Rollout(MODEL, "Progressing", 25, said)
    found = {name: value for name, value in samples(metrics).items() if "check" in name[0]}
    assert found == {
        ("onnx_operator_rollout_check_verdict", MODEL, "errors", "Pass"): 1,
        ("onnx_operator_rollout_check_verdict", MODEL, "clicks", "Unknown"): 1,
        ("onnx_operator_rollout_check_verdict", MODEL, "readiness", "Fail"): 1,
        ("onnx_operator_rollout_check_samples", MODEL, "errors"): 200,
        ("onnx_operator_rollout_check_level", MODEL, "errors"): 0.5,
        ("onnx_operator_rollout_check_level", MODEL, "clicks"): 1.5,
    }
    del metrics.running[KEY]
    assert not [name for name in samples(metrics) if "check" in name[0]]


def test_a_rollout_tells_of_its_checks_while_it_runs() -> None:
    world = serving()
    world.operator.metrics.rollouts(lambda: True)
    world.ask(v2(stepSeconds=600))
    go(world, 12)
    assert told(world)["onnx_operator_rollout_check_verdict", MODEL, "readiness", "Pass"] == 1
    world.ask(spec("s3://models/digits/v1", 2))
    world.settle()
    assert not [name for name in told(world) if "check" in name[0]]


def test_questions_are_counted_by_kind_and_whether_they_were_answered() -> None:
    metrics = Metrics()
    metrics.measurement("prometheus", True)
    metrics.measurement("webhook", False)
    metrics.measurement("webhook", False)
    text = metrics.text().decode()
    assert 'onnx_operator_measurements_total{kind="prometheus",result="answered"} 1.0' in text
    assert 'onnx_operator_measurements_total{kind="webhook",result="unknown"} 2.0' in text


def test_the_page_lists_every_metric() -> None:
    metrics = Metrics()
    metrics.rollouts(lambda: True)
    page = (Path(onnx_operator.__file__).parents[2] / "docs" / "operations.md").read_text()
    families = [*metrics.registry.collect()]
    names = {f"{family.name}_total" if family.type == "counter" else family.name for family in families}
    assert not [name for name in names if f"| `{name}` |" not in page]
