"""Tells pods what part of their requests to forward, and where to."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Protocol

from onnx_operator.observed import Observed
from onnx_operator.rollout import SplitOrder, SplitState

Object = dict[str, Any]

MOST = 20_000


class Tells(Protocol):
    """What the operator tells a pod's control port."""

    async def set_split(self, pod_ip: str, pod_uid: str, order: SplitOrder) -> SplitState | None:
        """Tell the pod its split; return what it says then, None if it does not answer, which is no error."""


class Orders:
    """Gives orders. A pod that has an order already, from this process, is not told again.

    What a pod says of its split has all of an order but the names of headers, so it is told once by each process.
    """

    def __init__(self, control: Tells) -> None:
        self._control = control
        # By pod and start of its server; the oldest are forgotten, which costs a call.
        self._told: OrderedDict[tuple[str, str], SplitOrder] = OrderedDict()

    async def give(self, observed: Observed, orders: Mapping[str, SplitOrder]) -> None:
        """Tell all ready pods of these revisions, at the same time. Who does not hear it is told again next time."""
        due = [
            (pod, order)
            for revision, order in orders.items()
            for pod in observed.ready_pods(revision)
            if pod["status"].get("podIP") and not self._stands(observed, pod, order)
        ]
        await asyncio.gather(*(self._tell(pod, order) for pod, order in due))

    async def _tell(self, pod: Object, order: SplitOrder) -> None:
        state = await self._control.set_split(pod["status"]["podIP"], pod["metadata"]["uid"], order)
        if state is None or not follows(state, order):
            return
        self._told[state.pod_uid, state.boot_id] = order
        self._told.move_to_end((state.pod_uid, state.boot_id))
        if len(self._told) > MOST:
            self._told.popitem(last=False)

    def _stands(self, observed: Observed, pod: Object, order: SplitOrder) -> bool:
        state = observed.splits.get(pod["metadata"]["uid"])
        return state is not None and follows(state, order) and self._told.get((state.pod_uid, state.boot_id)) == order


def follows(state: SplitState, order: SplitOrder) -> bool:
    """Return whether a pod says that it has this order, as far as its server can: older ones know of no evidence."""
    if state.evidence is not None:
        shadow = order.shadow.percent if order.shadow else 0
        if (state.evidence.course, state.shadow_percent) != (order.course, shadow):
            return False
    return (state.generation, state.revision, state.weight, state.hand_over, set(state.candidates)) == (
        order.generation,
        order.revision,
        order.weight,
        order.hand_over,
        set(order.candidates),
    )
