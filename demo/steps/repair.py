"""Somebody deletes the Deployment."""

import time

from .. import progress
from ..errors import DemoError
from ..model_status import ModelStatus
from ..names import MODEL, NAMESPACE
from ..narration import duration
from ..scene import Scene, made
from ..traffic import Traffic
from ..watching import Seen, wait, watched

CALM = 1.5
"""Seconds without a failed request that count as answering again."""


def run(scene: Scene) -> None:
    """Delete the Deployment, with all its pods; tell how long the operator takes to put it back."""
    narrator, shell = scene.narrator, scene.shell
    narrator.say("Somebody deletes the Deployment, and with it every pod. Nobody tells the operator.")
    status = ModelStatus.of(shell.ask_json("kubectl", "get", "onnxmodel", MODEL, "-n", NAMESPACE))
    before = shell.ask_json("kubectl", "get", "deployment", status.stable, "-n", NAMESPACE)["metadata"]["uid"]
    made_at: float | None = None

    def back(seen: Seen) -> float | None:
        nonlocal made_at
        if seen.object["metadata"]["uid"] == before:
            return None
        made_at = made_at or seen.at
        return seen.at if seen.object.get("status", {}).get("readyReplicas", 0) >= status.pods else None

    data = made(scene.digits)
    traffic = Traffic(made(scene.endpoint), data.test_images, [scene.local[1].labels], data.test_labels)
    with traffic, watched(shell, "deployment", status.stable, "-n", NAMESPACE) as states:
        traffic.wait_calm(CALM, progress.LIMIT)
        began = time.monotonic()
        shell.run("kubectl", "delete", "deployment", status.stable, "-n", NAMESPACE)
        ready_at = wait(states, back, what="the Deployment is back", limit=progress.LIMIT, look=progress.LOOK)
        calm = traffic.wait_calm(CALM, progress.LIMIT)
        count = traffic.count
    made_after, ready_after = (duration(at - began) for at in (made_at or ready_at, ready_at))
    narrator.good(f"A new Deployment was there after {made_after}, its {status.pods} pods ready after {ready_after}")
    if not calm:
        raise DemoError(f"the model does not answer again: {'; '.join(count.failures)}", *progress.LOOK)
    if count.failed:
        gap = f"{count.failed} failed, within {duration(count.outage)}"
    else:
        gap = "none failed: pods that are told to end go on serving while the new ones come up"
    narrator.good(f"Clients that asked all the while: {count.answered} requests answered, {gap}")
    progress.wait_for(shell, f"{MODEL} is whole again", lambda status: status.settled)
