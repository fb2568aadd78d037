"""The scenarios, one a module: each plays on a stage and returns its results as JSON has them."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.operator.scenarios import api_restart, drift, edit, idle, rest, restart
from benchmarks.operator.stage import Stage


@dataclass(frozen=True)
class Scenario:
    """`play` wants an operator that leads on the stage; `crowded` ones want many settled models, too."""

    name: str
    play: Callable[[Stage], Coroutine[Any, Any, dict[str, Any]]]
    crowded: bool = False


SCENARIOS: Final = (
    Scenario("idle", idle.play),
    Scenario("edit", edit.play),
    Scenario("drift", drift.play),
    Scenario("rest", rest.play, crowded=True),
    Scenario("restart", restart.play, crowded=True),
    Scenario("api-restart", api_restart.play, crowded=True),
)
"""Those that can share a stage, in the order in which they play; `at_once` has stages of its own."""

AT_ONCE: Final = "at-once"
NAMES: Final = (*(scenario.name for scenario in SCENARIOS), AT_ONCE)
