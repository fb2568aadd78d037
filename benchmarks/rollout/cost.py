"""What judging costs the operator: CPU and requests to the API server, while a version is held and looked at."""

import time
from pathlib import Path
from typing import Any, Final

from benchmarks import proc
from benchmarks.results import Object
from benchmarks.rollout.stage import Stage
from tests.e2e import digit_models as models
from tests.e2e.judging import QUICK, Judging
from tests.e2e.replicas import RECONCILES, REQUESTS, Replicas

LONG: Final = 86_400
ENOUGH: Final = 1_000_000
WARM_UP: Final = 5.0
LEASE: Final = 'resource="leases"'
SHADOW: Final[dict[str, Any]] = {
    **QUICK,
    "steps": [{"shadow": {"percent": 100, "minSamples": ENOUGH}}, {"weight": 100}],
}
PAUSED: Final[dict[str, Any]] = {**QUICK, "steps": [{"pause": {}}, {"weight": 100}]}
HELD: Final = ("Progressing", "Paused")
SITUATIONS: Final = {"judged in a shadow step": SHADOW, "paused before it got a request": PAUSED}
"""How a rollout is held: while all of its copies are judged, and, for comparison, while nothing is to be judged."""


def play(stage: Stage, seconds: int) -> dict[str, Object]:
    """Return by situation `seconds`, and within these: `cpu` (s), `looks`, `requests` to the API, `statusWrites`."""
    found = {}
    for name, rollout in SITUATIONS.items():
        with stage.judging() as judging:
            judging.serve(rollout={**rollout, "analysis": {"maxWaitSeconds": LONG}})
            new = judging.scenario.ask(models.equal())
            judging.scenario.wait(lambda model: (model["status"].get("rollout") or {}).get("phase") in HELD)
            stage.wait_alone(judging)
            time.sleep(WARM_UP)
            found[name] = _measured(stage, judging, new, seconds)
    return found


def _measured(stage: Stage, judging: Judging, revision: str, seconds: int) -> Object:
    replicas = Replicas(stage.operator)
    leader = replicas.wait_leader()
    (pid,) = processes(stage.operator.get("pod", leader)["metadata"]["uid"])
    before, cpu, began = replicas.metrics(leader), proc.cpu_seconds(pid), time.monotonic()
    time.sleep(seconds)
    used, after, ended = proc.cpu_seconds(pid) - cpu, replicas.metrics(leader), time.monotonic()
    states = [at for at, _ in judging.states(revision)]
    return {
        "seconds": round(ended - began, 1),
        "cpu": round(used, 3),
        "looks": _grown(before, after, RECONCILES),
        "requests": _grown(before, after, REQUESTS),
        "statusWrites": sum(began <= at <= ended for at in states),
    }


def _grown(before: dict[str, float], after: dict[str, float], name: str) -> int:
    """Return by how much the samples of a counter grew together, but for those about the replicas' Lease."""
    counted = [sample for sample in after if sample.startswith(f"{name}{{") and LEASE not in sample]
    return int(sum(after[sample] - before.get(sample, 0.0) for sample in counted))


def processes(uid: str, root: Path = Path("/proc")) -> list[int]:
    """Return the processes of a pod's containers that run Python, by their cgroups; this machine is the node."""
    marks = (uid, uid.replace("-", "_"))
    found = []
    for folder in root.glob("[0-9]*"):
        try:
            inside = any(mark in (folder / "cgroup").read_text() for mark in marks)
            if inside and "python" in (folder / "cmdline").read_text():
                found.append(int(folder.name))
        except OSError:  # it has ended
            continue
    return found
