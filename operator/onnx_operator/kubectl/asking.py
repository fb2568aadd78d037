"""Ask the operator for a manual action, and wait for its answer."""

import asyncio
from typing import Any

from onnx_operator import names
from onnx_operator.kubectl.actions import Action, answer_to
from onnx_operator.kubectl.cluster import Cluster
from onnx_operator.kubectl.problems import ProblemError

LOOK_EVERY = 0.3  # seconds


async def answered(cluster: Cluster, model: str, action: Action, timeout: float) -> dict[str, Any]:
    """Return the operator's answer to an action that was asked for, ``status.lastAction``.

    Raises:
        ProblemError: none came within ``timeout`` seconds, or none will come.
    """
    try:
        async with asyncio.timeout(timeout):
            while True:
                try:
                    if answer := answer_to(action, await cluster.model(model)):
                        return answer
                except ProblemError as problem:
                    if not problem.passing:  # it is asked for all the same
                        raise
                await asyncio.sleep(LOOK_EVERY)
    except TimeoutError as error:
        raise ProblemError(
            f"The operator has not answered {action} within {timeout:g} s. It will, when it comes to it.",
            "Is it running? kubectl get pods -A -l app.kubernetes.io/name=onnx-operator",
        ) from error


async def ask(cluster: Cluster, model: str, action: Action) -> None:
    """Write the annotation that asks for an action."""
    await cluster.annotate(model, names.ANNOTATION_ACTION, str(action))
