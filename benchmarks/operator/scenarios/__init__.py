"""The scenarios, one a module: each plays on a stage and returns its results as JSON has them."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.operator.scenarios import api_restart, drift, edit, idle, rest, restart
from benchmarks.operator.stage import Stage

SETTLED: Final = 1000
"""Models that are settled before some scenarios begin."""


@dataclass(frozen=True)
class Scenario:
    """`play` wants an operator that leads, and so many models, settled, on the stage."""

    name: str
    play: Callable[[Stage], Coroutine[Any, Any, dict[str, Any]]]
    models: int = 0


SCENARIOS: Final = (
    Scenario("idle", idle.play),
    Scenario("edit", edit.play),
    Scenario("drift", drift.play),
    Scenario("rest", rest.play, SETTLED),
    Scenario("restart", restart.play, SETTLED),
    Scenario("api-restart", api_restart.play, SETTLED),
)
"""Those that can share a stage, in the order in which they play; `at_once` has stages of its own."""

AT_ONCE: Final = "at-once"
NAMES: Final = (*(scenario.name for scenario in SCENARIOS), AT_ONCE)
