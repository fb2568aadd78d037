"""What the mutations of a spec put into it: odd strings and quantities, and nonsense for Kubernetes' own structures."""

from typing import Any

Object = dict[str, Any]

URI = "s3://models/digits/1/model.onnx"

BASE: Object = {
    "state": "Active",
    "model": {
        "uri": URI,
        "sha256": "0123456789abcdef" * 4,
        "credentials": {"secretName": "store"},
        "change": "Equivalent",
    },
    "server": {"image": "registry.example.com/server:2", "executionProviders": ["CPU"], "maxBatchSize": 8},
    "resources": {"limits": {"cpu": "2", "memory": "1Gi"}, "requests": {"cpu": "10m", "memory": "16Mi"}},
    "podTemplate": {
        "labels": {"team": "digits"},
        "annotations": {"example.com/contact": "digits"},
        "env": [{"name": "LEVEL", "value": "1"}],
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}],
        "affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}},
        "topologySpreadConstraints": [
            {
                "maxSkew": 5,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": {"team": "digits"}},
            }
        ],
        "priorityClassName": "system-cluster-critical",
        "serviceAccountName": "default",
        "imagePullSecrets": [{"name": "registry"}],
        "volumes": [{"name": "scratch", "emptyDir": {"sizeLimit": "1Mi"}}],
        "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}],
        "terminationGracePeriodSeconds": 60,
        "sharedMemorySize": "1Mi",
    },
    "scaling": {
        "minReplicas": 1,
        "maxReplicas": 2,
        "target": {"cpuPercent": 80},
        "behavior": {"scaleDown": {"stabilizationWindowSeconds": 60}},
    },
    "rollout": {
        "strategy": "BlueGreen",
        "steps": [{"pause": {"durationSeconds": 1}}],
        "stepSeconds": 1,
        "progressDeadlineSeconds": 300,
        "scaleDownDelaySeconds": 1,
        "revisionHistoryLimit": 3,
        "capacity": {"whenNoCapacity": "Pause"},
        "analysis": {
            "maxErrorRateIncrease": 2,
            "maxLatencyIncrease": 20,
            "maxMemoryIncrease": 30,
            "outputs": {
                "relativeTolerance": "1e-3",
                "absoluteTolerance": "0.01",
                "minAgreement": 95,
                "ignore": ["boxes"],
                "keepInputs": "Never",
            },
            "skip": ["Memory"],
            "maxWaitSeconds": 60,
            "whenInconclusive": "Pause",
            "replay": "Never",
            "prometheus": [{"name": "clicks", "query": "vector(1)", "min": "0", "max": "2.5"}],
            "webhooks": [{"name": "quality", "url": "https://judge.example.com/", "timeoutSeconds": 3}],
        },
    },
    "routing": {"provider": "InServer", "stickyBy": {"header": "x-user"}, "previewHeader": "x-preview"},
    "signature": {"breaking": "Refuse"},
}
"""A spec with every field set, but for runtimeClassName: no RuntimeClass is there by itself; and what a step that
pauses does not have."""

PLAIN: Object = {**BASE, "scaling": {"minReplicas": 1}}
"""The same without an autoscaler, which keeps a control plane without metrics busy: for mutations of other fields."""

ODD_STRINGS = (
    " ",
    "ünïcode-名前-🙂",
    "a\tb\nc",
    "\x00\x07\x1b[31m",
    # What YAML, as which the API server reads an apply, counts as unprintable or as the end of a line.
    "\x7f\x85\u2028\u202e\ufeff\ufffe",
    "../${HOME} $(id) {{ .Values.x }}",
    "'; DROP TABLE models; --",
    "no: yaml: [",
    "x" * 5000,
)

ODD_QUANTITIES = (
    "",
    "0",
    0,
    1,
    -1,
    "-1",
    "+1",
    "1e3",
    "1.5Gi",
    ".5",
    "5.",
    "1 Gi",
    "1GiB",
    "1K",
    "NaN",
    "Infinity",
    "0x10",
    "9" * 40,
    "9" * 400,
    "1e400",
    2**31 - 1,
    1.5,
    True,
    "ünïcode",
)

REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
DEEP: Any = "bottom"
for _ in range(60):
    DEEP = {"deeper": [DEEP]}

ANY: tuple[Any, ...] = ({}, {"nonsense": 1}, {"": ""}, {"a": {"b": [None, {"c": 1.5}]}}, DEEP)

FREE: dict[str, tuple[Any, ...]] = {
    "podTemplate.labels": ({"onnx-operator.dev/model": "other"}, {"app.kubernetes.io/name": "other"}, {"a b": "c d"}),
    "podTemplate.annotations": ({"onnx-operator.dev/digest": "x"}, {"big": "x" * 300_000}, {"a/b/c": "x"}),
    "podTemplate.nodeSelector": ({"no.such/label": "here"}, {"a b": "c"}, {"a": "not a value!"}),
    "podTemplate.env": tuple(
        [item]
        for item in (
            *ANY,
            {"name": ""},
            {"name": 5},
            {"value": "x"},
            {"name": "A=B", "value": "x"},
            {"name": "A", "value": 5},
            {"name": "A", "value": "x" * 1_100_000},
            {"name": "A", "valueFrom": {}},
            {"name": "A", "valueFrom": "x"},
            {"name": "A", "value": "x", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "A", "valueFrom": {"secretKeyRef": {"name": "x"}}},
            {"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "no.such"}}},
            {"name": "POD_UID", "value": "x"},
        )
    ),
    "podTemplate.tolerations": tuple(
        [item]
        for item in (
            *ANY,
            {"operator": "Sometimes"},
            {"key": "a b"},
            {"operator": "Exists", "value": "x"},
            {"effect": "Maybe"},
            {"key": "a", "tolerationSeconds": "soon"},
            {"key": "a", "tolerationSeconds": 5},
        )
    ),
    "podTemplate.affinity": (
        *ANY[1:],
        {"nodeAffinity": "x"},
        {"nodeAffinity": {REQUIRED: {}}},
        {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": []}}},
        {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": [{"matchExpressions": [{"key": "a", "operator": "Is"}]}]}}},
        {
            "nodeAffinity": {
                REQUIRED: {"nodeSelectorTerms": [{"matchExpressions": [{"key": "gpu", "operator": "Exists"}]}]}
            }
        },
        {"podAffinity": {REQUIRED: [{"topologyKey": ""}]}},
        {"podAntiAffinity": {REQUIRED: [{"labelSelector": {"matchLabels": {"team": "digits"}}}]}},
    ),
    "podTemplate.topologySpreadConstraints": tuple(
        [item]
        for item in (
            *ANY,
            {"maxSkew": 0, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"},
            {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "Whenever"},
            {"maxSkew": "1", "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"},
            {"maxSkew": 1, "topologyKey": "no.such/zone", "whenUnsatisfiable": "DoNotSchedule"},
        )
    ),
    "podTemplate.volumes": tuple(
        [item]
        for item in (
            *ANY,
            {"emptyDir": {}},
            {"name": "scratch"},
            {"name": "X_Y", "emptyDir": {}},
            {"name": 5, "emptyDir": {}},
            {"name": "model", "emptyDir": {}},
            {"name": "config", "hostPath": {"path": "/"}},
            {"name": "shm", "emptyDir": {}},
            {"name": "scratch", "emptyDir": {}, "hostPath": {"path": "/"}},
            {"name": "scratch", "emptyDir": {"sizeLimit": "much"}},
            {"name": "scratch", "emptyDir": {"sizeLimit": "-1"}},
            {"name": "scratch", "secret": {}},
            {"name": "scratch", "hostPath": {"path": "/", "type": "Nonsense"}},
            {"name": "scratch", "persistentVolumeClaim": {"claimName": "absent"}},
            {"name": "scratch", "persistentVolumeClaim": {"claimName": "A B"}},
            {"name": "scratch", "configMap": {"name": "absent", "defaultMode": 99999}},
        )
    ),
    "podTemplate.volumeMounts": tuple(
        [item]
        for item in (
            *ANY,
            {"name": "scratch"},
            {"mountPath": "/x"},
            {"name": "absent", "mountPath": "/x"},
            {"name": "scratch", "mountPath": ""},
            {"name": "scratch", "mountPath": "a:b"},
            {"name": "scratch", "mountPath": "/model"},
            {"name": "scratch", "mountPath": "/tmp"},
            {"name": "scratch", "mountPath": "/etc/onnx-server"},
            {"name": "scratch", "mountPath": "/dev/shm"},
            {"name": "scratch", "mountPath": "/x", "subPath": "../y"},
            {"name": "scratch", "mountPath": "/x", "mountPropagation": "Sideways"},
        )
    ),
    "resources.limits": ({"": 1}, {"a b": 1}, {"cpu": "1m", "memory": "1"}, {"no.such/gpu": 1}, {"gpu": 1}),
    "resources.requests": ({"cpu": "99", "memory": "1Mi"}, {"cpu": "1", "nvidia.com/gpu": 1}, {"memory": "1Mi"}),
    "scaling.behavior": (
        *ANY,
        {"scaleUp": "fast"},
        {"scaleUp": {"selectPolicy": "Any"}},
        {"scaleUp": {"policies": [{}]}},
        {"scaleUp": {"policies": [{"type": "Pods", "value": 0, "periodSeconds": 0}]}},
        {"scaleUp": {"policies": [{"type": "Pods", "value": "1", "periodSeconds": 15}]}},
        {"scaleDown": {"stabilizationWindowSeconds": -1}},
        {"scaleDown": {"stabilizationWindowSeconds": 99999}},
    ),
}
"""By field: values that the schema lets through and that Kubernetes may not take, and some that it does."""
