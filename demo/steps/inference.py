"""Real digits, through a standard client."""

import time

import numpy as np

from .. import drawing
from ..client import FAILURES, Endpoint, ask_all
from ..digits import accuracy
from ..errors import DemoError
from ..names import MODEL
from ..progress import LOOK
from ..scene import Scene, made

LIMIT = 30.0


def run(scene: Scene) -> None:
    """Ask version 1 about all held-out digits."""
    scene.endpoint = scene.ending.enter_context(scene.place.endpoint(scene.shell))
    _wait_answering(scene.endpoint)
    check(scene, version=1)


def check(scene: Scene, version: int) -> None:
    """Send all held-out digits, draw a few, and hold the answers against those of ONNX Runtime in this process."""
    narrator, data, local = scene.narrator, made(scene.digits), scene.local[version]
    narrator.say(
        f"All {len(data.test_labels)} held-out digits, through tritonclient.http as it comes from PyPI, in binary. "
        "A few of them:"
    )
    began = time.monotonic()
    try:
        served, revisions, requests = ask_all(made(scene.endpoint), data.test_images)
    except FAILURES as error:
        raise DemoError(f"asking the model failed: {type(error).__name__}: {error}", *LOOK) from error
    seconds = time.monotonic() - began
    drawn = [
        drawing.Drawn(data.test_images[index], int(served.labels[index]), int(data.test_labels[index]))
        for index in scene.drawn
    ]
    narrator.lines(["", *drawing.side_by_side(drawn), ""])
    if not np.array_equal(served.labels, local.labels):
        wrong = int(np.sum(served.labels != local.labels))
        raise DemoError(f"{wrong} of {len(local.labels)} answers differ from ONNX Runtime's on the same file", *LOOK)
    share, expected = accuracy(served.labels, data.test_labels), accuracy(local.labels, data.test_labels)
    if share != expected:
        raise DemoError(f"the accuracy is {share:.2%}, but {expected:.2%} with ONNX Runtime on the same file", *LOOK)
    distance = float(np.max(np.abs(served.probabilities - local.probabilities)))
    right = round(share * len(data.test_labels))
    narrator.good(
        f"v{version} ({scene.models[version].what}): accuracy {share:.1%}, {right} of {len(data.test_labels)}; "
        f"{requests} requests in {seconds:.2f} s, answered by revision {', '.join(revisions)}"
    )
    narrator.good(
        "Every answer equals that of ONNX Runtime run here on the same file "
        f"(largest difference of a probability: {distance:.1g})"
    )


def _wait_answering(endpoint: Endpoint) -> None:
    # A new Service's address works about a second after its pods are ready.
    deadline, client = time.monotonic() + LIMIT, endpoint.client()
    try:
        while True:
            try:
                if client.is_model_ready(MODEL):
                    return
                last = "it says that it is not ready"
            except FAILURES as error:
                last = f"{type(error).__name__}: {error}"
            if time.monotonic() > deadline:
                raise DemoError(f"{endpoint.url} does not answer within {LIMIT:.0f} s: {last}", *LOOK)
            time.sleep(0.1)
    finally:
        client.close()
