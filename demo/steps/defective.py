"""Version 3, which comes up well and crashes under real requests."""

import time

from .. import defect, progress
from ..errors import DemoError
from ..model_status import ModelStatus
from ..names import MODEL, NAMESPACE
from ..scene import Scene, made
from .missing import LEAD, ask_for, counted, none_lost

REASONS = ("CandidateRestarted", "CandidateErrors")
"""The kubelet's count of restarts, or the requests that failed: whichever is seen first."""


def run(scene: Scene) -> None:
    """Ask for version 3; check that it is taken back, that version 2 serves, and that no request was lost."""
    narrator, shell = scene.narrator, scene.shell
    before = ModelStatus.of(shell.ask_json("kubectl", "get", "onnxmodel", MODEL, "-n", NAMESPACE))
    uri = made(scene.store).put(defect.VERSION, scene.models[defect.VERSION].path)
    narrator.say(
        f"Version 3 loads, warms up and answers rightly. Its {defect.AFTER}th run on real digits kills its process. "
        "Nobody looks: what happens is up to the operator."
    )
    ask_for(scene, uri)
    status = progress.wait_for(
        shell,
        "version 3 is taken back",
        lambda status: status.current and status.stalled.true and not status.reconciling.true,
        lambda: counted(scene),
    )
    if status.stalled.reason not in REASONS:
        raise DemoError(f"the reason is {status.stalled.reason}: {status.stalled.message}", *progress.LOOK)
    time.sleep(LEAD)
    shell.run("kubectl", "get", "onnxmodel", MODEL, "-n", NAMESPACE, "-o", "wide")
    shell.run("kubectl", "get", "pods", "-n", NAMESPACE, "-L", "onnx-operator.dev/revision")
    shell.run("kubectl", "get", "events", "-n", NAMESPACE, "--field-selector", "reason=Aborted")
    now = ModelStatus.of(shell.ask_json("kubectl", "get", "onnxmodel", MODEL, "-n", NAMESPACE))
    if not now.ready.true or now.stable != before.stable:
        raise DemoError(f"version 2 does not serve any more: {now.ready.message}", *progress.LOOK)
    made(scene.traffic).stop()
    none_lost(scene, f"Taken back, and {before.stable} serves on with {now.pods} pods. The clients, over all of it:")
    by_version = made(scene.traffic).count.by_version
    narrator.good("Answered by " + ", then ".join(f"{name}: {times}" for name, times in by_version.items()))
