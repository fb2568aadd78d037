"""The pod template of a revision: the container that fetches the model and the one that serves it."""

from typing import Any

from onnx_operator import names
from onnx_operator.api.spec import PodTemplate, Resources, Spec
from onnx_operator.frozen.overlay import pod_overlay

Object = dict[str, Any]

USER = 10001
MODEL_DIR = "/model"
CONFIG_DIR = "/etc/onnx-server"
LIVE_DIR = "/etc/onnx-server-live"
# What an init container needs too; it costs nothing, since a pod reserves the larger of the two.
SHARED_RESOURCES = ("cpu", "memory", "ephemeral-storage")

CONTAINER_SECURITY: Object = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


# What a pod has at the least for its last requests, in seconds, after it has drained.
LAST_REQUESTS = 30


def pod_template(model: str, revision: str, spec: Spec, default_image: str, drain_seconds: int) -> Object:
    """Return the PodTemplateSpec of a revision. The chart's defaults are resolved here, once and for all."""
    image = spec.server.image or default_image
    overlay = spec.podTemplate
    return {
        "metadata": {
            "labels": {**overlay.labels, **names.revision_labels(model, revision)},
            "annotations": {**overlay.annotations, "kubectl.kubernetes.io/default-container": names.SERVER_CONTAINER},
        },
        "spec": {
            **pod_overlay(overlay),
            "automountServiceAccountToken": overlay.serviceAccountName is not None,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": max(overlay.terminationGracePeriodSeconds, drain_seconds + LAST_REQUESTS),
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": USER,
                "runAsGroup": USER,
                "fsGroup": USER,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "initContainers": [_fetch(image, spec)],
            "containers": [_server(image, spec)],
            "volumes": [*_volumes(revision, overlay), *overlay.volumes],
        },
    }


def _fetch(image: str, spec: Spec) -> Object:
    args = ["fetch", spec.model.uri, MODEL_DIR, "--live", LIVE_DIR]
    if spec.model.sha256:
        args += ["--sha256", spec.model.sha256]
    container: Object = {
        "name": names.FETCH_CONTAINER,
        "image": image,
        "args": args,
        "env": list(spec.podTemplate.env),
        "resources": _fetch_resources(spec.resources),
        "securityContext": CONTAINER_SECURITY,
        "volumeMounts": [
            {"name": "model", "mountPath": MODEL_DIR},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108  (the pod's own volume)
            {"name": "live", "mountPath": LIVE_DIR, "readOnly": True},
            *spec.podTemplate.volumeMounts,
        ],
    }
    if spec.model.credentials:
        container["envFrom"] = [{"secretRef": {"name": spec.model.credentials.secretName}}]
    return container


def _server(image: str, spec: Spec) -> Object:
    pod_uid = {"name": "POD_UID", "valueFrom": {"fieldRef": {"fieldPath": "metadata.uid"}}}
    return {
        "name": names.SERVER_CONTAINER,
        "image": image,
        "args": ["serve", MODEL_DIR, "--config", f"{CONFIG_DIR}/server.yaml", "--live", LIVE_DIR],
        "env": [*spec.podTemplate.env, pod_uid],
        "ports": [
            {"name": "http", "containerPort": names.HTTP_PORT},
            {"name": "grpc", "containerPort": names.GRPC_PORT},
            {"name": "metrics", "containerPort": names.METRICS_PORT},
            {"name": "control", "containerPort": names.CONTROL_PORT},
        ],
        "resources": spec.resources.model_dump(exclude_defaults=True),
        "readinessProbe": _probe("/v2/health/ready", period=2, timeout=2, failures=3),
        # Slow to judge: a busy server is not a dead one, and a restart loads the model again.
        "livenessProbe": _probe("/v2/health/live", period=10, timeout=5, failures=6),
        "securityContext": CONTAINER_SECURITY,
        "volumeMounts": [
            {"name": "model", "mountPath": MODEL_DIR, "readOnly": True},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108  (the pod's own volume)
            {"name": "config", "mountPath": CONFIG_DIR, "readOnly": True},
            {"name": "live", "mountPath": LIVE_DIR, "readOnly": True},
            *([{"name": "shm", "mountPath": "/dev/shm"}] if spec.podTemplate.sharedMemorySize else []),  # noqa: S108
            *spec.podTemplate.volumeMounts,
        ],
    }


def _probe(path: str, period: int, timeout: int, failures: int) -> Object:
    return {
        "httpGet": {"path": path, "port": "http"},
        "periodSeconds": period,
        "timeoutSeconds": timeout,
        "failureThreshold": failures,
    }


def _fetch_resources(resources: Resources) -> Object:
    declared = resources.model_dump(exclude_defaults=True)
    shared = {
        part: {name: value for name, value in amounts.items() if name in SHARED_RESOURCES}
        for part, amounts in declared.items()
    }
    return {part: amounts for part, amounts in shared.items() if amounts}


def _volumes(revision: str, overlay: PodTemplate) -> list[Object]:
    volumes: list[Object] = [
        {"name": "model", "emptyDir": {}},
        {"name": "tmp", "emptyDir": {}},
        {"name": "config", "configMap": {"name": revision}},
        {"name": "live", "configMap": {"name": names.live_config_name(revision), "optional": True}},
    ]
    if overlay.sharedMemorySize is not None:
        size = str(overlay.sharedMemorySize)
        volumes.append({"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": size}})
    return volumes
