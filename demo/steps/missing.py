"""A version that does not exist."""

import json
import time

from .. import progress
from ..errors import DemoError
from ..model_status import ModelStatus
from ..names import MODEL, NAMESPACE
from ..scene import Scene, made
from ..traffic import Traffic

NOWHERE = 99
LEAD = 1.0
"""Seconds of traffic before the change, and after it."""


def run(scene: Scene) -> None:
    """Ask for a model that is not there: the status says so, and version 1 goes on answering."""
    narrator, shell = scene.narrator, scene.shell
    narrator.say(
        "From here on two clients ask all the time and check each answer. One lost or wrong request fails the demo. "
        "Each asks about all held-out digits, again and again: the accuracy that is told is that of the last time."
    )
    allowed, data = [scene.local[version].labels for version in sorted(scene.local)], made(scene.digits)
    traffic = Traffic(made(scene.endpoint), data.test_images, allowed, data.test_labels)
    scene.traffic = scene.ending.enter_context(traffic)
    time.sleep(LEAD)
    uri = made(scene.store).uri(NOWHERE)
    ask_for(scene, uri)
    status = progress.wait_for(
        shell, "the status says that the model is not there", lambda status: status.current and status.stalled.true
    )
    if status.stalled.reason != "ModelNotFound":
        raise DemoError(
            f"the reason is {status.stalled.reason}, not ModelNotFound: {status.stalled.message}", *progress.LOOK
        )
    time.sleep(LEAD)
    shell.run("kubectl", "get", "onnxmodel", MODEL, "-n", NAMESPACE)
    message = '{.status.conditions[?(@.type=="Stalled")].message}{"\\n"}'
    shell.run("kubectl", "get", "onnxmodel", MODEL, "-n", NAMESPACE, "-o", f"jsonpath={message}")
    now = ModelStatus.of(shell.ask_json("kubectl", "get", "onnxmodel", MODEL, "-n", NAMESPACE))
    if not now.ready.true or now.uri != made(scene.store).uri(1):
        raise DemoError(f"version 1 does not serve any more: {now.ready.message}", *progress.LOOK)
    none_lost(scene, f"Stalled, and still Ready: version 1 serves with {now.pods} pods;")


def ask_for(scene: Scene, uri: str, **more: object) -> None:
    """Change the model's URI, and perhaps more of its spec."""
    patch = json.dumps({"spec": {"model": {"uri": uri}, **more}}, separators=(",", ":"))
    scene.shell.run("kubectl", "patch", "onnxmodel", MODEL, "-n", NAMESPACE, "--type", "merge", "-p", patch)


def counted(scene: Scene) -> str:
    """Return how the background clients fare, in a few words."""
    count = made(scene.traffic).count
    accuracy = "" if count.accuracy is None else f", accuracy {count.accuracy:.1%}"
    return f"{count.answered} answered, {count.failed} lost{accuracy}"


def none_lost(scene: Scene, opening: str) -> None:
    """Tell how the background clients fare; raise DemoError if a request was lost."""
    count = made(scene.traffic).count
    if count.failed:
        raise DemoError(
            f"{count.failed} of {count.failed + count.answered} requests were lost: {'; '.join(count.failures)}",
            *progress.LOOK,
        )
    slowest = f"slowest {count.slowest * 1000:.0f} ms"
    scene.narrator.good(f"{opening} {count.answered} requests answered, 0 lost, 0 wrong ({slowest})")
    if count.accuracy is not None and count.lowest is not None:
        lowest = f"the lowest since the beginning: {count.lowest:.1%}"
        scene.narrator.good(f"Accuracy that users saw of late: {count.accuracy:.1%}; {lowest}")
