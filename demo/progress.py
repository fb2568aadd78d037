"""Waits for the demo's ONNXModel, and tells each change of its status."""

import time
from collections.abc import Callable

from .model_status import ModelStatus
from .names import MODEL, NAMESPACE, OPERATOR_NAMESPACE, RELEASE
from .shell import Shell
from .watching import Seen, wait, watched

LIMIT = 180.0
"""Seconds that any one change may take; on two idle cores each takes a few."""

LOOK = (
    f"kubectl get onnxmodel {MODEL} -n {NAMESPACE} -o yaml",
    f"kubectl get pods,events -n {NAMESPACE}",
    f"kubectl logs -n {OPERATOR_NAMESPACE} deployment/{RELEASE}",
)


def wait_for(
    shell: Shell, what: str, reached: Callable[[ModelStatus], bool], beside: Callable[[], str] | None = None
) -> ModelStatus:
    """Show the status as it changes until `reached`; raise DemoError after `LIMIT`.

    `beside` says in a few words what else goes on, at each change.
    """
    shell.narrator.command(("kubectl", "get", "onnxmodel", MODEL, "-n", NAMESPACE, "--watch"))
    last, began = "", time.monotonic()

    def check(seen: Seen) -> ModelStatus | None:
        nonlocal last
        status = ModelStatus.of(seen.object)
        if status.line != last:
            shell.narrator.progress(seen.at - began, f"{status.line} [{beside()}]" if beside else status.line)
            last = status.line
        return status if reached(status) else None

    with watched(shell, "onnxmodel", MODEL, "-n", NAMESPACE) as states:
        return wait(states, check, what=what, limit=LIMIT, look=LOOK)
