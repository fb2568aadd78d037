"""Makes the cluster what a plan says, with as few writes as it takes, in the order that costs users nothing."""

import asyncio
from collections.abc import Sequence
from typing import Any

from onnx_operator import names
from onnx_operator.apply.refused import entry_astray, trouble_of
from onnx_operator.apply.split import Orders
from onnx_operator.apply.writer import Writer
from onnx_operator.cache import Cache
from onnx_operator.decide.roles import Plan, Planned, holds_entry
from onnx_operator.decide.trouble import Trouble
from onnx_operator.desired.controller_revision import revision_of
from onnx_operator.desired.manifests import (
    autoscalers,
    disruption_budgets,
    has_disruption_budget,
    revision_rounds,
)
from onnx_operator.desired.service import entry_service
from onnx_operator.kube.errors import KubeError
from onnx_operator.kube.kinds import (
    AUTOSCALER,
    CONFIG_MAP,
    CONTROLLER_REVISION,
    DEPLOYMENT,
    DISRUPTION_BUDGET,
    SERVICE,
    Kind,
)
from onnx_operator.kube.protocol import Kube
from onnx_operator.observed import Observed, is_owned, leads_to
from onnx_operator.rollout import SplitOrder

Object = dict[str, Any]
Rounds = Sequence[Sequence[Object]]


class Applier:
    """Writes. What it wrote is in the cache at once, so that the next reconcile sees it."""

    def __init__(self, kube: Kube, cache: Cache, writer: Writer, orders: Orders) -> None:
        self._kube, self._cache, self._writer, self._orders = kube, cache, writer, orders

    def is_recorded(self, observed: Observed, plan: Plan) -> bool:
        """Return whether what was decided of rollouts is written down, for whoever goes on from here."""
        for revision in (planned.revision for planned in plan.revisions):
            facts = self._cache.get(CONTROLLER_REVISION, observed.namespace, revision.name)
            stored = revision_of(facts) if facts else None
            if stored is None or (stored.rollout, stored.rejected) != (revision.rollout, revision.rejected):
                return False
        return True

    async def apply(self, observed: Observed, plan: Plan) -> Trouble | None:
        """Write what differs from the plan; return what somebody has to mend first, if the API server refuses it.

        First the facts, then what follows from them: whoever goes on after a kill knows what was decided. A refusal
        stops what follows from the refused object, and nothing else: a version that cannot be made costs the one that
        serves nothing. No revision goes down while the entry cannot be led to another one.

        Raises:
            TransientError, ConflictError: try again.
        """
        held = holds_entry(observed, plan)
        troubles = {}
        for planned in plan.serving_first():
            if trouble := await self._write(observed, revision_rounds(observed, planned)):
                troubles[planned.revision.name] = trouble
        blocked = troubles.get(plan.serving)
        if blocked is None and not held:
            entry = entry_service(observed, plan.serving)
            blocked = await self._write(observed, [[entry]])
            if blocked is None and self._reached(observed) != plan.serving:
                blocked = entry_astray(observed.name, plan.serving)
        if recorded := self.is_recorded(observed, plan):
            await self._orders.give(observed, self._due_orders(observed, plan))
        pinned = [planned for planned in plan.revisions if self._is_pinned(observed, planned)]
        # The budget follows the entry, wherever that leads, and before any pod goes.
        budgets = disruption_budgets(observed, plan, self._reached(observed))
        unmade = await self._write(observed, [[*budgets, *autoscalers(observed, pinned)]])
        stays = held or blocked is not None
        # First up, then down: the new pods are there before the old ones go.
        for planned in sorted(plan.revisions, key=lambda planned: planned.replicas, reverse=True):
            if planned.role in {"Retired", "Rejected"} and (stays or blocked is not None):
                continue
            if not recorded and (planned.role != "Stable" or planned.replicas < observed.asked(planned.revision.name)):
                continue
            blocked = await self._scale(observed, planned) or blocked
        if not stays and blocked is None:
            blocked = await self._remove(observed, plan)
        return blocked or next(iter(troubles.values()), None) or unmade

    def _reached(self, observed: Observed) -> str | None:
        """Return the revision that the entry leads to now: a webhook may have its own mind about what was written."""
        entry = self._cache.get(SERVICE, observed.namespace, observed.name)
        return leads_to(entry) if entry and is_owned(entry, observed.uid) else None

    def _due_orders(self, observed: Observed, plan: Plan) -> dict[str, SplitOrder]:
        """Return the orders; pods hand over when new connections reach the others, and not before."""
        switched = self._reached(observed) == plan.serving
        return {name: order for name, order in plan.orders.items() if switched or not order.hand_over}

    def _is_pinned(self, observed: Observed, planned: Planned) -> bool:
        """Return whether what a revision's later pods have to fetch is written down, for them and for us."""
        name, digest = planned.revision.name, planned.revision.digest
        live = self._cache.get(CONFIG_MAP, observed.namespace, names.live_config_name(name))
        facts = self._cache.get(CONTROLLER_REVISION, observed.namespace, name)
        return bool(
            digest and live and facts and live.get("data", {}).get("digest") == digest == revision_of(facts).digest
        )

    async def _write(self, observed: Observed, rounds: Rounds) -> Trouble | None:
        """Write round after round, the objects of each at the same time; stop after a round with trouble."""
        for manifests in rounds:
            due = [manifest for manifest in manifests if self._writer.is_due(observed, manifest)]
            if not due:
                continue
            ended = await asyncio.gather(*(self._one(observed, manifest) for manifest in due), return_exceptions=True)
            for end in ended:
                if isinstance(end, BaseException):
                    raise end
            if found := [trouble for trouble in ended if isinstance(trouble, Trouble)]:
                return found[0]
        return None

    async def _one(self, observed: Observed, manifest: Object) -> Trouble | None:
        try:
            return await self._writer.write(observed, manifest)
        except KubeError as error:
            return trouble_of(error, f"{manifest['kind']} {manifest['metadata']['name']}")

    async def _scale(self, observed: Observed, planned: Planned) -> Trouble | None:
        name = planned.revision.name
        deployment = self._cache.get(DEPLOYMENT, observed.namespace, name)
        if deployment is None or not is_owned(deployment, observed.uid):
            return None
        if planned.replicas > 1 and not self._is_pinned(observed, planned):
            return None  # its facts could not be written: one pod is enough to go on with
        try:
            if not planned.autoscaled:
                # Before the scale: an autoscaler that is still there would undo it.
                await self._delete(observed, AUTOSCALER, name)
            if deployment["spec"].get("replicas") == planned.replicas:
                return None
            scale = await self._kube.scale(DEPLOYMENT, observed.namespace, name, planned.replicas)
        except KubeError as error:
            return trouble_of(error, f"the scale of Deployment {name}")
        if scale is not None:
            self._cache.put(DEPLOYMENT, _scaled(deployment, scale, planned.replicas))
        return None

    async def _remove(self, observed: Observed, plan: Plan) -> Trouble | None:
        try:
            if not has_disruption_budget(observed):
                await self._delete(observed, DISRUPTION_BUDGET, observed.name)
            for revision in plan.discarded:
                await self._delete(observed, AUTOSCALER, revision)
                await self._delete(observed, DEPLOYMENT, revision)
                await self._delete(observed, SERVICE, revision)
                await self._delete(observed, CONFIG_MAP, revision)
                await self._delete(observed, CONFIG_MAP, names.live_config_name(revision))
                # Last, because it is what the others are found by.
                await self._delete(observed, CONTROLLER_REVISION, revision)
        except KubeError as error:
            return trouble_of(error, "a deletion")
        return None

    async def _delete(self, observed: Observed, kind: Kind, name: str) -> None:
        if (kind.kind, name) not in observed.owned:
            return
        live = await self._kube.get(kind, observed.namespace, name)
        if live is not None and is_owned(live, observed.uid) and "deletionTimestamp" not in live["metadata"]:
            await self._kube.delete(kind, observed.namespace, name, live["metadata"]["uid"])
            self._cache.remove(kind, live)


def _scaled(deployment: Object, scale: Object, replicas: int) -> Object:
    """Return the Deployment as it is after a scale: the Scale carries its resource version."""
    metadata = {**deployment["metadata"], "resourceVersion": scale["metadata"]["resourceVersion"]}
    return {**deployment, "metadata": metadata, "spec": {**deployment["spec"], "replicas": replicas}}
