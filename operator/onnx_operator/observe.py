"""Gathers the observed state of one model: the cache, and what only the pods themselves can say."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol

from onnx_operator import names
from onnx_operator.api.spec import Spec
from onnx_operator.cache import Cache, Key
from onnx_operator.decide.roles import asks
from onnx_operator.decide.rollout.inquiry import inquiry_of
from onnx_operator.desired.controller_revision import revision_of
from onnx_operator.frozen.rendering import Defaults
from onnx_operator.kube.kinds import CONTROLLER_REVISION, OWNED, POD
from onnx_operator.measure import Inquiry, Measure
from onnx_operator.observed import Observed, is_owned
from onnx_operator.rollout import SplitState

Object = dict[str, Any]

# All pods of a revision say the same of their model, so that not all of many are asked for it.
FEW = 3


class ControlPort(Protocol):
    """What the operator asks of a pod's control port."""

    async def facts(self, pod_ip: str, pod_uid: str) -> Object | None:
        """Return the server's facts as in docs/contract.md; None if it does not answer, which is no error."""

    async def split(self, pod_ip: str, pod_uid: str) -> SplitState | None:
        """Return what the pod says of its split; None if it does not answer as docs/contract.md has it."""


class Measures(Protocol):
    """What others say of a rollout that is judged."""

    def answers(self, key: Key, inquiry: Inquiry | None) -> Mapping[str, Measure]:
        """Return what was answered last, by the check's name; None ends the questions. Never waits."""

    def forget(self, key: Key) -> None:
        """End the questions about a model that is gone."""


class Observer:
    """Makes Observed values. Without ``measures`` nobody is asked on a user's behalf."""

    def __init__(
        self,
        cache: Cache,
        control: ControlPort,
        defaults: Defaults,
        operator_keys: str,
        measures: Measures | None = None,
    ) -> None:
        self._cache, self._control, self._measures = cache, control, measures
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
        observed = Observed(
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
        )
        reported, splits = await asyncio.gather(self._reported(observed), self._splits(observed))
        measured = self._measures.answers(key, inquiry_of(observed)) if self._measures else {}
        return replace(observed, reported=reported, splits=splits, measured=measured)

    def forget(self, key: Key) -> None:
        """Forget a model that is gone."""
        if self._measures:
            self._measures.forget(key)

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

    async def _reported(self, observed: Observed) -> dict[str, Object]:
        """Ask ready pods of each revision whose signature is not known yet: one that is deaf is not all of them."""
        mute = [revision.name for revision in observed.revisions if not revision.signature]
        asked = [(name, pod) for name in mute for pod in _reachable(observed, name)[:FEW]]
        said = await asyncio.gather(*(self._control.facts(*_place(pod)) for _, pod in asked))
        return {name: facts for (name, _), facts in zip(asked, said, strict=True) if facts}

    async def _splits(self, observed: Observed) -> dict[str, SplitState | None]:
        """Ask the ready pods whose split a decision needs, all at the same time: one that hangs delays no other."""
        asked = [pod for name in asks(observed) for pod in _reachable(observed, name)]
        said = await asyncio.gather(*(self._control.split(*_place(pod)) for pod in asked))
        return {pod["metadata"]["uid"]: state for pod, state in zip(asked, said, strict=True)}


def _reachable(observed: Observed, revision: str) -> list[Object]:
    return [pod for pod in observed.ready_pods(revision) if pod["status"].get("podIP")]


def _place(pod: Object) -> tuple[str, str]:
    return pod["status"]["podIP"], pod["metadata"]["uid"]
