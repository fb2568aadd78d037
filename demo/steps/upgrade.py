"""Version 2."""

import time
from collections.abc import Callable
from typing import Final

from .. import progress
from ..errors import DemoError
from ..model_status import ModelStatus
from ..names import MODEL, NAMESPACE
from ..scene import Scene, made
from .inference import check
from .missing import LEAD, ask_for, counted, none_lost

QUICK: Final = {"stepSeconds": 5, "scaleDownDelaySeconds": 10}
SHOWN: Final = 25
"""Percent at which what the checks say is shown."""


def run(scene: Scene) -> None:
    """Upload version 2 and ask for it; check that it serves, and that version 1's pods are gone."""
    narrator, shell = scene.narrator, scene.shell
    before = ModelStatus.of(shell.ask_json("kubectl", "get", "onnxmodel", MODEL, "-n", NAMESPACE)).stable
    uri = made(scene.store).put(2, scene.models[2].path)
    narrator.good(f"{scene.models[2].path.name} is at {uri}")
    narrator.say(
        "Version 1's pods answer all, and send copies of the requests to version 2: its answers are compared, and no "
        "user gets one. Then they forward 5, 25, 50, and 100 % of the requests, each step for 5 seconds here (15 "
        "unless the spec says otherwise), and only as long as version 2 answers as well, and as quickly. Then the "
        "Service leads to version 2, whose pods have loaded the model once."
    )
    ask_for(scene, uri, rollout=QUICK)
    progress.wait_for(shell, f"version 2 has {SHOWN} %", _has_come_to(SHOWN, uri), lambda: counted(scene))
    shell.run("kubectl", "onnx", "status", MODEL, "-n", NAMESPACE)
    status = progress.wait_for(
        shell,
        "version 2 is served and version 1 retired",
        lambda status: status.settled and status.uri == uri,
        lambda: counted(scene),
    )
    time.sleep(LEAD)
    shell.run("kubectl", "get", "onnxmodel", MODEL, "-n", NAMESPACE, "-o", "wide")
    shell.run("kubectl", "get", "pods", "-n", NAMESPACE, "-L", "onnx-operator.dev/revision")
    _check_retired(scene, before, status)
    check(scene, version=2)
    none_lost(scene, "The clients, over both changes:")
    by_version = made(scene.traffic).count.by_version
    narrator.good("Answered by " + ", then ".join(f"{name}: {times}" for name, times in by_version.items()))


def _has_come_to(weight: int, uri: str) -> Callable[[ModelStatus], bool]:
    return lambda status: (
        (status.rollout is not None and status.rollout.weight >= weight) or (status.settled and status.uri == uri)
    )


def _check_retired(scene: Scene, before: str, status: ModelStatus) -> None:
    if status.digest != scene.models[2].digest:
        raise DemoError(f"the pods serve {status.digest}, but {scene.models[2].digest} was uploaded", *progress.LOOK)
    selector = f"onnx-operator.dev/revision={before}"
    left = scene.shell.ask("kubectl", "get", "pods", "-n", NAMESPACE, "-l", selector, "-o", "name").split()
    if left:
        raise DemoError(f"pods of version 1 are still there: {', '.join(left)}", *progress.LOOK)
    scene.narrator.good(f"{status.stable} serves; the pods of {before} are gone, the revision is kept for the way back")
