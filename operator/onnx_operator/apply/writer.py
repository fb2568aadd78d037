"""Brings one object to stand: makes it, repairs it, and leaves alone what is not ours."""

import logging
from typing import Any

from onnx_operator.apply.overruled import Overruled
from onnx_operator.apply.refused import changed_back, name_conflict, owned_by_others
from onnx_operator.apply.repairs import Repairs
from onnx_operator.apply.standing import Standing
from onnx_operator.cache import Cache
from onnx_operator.decide.trouble import Trouble
from onnx_operator.desired.controller_revision import controller_revision, revision_of
from onnx_operator.kube.difference import needs_apply
from onnx_operator.kube.errors import ConflictError, OwnershipError, RefusedError
from onnx_operator.kube.essential import essential
from onnx_operator.kube.kinds import AUTOSCALER, CONFIG_MAP, CONTROLLER_REVISION, DISRUPTION_BUDGET, SERVICE, kind_of
from onnx_operator.kube.protocol import Kube
from onnx_operator.names import FIELD_MANAGER
from onnx_operator.observed import Observed, is_owned

Object = dict[str, Any]

# An object of ours with another value in a field that cannot be changed is made anew, if no pod goes with it.
MADE_ANEW = {CONFIG_MAP, SERVICE, AUTOSCALER, DISRUPTION_BUDGET}
IMMUTABLE = "field is immutable"

log = logging.getLogger(__name__)


class Writer:
    """Writes single objects; what it wrote is in the cache at once."""

    def __init__(self, kube: Kube, cache: Cache, repairs: Repairs) -> None:
        self._kube, self._cache, self._repairs = kube, cache, repairs
        self._overruled, self._standing = Overruled(), Standing()

    def is_due(self, observed: Observed, manifest: Object) -> bool:
        """Return whether an object is not as it should be."""
        live = _live(observed, manifest)
        if live is None:
            return True
        if self._standing.holds(manifest, live):
            return False
        if needs_apply(manifest, live):
            return True
        self._stands(manifest, live)
        return False

    async def write(self, observed: Observed, manifest: Object) -> Trouble | None:
        """Make or repair an object; return the trouble that somebody else makes.

        Raises:
            KubeError: the API server refused it, or it has to be tried again.
        """
        live = _live(observed, manifest)
        if live and (held := self._overruled.holds(manifest, live)):
            return held.trouble
        if not self._repairs.allow(_key(manifest)):
            return await self._contested(manifest)
        return await (self._repair(observed, manifest, live) if live else self._make(observed, manifest))

    async def _make(self, observed: Observed, manifest: Object) -> Trouble | None:
        try:
            self._take(manifest, await self._kube.apply_new(manifest))
        except ConflictError:
            # The cache holds only what carries our label, so an unknown name may still be somebody else's.
            kind, name = kind_of(manifest), manifest["metadata"]["name"]
            live = await self._kube.get(kind, observed.namespace, name)
            if live is not None and not is_owned(live, observed.uid):
                return name_conflict(observed, live)
            if live is not None and kind == CONTROLLER_REVISION:
                # The plan was made without the facts that it holds, and would wipe them out.
                facts = controller_revision(observed, revision_of(live))
                self._cache.put(kind, await self._kube.apply(_only(facts, live), force=True))
                raise
            if live is None:
                raise
            # It is ours, and has lost the label by which it is found, or is younger than what is known. It is set
            # right; but the plan was made without it (how many pods has a Deployment?), so another one is made.
            if trouble := await self._repair(observed, manifest, live):
                return trouble
            raise
        return None

    async def _repair(self, observed: Observed, manifest: Object, known: Object) -> Trouble | None:
        try:
            self._take(manifest, await self._kube.apply(_only(manifest, known)))
        except OwnershipError as error:
            return await self._reclaim(observed, manifest, error)
        except RefusedError as error:
            if kind_of(manifest) not in MADE_ANEW or IMMUTABLE not in error.message:
                raise
            live = await self._owned(observed, manifest)
            log.warning("%s %s/%s has a wrong value that cannot be changed: it is made anew", *_key(manifest))
            await self._kube.delete(
                kind_of(manifest), observed.namespace, live["metadata"]["name"], live["metadata"]["uid"]
            )
            self._take(manifest, await self._kube.apply_new(manifest))
        return None

    async def _reclaim(self, observed: Observed, manifest: Object, error: OwnershipError) -> Trouble | None:
        """Take back what somebody edited; leave what somebody applied, who says by it that the field is his."""
        live = await self._owned(observed, manifest)
        appliers = {
            entry.get("manager", "")
            for entry in live["metadata"].get("managedFields", [])
            if entry.get("operation") == "Apply" and entry.get("manager") != FIELD_MANAGER
        }
        claims = [claim for claim in error.claims if claim.manager in appliers]
        if claims:
            managers = sorted({claim.manager for claim in claims})
            trouble = owned_by_others(live, managers, sorted({claim.field for claim in claims}))
            self._overruled.note(manifest, essential(kind_of(manifest), live), trouble)
            self._cache.put(kind_of(manifest), live)
            return trouble
        self._take(manifest, await self._kube.apply(_only(manifest, live), force=True))
        return None

    async def _contested(self, manifest: Object) -> Trouble:
        metadata = manifest["metadata"]
        live = await self._kube.get(kind_of(manifest), metadata["namespace"], metadata["name"])
        managers = {entry.get("manager", "") for entry in (live or {}).get("metadata", {}).get("managedFields", [])}
        return changed_back(manifest, sorted(managers - {FIELD_MANAGER}))

    async def _owned(self, observed: Observed, manifest: Object) -> Object:
        """Read an object live, whose next fate depends on whose it is."""
        live = await self._kube.get(kind_of(manifest), observed.namespace, manifest["metadata"]["name"])
        if live is None or not is_owned(live, observed.uid):
            raise ConflictError(0, f"{manifest['kind']} {manifest['metadata']['name']} has just changed")
        return live

    def _take(self, manifest: Object, applied: Object) -> None:
        kind = kind_of(manifest)
        if needs_apply(manifest, kept := essential(kind, applied)):
            self._overruled.note(manifest, kept)
        else:
            self._stands(manifest, applied)
        self._cache.put(kind, applied)

    def _stands(self, manifest: Object, live: Object) -> None:
        self._standing.note(manifest, live)
        self._overruled.forget(manifest)


def _only(manifest: Object, live: Object) -> Object:
    """Return a manifest that is a conflict for any other object of this name: with the UID of the one that is meant."""
    return {**manifest, "metadata": {**manifest["metadata"], "uid": live["metadata"]["uid"]}}


def _live(observed: Observed, manifest: Object) -> Object | None:
    return observed.owned.get((manifest["kind"], manifest["metadata"]["name"]))


def _key(manifest: Object) -> tuple[str, str, str]:
    return manifest["kind"], manifest["metadata"]["namespace"], manifest["metadata"]["name"]
