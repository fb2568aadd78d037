"""The checks of what both revisions' pods have measured: durations, outputs and memory.

An Unknown holds the rollout only where more evidence can come: pairs of durations need answers of both revisions,
comparisons need copies.
"""

from dataclasses import replace

from onnx_operator.api.rollout import Shadow
from onnx_operator.decide.analysis import health as of_health
from onnx_operator.decide.analysis import latency as of_latency
from onnx_operator.decide.analysis import memory as of_memory
from onnx_operator.decide.analysis import outputs as of_outputs
from onnx_operator.decide.judgement import Judgement
from onnx_operator.decide.rollout.sight import Sight

# Pairs of durations that a Pass takes.
NEEDED_PAIRS = 50


def latency(sight: Sight) -> Judgement | tuple[Judgement, ...]:
    """Return the verdict on the candidate's speed."""
    if sight.blind or "Latency" in sight.analysis.skip:
        return ()
    tolerance = sight.analysis.maxLatencyIncrease
    said = sight.once("latency", lambda: of_latency.latency(sight.evidence, tolerance, NEEDED_PAIRS))
    return replace(said, holds=said.holds and sight.facts.weight < 100)


def outputs(sight: Sight) -> Judgement | tuple[Judgement, ...]:
    """Return the verdict on how far the candidate's outputs agree; none before the first step with a shadow."""
    shadow, rules, change = _copying(sight), sight.analysis.outputs, sight.observed.spec.model.change
    if shadow is None:
        return ()
    needed, least = shadow.minSamples, rules.minAgreement
    said = sight.once(
        ("outputs", needed), lambda: of_outputs.outputs(sight.evidence, change, least, rules.ignore, needed)
    )
    return replace(said, holds=said.holds and sight.shadow_due > 0)


def health(sight: Sight) -> Judgement | tuple[Judgement, ...]:
    """Return the verdict on whether the candidate's outputs are numbers, and change; none before the first shadow."""
    shadow = _copying(sight)
    if shadow is None:
        return ()
    needed = shadow.minSamples
    said = sight.once(("health", needed), lambda: of_health.health(sight.evidence, needed))
    return replace(said, holds=said.holds and sight.shadow_due > 0)


def memory(sight: Sight) -> Judgement | tuple[Judgement, ...]:
    """Return the verdict on the growth of the candidate's memory."""
    if sight.unseen or "Memory" in sight.analysis.skip:
        return ()
    splits = sight.observed.split_states(sight.candidate.name)
    pods = [split.memory for split in splits if split and split.memory]
    return sight.once("memory", lambda: of_memory.memory(pods, sight.analysis.maxMemoryIncrease))


def _copying(sight: Sight) -> Shadow | None:
    """Return the shadow that outputs are judged by; None if there was none, or they are not judged."""
    return None if sight.blind or "Outputs" in sight.analysis.skip else sight.last_shadow
