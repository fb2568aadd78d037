"""Gathers the observed state of one model: the cache, and what only the pods themselves can say."""

from collections import defaultdict
from datetime import datetime
from typing import Any, Protocol

from onnx_operator import names
from onnx_operator.api.spec import Spec
from onnx_operator.cache import Cache, Key
from onnx_operator.desired.controller_revision import revision_of
from onnx_operator.frozen.rendering import Defaults
from onnx_operator.kube.kinds import CONTROLLER_REVISION, OWNED, POD
from onnx_operator.observed import Observed, Revision, is_owned, is_ready

Object = dict[str, Any]


class ControlPort(Protocol):
    """What the operator asks of a pod's control port."""

    async def facts(self, pod_ip: str, pod_uid: str) -> Object | None:
        """Return the server's facts as in docs/contract.md; None if it does not answer, which is no error."""


class Observer:
    """Makes Observed values."""

    def __init__(self, cache: Cache, control: ControlPort, defaults: Defaults, operator_keys: str) -> None:
        self._cache, self._control = cache, control
        self._defaults, self._operator_keys = defaults, operator_keys

    async def observe(self, model: Object, now: datetime) -> Observed:
        """Return the state of one model.

        Raises:
            pydantic.ValidationError: the spec is not one that this version of the operator knows.
        """
        spec = Spec.model_validate(model["spec"])
        metadata = model["metadata"]
        key = (metadata["namespace"], metadata["name"])
        owned = {
            (obj["kind"], obj["metadata"]["name"]): obj
            for kind in OWNED
            for obj in self._cache.of_model(kind, key)
            if is_owned(obj, metadata["uid"])
        }
        revisions = tuple(revision_of(obj) for (kind, _), obj in owned.items() if kind == CONTROLLER_REVISION.kind)
        pods = self._pods(key, owned, metadata.get("creationTimestamp", ""))
        return Observed(
            namespace=key[0],
            name=key[1],
            uid=metadata["uid"],
            generation=metadata["generation"],
            spec=spec,
            status=model.get("status", {}),
            now=now,
            defaults=self._defaults,
            operator_keys=self._operator_keys,
            action=metadata.get("annotations", {}).get(names.ANNOTATION_ACTION),
            revisions=revisions,
            owned=owned,
            pods=pods,
            reported=await self._reported(revisions, pods),
        )

    def _pods(self, key: Key, owned: dict[tuple[str, str], Object], born: str) -> dict[str, tuple[Object, ...]]:
        pods = defaultdict(list)
        for pod in self._cache.of_model(POD, key):
            revision = pod["metadata"].get("labels", {}).get(names.LABEL_REVISION, "")
            phase = pod.get("status", {}).get("phase")
            # Pods of a deleted model of this name carry the same labels; what they fetched may be something else.
            inherited = pod["metadata"].get("creationTimestamp", "") < born
            if ("Deployment", revision) in owned and phase not in {"Succeeded", "Failed"} and not inherited:
                pods[revision].append(pod)
        return {revision: tuple(found) for revision, found in pods.items()}

    async def _reported(
        self, revisions: tuple[Revision, ...], pods: dict[str, tuple[Object, ...]]
    ) -> dict[str, Object]:
        """Ask a ready pod of each revision whose signature is not known yet."""
        reported = {}
        for revision in revisions:
            ready = [pod for pod in pods.get(revision.name, ()) if is_ready(pod)]
            if revision.signature or not ready:
                continue
            address = ready[0]["status"].get("podIP")
            if address and (facts := await self._control.facts(address, ready[0]["metadata"]["uid"])):
                reported[revision.name] = facts
        return reported
