"""Builders of models, pods and observed states, as the API server would show them."""

import json
from datetime import UTC, datetime
from typing import Any

from onnx_operator import names
from onnx_operator.api.spec import Spec
from onnx_operator.frozen.rendering import Defaults
from onnx_operator.observed import Observed, Revision

Object = dict[str, Any]

NOW = datetime(2026, 11, 1, 12, 0, 0, tzinfo=UTC)
EARLIER = "2026-11-01T11:00:00.000000Z"
DEFAULTS = Defaults("example.test/server:1", 5)
UID = "11111111-1111-1111-1111-111111111111"
SIGNATURE: Object = {
    "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 64]}],
    "outputs": [{"name": "y", "datatype": "INT64", "shape": [-1]}],
}


def digest(text: str = "a") -> str:
    return "sha256:" + (text.encode().hex() * 64)[:64]


# A new revision takes over as soon as all its pods are ready, and the old one goes at once: for tests of other things.
AT_ONCE: Object = {"strategy": "BlueGreen", "scaleDownDelaySeconds": 0}


def spec(uri: str = "s3://models/digits/1/", replicas: int = 1, **more: Any) -> Spec:
    model = {"uri": uri} | more.pop("model", {})
    return Spec.model_validate({"model": model, "scaling": {"minReplicas": replicas}, "rollout": AT_ONCE, **more})


def name_of(asked: Spec, model: str = "digits") -> str:
    return names.revision_name(model, names.revision_hash(asked.frozen()))


def revision(asked: Spec, number: int = 1, promoted_at: str | None = None, pinned: str | None = "a") -> Revision:
    return Revision(
        name=name_of(asked),
        number=number,
        data={"declared": asked.frozen(), "template": {"image": f"of {number}"}, "config": {"server.yaml": ""}},
        digest=digest(pinned) if pinned else None,
        promoted_at=promoted_at,
    )


def observed(asked: Spec, *revisions: Revision, **more: Any) -> Observed:
    given: dict[str, Any] = {
        "namespace": "team",
        "name": "digits",
        "uid": UID,
        "generation": 3,
        "spec": asked,
        "status": {},
        "now": NOW,
        "defaults": DEFAULTS,
        "operator_keys": '{"keys": []}',
        "revisions": revisions,
    }
    return Observed(**(given | more))


def deployment(replicas: int = 1, *conditions: Object) -> Object:
    return {
        "spec": {"replicas": replicas},
        "status": {"conditions": list(conditions)},
        "metadata": {"name": "digits-1"},
    }


def terminated(code: int, said: Object | str | None = None, reason: str = "Error") -> Object:
    ended: Object = {"exitCode": code, "reason": reason}
    if said is not None:
        ended["message"] = said if isinstance(said, str) else json.dumps(said)
    return {"terminated": ended}


def fetched(what: str = "a") -> Object:
    said = {"result": "Fetched", "digest": digest(what), "files": 1, "bytes": 9, "seconds": 0.1}
    return container("fetch", terminated(0, said, "Completed"), ready=True)


def container(name: str, state: Object, ready: bool = False, restarts: int = 0, last: Object | None = None) -> Object:
    return {
        "name": name,
        "image": "server:1",
        "ready": ready,
        "restartCount": restarts,
        "state": state,
        "lastState": last or {},
    }


def failed(reason: str, message: str = "in words") -> Object:
    return terminated(1, {"result": "Failed", "reason": reason, "message": message})


def pod(
    name: str = "p",
    *,
    init: tuple[Object, ...] = (),
    containers: tuple[Object, ...] = (),
    conditions: tuple[Object, ...] = (),
    created: str = "2026-11-01T11:00:00Z",
    **metadata: Any,
) -> Object:
    return {
        "metadata": {"name": name, "uid": f"uid-{name}", "creationTimestamp": created, **metadata},
        "status": {
            "phase": "Pending",
            "podIP": "10.0.0.1",
            "conditions": list(conditions),
            "initContainerStatuses": list(init),
            "containerStatuses": list(containers),
        },
    }


def ready_pod(name: str = "p", what: str = "a", **metadata: Any) -> Object:
    return pod(
        name,
        init=(fetched(what),),
        containers=(container("server", {"running": {}}, ready=True),),
        conditions=({"type": "Ready", "status": "True"},),
        **metadata,
    )


def loading_pod(name: str = "p", what: str = "a") -> Object:
    return pod(name, init=(fetched(what),), containers=(container("server", {"running": {}}),))


def fetching_pod(name: str = "p") -> Object:
    waiting = {"waiting": {"reason": "PodInitializing"}}
    return pod(name, init=(container("fetch", {"running": {}}),), containers=(container("server", waiting),))
