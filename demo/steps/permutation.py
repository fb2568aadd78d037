"""Version 3, which comes up well, answers quickly, and is wrong each time."""

import time

from .. import permuted, progress
from ..errors import DemoError
from ..model_status import ModelStatus
from ..names import MODEL, NAMESPACE
from ..scene import Scene, made
from .missing import LEAD, ask_for, counted, none_lost

REASON = "OutputsDiffer"


def run(scene: Scene) -> None:
    """Ask for version 3; check that its outputs gave it away, that version 2 serves, and that no user met version 3."""
    narrator, shell = scene.narrator, scene.shell
    before = ModelStatus.of(shell.ask_json("kubectl", "get", "onnxmodel", MODEL, "-n", NAMESPACE))
    uri = made(scene.store).put(permuted.VERSION, scene.models[permuted.VERSION].path)
    narrator.say(
        "Version 3 loads, warms up, passes its health checks, and answers with 200, as fast as version 2, and as sure "
        "of itself. Somebody has mixed up the list of classes: it calls a 0 a 3, a 1 a 4 and so on. No probe sees "
        "that, and no error rate. Nobody looks: what happens is up to the operator."
    )
    ask_for(scene, uri)
    status = progress.wait_for(
        shell,
        "version 3 is taken back",
        lambda status: status.current and status.stalled.true and not status.reconciling.true,
        lambda: counted(scene),
    )
    if status.stalled.reason != REASON:
        raise DemoError(f"the reason is {status.stalled.reason}: {status.stalled.message}", *progress.LOOK)
    time.sleep(LEAD)
    shell.run("kubectl", "onnx", "status", MODEL, "-n", NAMESPACE)
    shell.run("kubectl", "get", "events", "-n", NAMESPACE, "--field-selector", "reason=Aborted")
    now = ModelStatus.of(shell.ask_json("kubectl", "get", "onnxmodel", MODEL, "-n", NAMESPACE))
    if not now.ready.true or now.stable != before.stable:
        raise DemoError(f"version 2 does not serve any more: {now.ready.message}", *progress.LOOK)
    made(scene.traffic).stop()
    none_lost(scene, f"Taken back, and {before.stable} serves on with {now.pods} pods. The clients, over all of it:")
    by_version = made(scene.traffic).count.by_version
    narrator.good("Answered by " + ", then ".join(f"{name}: {times}" for name, times in by_version.items()))
    taken_back = made(shell.ask_json("kubectl", "get", "onnxmodel", MODEL, "-n", NAMESPACE))["status"]["rejected"][0]
    if by_version[taken_back["revision"].rpartition("-")[2]]:
        raise DemoError("a user had an answer of version 3", *progress.LOOK)
    narrator.good("No user had an answer of version 3: all that it answered were copies.")
