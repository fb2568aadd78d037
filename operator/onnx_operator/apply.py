"""Makes the cluster what a plan says, with as few writes as it takes."""

from collections.abc import Iterable
from typing import Any

from onnx_operator import names
from onnx_operator.cache import Cache
from onnx_operator.decide import reasons
from onnx_operator.decide.roles import Plan, Planned
from onnx_operator.decide.trouble import Trouble
from onnx_operator.desired.controller_revision import controller_revision, revision_of
from onnx_operator.desired.manifests import entry_manifests, has_disruption_budget, revision_manifests
from onnx_operator.kube.client import Kube
from onnx_operator.kube.difference import needs_apply
from onnx_operator.kube.errors import ConflictError, KubeError, RefusedError
from onnx_operator.kube.kinds import (
    AUTOSCALER,
    CONFIG_MAP,
    CONTROLLER_REVISION,
    DEPLOYMENT,
    DISRUPTION_BUDGET,
    SERVICE,
    Kind,
    kind_of,
)
from onnx_operator.kube.overruled import Overruled
from onnx_operator.observed import Observed, is_owned

Object = dict[str, Any]

INTERNAL_ERROR = 500


class Applier:
    """Writes. What it wrote is in the cache at once, so that the next reconcile sees it."""

    def __init__(self, kube: Kube, cache: Cache) -> None:
        self._kube, self._cache = kube, cache
        self._overruled = Overruled()

    async def apply(self, observed: Observed, plan: Plan) -> Trouble | None:
        """Write what differs from the plan; return what somebody has to mend first, if the API server refuses it.

        A refusal stops what follows from the refused object, and nothing else: a version that cannot be made costs
        the one that serves nothing. No revision goes down while the entry cannot be led to another one.

        Raises:
            TransientError, ConflictError: try again.
        """
        troubles = {}
        for planned in plan.serving_first():
            if trouble := await self._write(observed, revision_manifests(observed, planned)):
                troubles[planned.revision.name] = trouble
        blocked = troubles.get(plan.serving) or await self._write(observed, entry_manifests(observed, plan))
        # First up, then down: the new pods are there before the old ones go.
        for planned in sorted(plan.revisions, key=lambda planned: planned.replicas, reverse=True):
            if blocked is None or planned.role != "Retired":
                blocked = await self._scale(observed, planned) or blocked
        if blocked is None:
            blocked = await self._remove(observed, plan)
        return blocked or next(iter(troubles.values()), None)

    async def _write(self, observed: Observed, manifests: Iterable[Object]) -> Trouble | None:
        for manifest in manifests:
            try:
                trouble = await self._ensure(observed, manifest)
            except KubeError as error:
                trouble = _trouble(error, f"{manifest['kind']} {manifest['metadata']['name']}")
            if trouble:
                return trouble
        return None

    async def _ensure(self, observed: Observed, manifest: Object) -> Trouble | None:
        kind, name = kind_of(manifest), manifest["metadata"]["name"]
        live = observed.owned.get((kind.kind, name))
        if live is None:
            # The cache holds only what carries our label, so an unknown name may still be somebody else's.
            live = await self._kube.get(kind, observed.namespace, name)
            if live is not None and not is_owned(live, observed.uid):
                return _name_conflict(observed, live)
            if live is not None and kind == CONTROLLER_REVISION:
                # The plan was made without the facts that it holds, and would wipe them out.
                self._cache.put(kind, await self._kube.apply(controller_revision(observed, revision_of(live))))
                raise ConflictError(0, f"{kind.kind} {name} was not known yet")
        if live is None or (needs_apply(manifest, live) and not self._overruled.holds(manifest, live)):
            live = await self._kube.apply(manifest)
            self._overruled.note(manifest, live)
        self._cache.put(kind, live)
        return None

    async def _scale(self, observed: Observed, planned: Planned) -> Trouble | None:
        name = planned.revision.name
        deployment = self._cache.get(DEPLOYMENT, observed.namespace, name)
        if deployment is None or not is_owned(deployment, observed.uid):
            return None
        try:
            if not planned.autoscaled:
                # Before the scale: an autoscaler that is still there would undo it.
                await self._delete(observed, AUTOSCALER, name)
            if deployment["spec"].get("replicas") == planned.replicas:
                return None
            scale = await self._kube.scale(DEPLOYMENT, observed.namespace, name, planned.replicas)
        except KubeError as error:
            return _trouble(error, f"the scale of Deployment {name}")
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
            return _trouble(error, "a deletion")
        return None

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


def _name_conflict(observed: Observed, live: Object) -> Trouble:
    kind, name = live["kind"], live["metadata"]["name"]
    owners = live["metadata"].get("ownerReferences", [])
    inherited = any(o.get("controller") and (o["kind"], o["name"]) == (names.KIND, observed.name) for o in owners)
    if inherited or "deletionTimestamp" in live["metadata"]:
        message = f"{kind} {name} of a deleted ONNXModel of this name has to go first."
        return Trouble(reasons.WAITING_FOR_DELETION, message, stuck=False)
    message = (
        f"{kind} {name} exists and belongs to somebody else; it is left alone. "
        "Delete or rename it, or give the ONNXModel another name."
    )
    return Trouble(reasons.NAME_CONFLICT, message)


def _trouble(error: KubeError, what: str) -> Trouble:
    """Return what a person should know of a failed call; raise what passes without a word."""
    if isinstance(error, RefusedError):
        return Trouble(reasons.REFUSED, f"the API server refused {what}: {error.message}")
    if error.status == INTERNAL_ERROR:  # most often an admission webhook that does not answer
        return Trouble(reasons.API_SERVER_FAILED, f"the API server failed at {what}: {error.message}", stuck=False)
    raise error
