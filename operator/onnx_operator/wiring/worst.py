"""The inputs of copies whose outputs differed most, fetched by a person: `onnx-operator worst`, in the operator's pod.

The pods' control port takes the operator's tokens alone. Who may run a command in the operator's pod may read its key
with its service account, so that this gives nobody a right.
"""

from collections.abc import Callable
from contextlib import aclosing
from typing import Any, Protocol

from onnx_operator import names
from onnx_operator.control import ControlClient, Inputs
from onnx_operator.evidence import Worst
from onnx_operator.kube.client import connect
from onnx_operator.kube.kinds import MODEL, POD
from onnx_operator.kube.protocol import Kube, list_all
from onnx_operator.observed import is_ready
from onnx_operator.rollout import SplitState
from onnx_operator.signing import read_signer

Object = dict[str, Any]
Say = Callable[[str], object]

# Seconds for a pod's answer: nobody else waits for it.
PATIENCE = 30.0
REMEDY = (
    "While a rollout with a shadow runs, the stable pods know the worst copies; they keep their inputs with "
    "spec.rollout.analysis.outputs.keepInputs: Worst."
)


class Pods(Protocol):
    """What is asked of the pods' control ports."""

    async def split(self, pod_ip: str, pod_uid: str) -> SplitState | None:
        """Return what the pod says of its split; None if it does not answer."""

    async def worst(self, pod_ip: str, pod_uid: str, digest: str) -> Inputs | None:
        """Return the inputs of one of its worst copies; None if it has not kept them or does not answer."""


async def fetch(
    key: tuple[str, str], digest: str, secret: tuple[str, str], write: Callable[[bytes], object], say: Say
) -> bool:
    """Write the inputs of this digest, or without one a line for each of the worst copies; return whether any are.

    ``key`` and ``secret`` are namespaces and names: of the model, and of the Secret with the operator's key.

    Raises:
        KubeError: the API server does not answer, or there is no key.
    """
    kube = await connect()
    try:
        signer = await read_signer(kube, *secret)
        async with aclosing(ControlClient(signer, PATIENCE, PATIENCE)) as control:
            return await tell(kube, control, key, digest, write, say)
    finally:
        await kube.close()


async def tell(
    kube: Kube, pods: Pods, key: tuple[str, str], digest: str, write: Callable[[bytes], object], say: Say
) -> bool:
    """Do what ``fetch`` does, by these connections; what is no part of the answer is said."""
    stable = await _stable_pods(kube, key)
    if not stable:
        say(f"There is no model {'/'.join(key)} with a stable revision that has ready pods.")
        return False
    if not digest:
        found = await _copies(pods, stable)
        write("".join(f"{c.digest}  {c.output}  {c.max_absolute_error:g}  {c.at}\n" for c in found).encode())
        if not found:
            say(f"No copy is known that differed. {REMEDY}")
        return bool(found)
    for address in stable:
        if inputs := await pods.worst(*address, digest):
            write(inputs.body)
            if inputs.header_length is not None:
                say(f"In the binary form: send it with inference-header-content-length: {inputs.header_length}")
            return True
    say(f"No pod has kept inputs of this digest. {REMEDY}")
    return False


async def _copies(pods: Pods, stable: list[tuple[str, str]]) -> list[Worst]:
    splits = [await pods.split(*address) for address in stable]
    known = [copy for split in splits if split and split.evidence for copy in split.evidence.worst]
    return sorted(known, key=lambda copy: -copy.max_absolute_error)


async def _stable_pods(kube: Kube, key: tuple[str, str]) -> list[tuple[str, str]]:
    """Return address and UID of the ready pods that forward and compare."""
    model = await kube.get(MODEL, *key)
    stable = (model or {}).get("status", {}).get("stableRevision")
    if stable is None:
        return []
    listed = await list_all(kube, POD, key[0], names.model_selector(key[1]))
    return [
        (pod["status"]["podIP"], pod["metadata"]["uid"])
        for pod in listed.items
        if pod["metadata"]["labels"].get(names.LABEL_REVISION) == stable
        and is_ready(pod)
        and pod["status"].get("podIP")
    ]
