"""Makes the cluster what a plan says, with as few writes as it takes."""

from typing import Any

from onnx_operator import names
from onnx_operator.cache import Cache
from onnx_operator.decide import reasons
from onnx_operator.decide.roles import Plan
from onnx_operator.decide.trouble import Trouble
from onnx_operator.desired.manifests import has_disruption_budget, manifests
from onnx_operator.kube.client import Kube
from onnx_operator.kube.difference import needs_apply
from onnx_operator.kube.errors import RefusedError
from onnx_operator.kube.kinds import (
    CONFIG_MAP,
    CONTROLLER_REVISION,
    DEPLOYMENT,
    DISRUPTION_BUDGET,
    SERVICE,
    Kind,
    kind_of,
)
from onnx_operator.observe import is_owned
from onnx_operator.observed import Observed

Object = dict[str, Any]


class Applier:
    """Writes. What it wrote is in the cache at once, so that the next reconcile sees it."""

    def __init__(self, kube: Kube, cache: Cache) -> None:
        self._kube, self._cache = kube, cache

    async def apply(self, observed: Observed, plan: Plan) -> Trouble | None:
        """Write what differs from the plan; return what somebody has to mend first, if the API server refuses it.

        Everything after a refusal is left as it is: later objects follow from earlier ones.

        Raises:
            TransientError, ConflictError: try again.
        """
        try:
            for manifest in manifests(observed, plan):
                if trouble := await self._ensure(observed, manifest):
                    return trouble
            await self._scale(observed, plan)
            await self._remove(observed, plan)
        except RefusedError as error:
            return Trouble(reasons.REFUSED, f"the API server refused: {error.message}")
        return None

    async def _ensure(self, observed: Observed, manifest: Object) -> Trouble | None:
        kind, name = kind_of(manifest), manifest["metadata"]["name"]
        live = observed.owned.get((kind.kind, name))
        if live is None:
            # The cache holds only what carries our label, so an unknown name may still be somebody else's.
            live = await self._kube.get(kind, observed.namespace, name)
            if live is not None and not is_owned(live, observed.uid):
                return _name_conflict(kind, name)
        if live is None or needs_apply(manifest, live):
            live = await self._kube.apply(manifest)
        self._cache.put(kind, live)
        return None

    async def _scale(self, observed: Observed, plan: Plan) -> None:
        # First up, then down: the new pods are there before the old ones go.
        for planned in sorted(plan.revisions, key=lambda planned: planned.replicas, reverse=True):
            name = planned.revision.name
            deployment = self._cache.get(DEPLOYMENT, observed.namespace, name)
            if deployment is not None and deployment["spec"].get("replicas") != planned.replicas:
                scale = await self._kube.scale(DEPLOYMENT, observed.namespace, name, planned.replicas)
                if scale is not None:
                    self._cache.put(DEPLOYMENT, _scaled(deployment, scale, planned.replicas))

    async def _remove(self, observed: Observed, plan: Plan) -> None:
        if not has_disruption_budget(observed):
            await self._delete(observed, DISRUPTION_BUDGET, observed.name)
        for revision in plan.discarded:
            await self._delete(observed, DEPLOYMENT, revision)
            await self._delete(observed, SERVICE, revision)
            await self._delete(observed, CONFIG_MAP, revision)
            await self._delete(observed, CONFIG_MAP, names.live_config_name(revision))
            # Last, because it is what the others are found by.
            await self._delete(observed, CONTROLLER_REVISION, revision)

    async def _delete(self, observed: Observed, kind: Kind, name: str) -> None:
        if (kind.kind, name) not in observed.owned:
            return
        live = await self._kube.get(kind, observed.namespace, name)
        if live is not None and is_owned(live, observed.uid) and "deletionTimestamp" not in live["metadata"]:
            await self._kube.delete(kind, observed.namespace, name, live["metadata"]["uid"])


def _scaled(deployment: Object, scale: Object, replicas: int) -> Object:
    """Return the Deployment as it is after a scale: the Scale carries its resource version."""
    metadata = {**deployment["metadata"], "resourceVersion": scale["metadata"]["resourceVersion"]}
    return {**deployment, "metadata": metadata, "spec": {**deployment["spec"], "replicas": replicas}}


def _name_conflict(kind: Kind, name: str) -> Trouble:
    message = (
        f"{kind.kind} {name} exists and belongs to somebody else; it is left alone. "
        "Delete or rename it, or give the ONNXModel another name."
    )
    return Trouble(reasons.NAME_CONFLICT, message)
