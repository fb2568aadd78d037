"""A version of the digits model that is judged under load, and what came of it: what caught it, and what users got."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.train import INPUT
from tests.e2e import digit_models as models
from tests.e2e import load, load_questions
from tests.e2e.kubectl import Object
from tests.e2e.load import PAUSE
from tests.e2e.scenario import KIND, MODEL, Scenario
from tests.e2e.scenario_table import JUDGED, Judged

QUICK: Object = {"stepSeconds": 2, "scaleDownDelaySeconds": 3}
"""A canary as it is without a word, shadow first and judged by default, but for its times."""

CAUGHT = {
    "errors": "CandidateErrors",
    "latency": "CandidateSlower",
    "outputs": "OutputsDiffer",
    "health": "OutputsBroken",
    "memory": "CandidateLeaks",
    "golden": "GoldenMismatch",
}
"""The check that fails, and the reason for which a version is taken back then."""


@dataclass
class Judging:
    """A rollout of digits models with clients that know the right answers."""

    scenario: Scenario
    folder: Path

    def serve(self, data: bytes | None = None, pause: float = PAUSE, **spec: Any) -> None:
        """Serve a model (None: the good one), whose answers are the right ones from now on."""
        right = models.good() if data is None else data
        asked = models.images()
        questions = load_questions.keep(self.folder / "questions.npz", INPUT, asked, models.answers(right, asked))
        self.scenario.serve(pause=pause, data=right, questions=questions, **{"rollout": QUICK, **spec})

    def states(self, revision: str) -> Iterator[tuple[float, Object]]:
        """Yield each status of the rollout of a revision, with when it was told (monotonic seconds)."""
        for change in self.scenario.watched.history.changes[self.scenario.watched.namespace]:
            status = (change.obj or {}).get("status", {})
            rollout = status.get("rollout", {})
            if change.name == (KIND, MODEL) and rollout.get("revision") == revision:
                yield change.at, rollout

    def caught(self, name: str, revision: str, *checks: str) -> Judged:
        """Wait until one of these checks has taken a version back; check, tell and return what came of it."""
        model = self.scenario.wait_rejected(revision, *(CAUGHT[check] for check in checks))
        rejected = next(one for one in model["status"]["rejected"] if one["revision"] == revision)
        check = next(check for check in checks if CAUGHT[check] == rejected["reason"])
        print(f"{name}: {rejected['message']}")
        return self._told(name, revision, check, rejected["message"])

    def promoted(self, name: str, revision: str) -> Judged:
        """Wait until a version serves alone; check, tell and return what came of it."""
        self.scenario.wait_promoted(revision)
        return self._told(name, revision, None)

    def _told(self, name: str, revision: str, check: str | None, message: str = "") -> Judged:
        requests = self.scenario.stop()
        states = list(self.states(revision))
        told = [rollout for _, rollout in states]
        begun = next((at for at, rollout in states if rollout["phase"] == "Progressing"), states[0][0])
        ended = ("HandingOver",) if check is None else ("RollingBack", "Aborted")
        verdict = next(at for at, rollout in states if rollout["phase"] in ended)
        weights = [look.weights(self.scenario.stable) for look in self.scenario.counters.looks]
        highest = int(max(max(weight, default=0.0) for weight in weights))
        judged = Judged(
            name=name,
            caught=check or "promoted",
            samples=None if check == "golden" else counted(message) or samples(told, check or "outputs"),
            verdict=verdict - begun,
            changed=verdict - self.scenario.changed_at,
            ended=self.scenario.weightless(verdict) if check and highest else None,
            highest=highest,
            requests=len(requests),
            candidate=load.by_version(requests)[revision.rpartition("-")[2]],
            lost=len(load.lost(requests)),
            wrong=len(load.wrong(requests)),
        )
        JUDGED.append(judged)
        self.scenario.check(requests)
        return judged


def counted(message: str) -> int | None:
    """Return how many samples the message of a rejection names, such as `3 of 40 copies agree`; None if none."""
    found = re.search(r"\bof (\d+) ", message)
    return int(found[1]) if found else None


def samples(rollouts: list[Object], check: str) -> int | None:
    """Return what the verdict of a check was made of at last; None if it has none to tell."""
    told = [one.get("samples") for rollout in rollouts for one in rollout.get("checks", []) if one["check"] == check]
    return next((count for count in reversed(told) if count is not None), None)
