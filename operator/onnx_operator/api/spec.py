"""ONNXModel's spec. The field descriptions are what ``kubectl explain`` shows."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from onnx_operator.api.analysis import Change
from onnx_operator.api.base import ApiModel, rule
from onnx_operator.api.rollout import Rollout, Routing, SignatureRules

ExecutionProvider = Literal["TensorRT", "CUDA", "CPU"]
State = Literal["Active", "Suspended", "Unmanaged"]

PRESERVE: dict[str, Any] = {"x-kubernetes-preserve-unknown-fields": True}
# Kubernetes' own pattern, without the sign: what is asked for is never negative. Of text; a number has its minimum.
QUANTITY: dict[str, Any] = {
    "x-kubernetes-int-or-string": True,
    "pattern": r"^\+?([0-9]+(\.[0-9]*)?|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]{1,2})?$",
    "maxLength": 40,
    "minimum": 0,
}


def keyed(**keys: str) -> dict[str, Any]:
    """Return the schema of a Kubernetes structure that a list knows by some of its fields, given with descriptions.

    Kubernetes merges such lists by these keys; an item without one, or two with the same, it would refuse too late.
    """
    fields = {key: {"type": "string", "minLength": 1, "maxLength": 253, "description": keys[key]} for key in keys}
    return {**PRESERVE, "properties": fields, "required": [*keys]}


KubernetesObject = Annotated[dict[str, Any], Field(json_schema_extra=PRESERVE)]
EnvVar = Annotated[dict[str, Any], Field(json_schema_extra=keyed(name="Name of the variable."))]
Volume = Annotated[dict[str, Any], Field(json_schema_extra=keyed(name="Name of the volume."))]
VolumeMount = Annotated[
    dict[str, Any], Field(json_schema_extra=keyed(name="Name of the volume.", mountPath="Where it is mounted."))
]
SpreadConstraint = Annotated[
    dict[str, Any],
    Field(
        json_schema_extra=keyed(
            topologyKey="Label of the nodes that makes the zones.", whenUnsatisfiable="DoNotSchedule or ScheduleAnyway."
        )
    ),
]
# As text: 1 and "1" are the same quantity, and so the same revision.
Quantity = Annotated[str, BeforeValidator(str), Field(json_schema_extra=QUANTITY)]


def unique_by(*keys: str) -> dict[str, Any]:
    """Return what makes a list one whose items differ in these fields."""
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [*keys]}


def free_of(field: str, *taken: str) -> dict[str, Any]:
    """Return the rule that no item's field may be one that the operator's own pods need."""
    names = ", ".join(f"'{name}'" for name in taken)
    return rule(f"self.all(item, !(item.{field} in [{names}]))", f"these are the operator's own: {', '.join(taken)}")


SHORT_NAMES: dict[str, Any] = {
    "x-kubernetes-validations": [
        rule("self.all(key, size(key) <= 317)", "a name may have 317 characters: a prefix of 253, '/', and 63 more")
    ]
}


class Credentials(ApiModel):
    """Where the model store's credentials are."""

    secretName: str = Field(
        min_length=1,
        max_length=253,
        description="Name of a Secret in the model's namespace. Its keys become environment variables of the fetching "
        "container only, named as the store's own tools name them: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, "
        "AWS_ENDPOINT_URL, AWS_REGION; GOOGLE_SERVICE_ACCOUNT_KEY; AZURE_STORAGE_ACCOUNT_NAME, "
        "AZURE_STORAGE_ACCOUNT_KEY. For workload identity leave this out and set "
        "spec.podTemplate.serviceAccountName.",
    )


class ModelSource(ApiModel):
    """Which model to serve."""

    uri: str = Field(
        min_length=1,
        max_length=2048,
        description="Where the model is: one .onnx file, or a directory (ending in /) with one .onnx file, or one "
        "named model.onnx, beside its external data. Schemes: s3, gs, az, https, http, and file for a volume of "
        "spec.podTemplate. A change makes a new revision.",
        json_schema_extra={
            "x-kubernetes-validations": [
                rule(
                    r"self.matches('^(s3|gs|az|https|http|file)://[^\\x00-\\x20\\x7f]+$')",
                    "must be SCHEME://..., with the scheme s3, gs, az, https, http or file, without spaces",
                )
            ]
        },
    )
    sha256: str | None = Field(
        default=None,
        pattern="^[0-9a-f]{64}$",
        description="SHA-256 that the model must have, 64 lower-case hex digits. Of a file: sha256sum of it. Of a "
        "directory: sha256sum of what sha256sum prints of its files in the byte order of their paths (docs/contract.md "
        "has the command). When left out, the first pod's "
        "digest is pinned, so that all pods of a revision serve the same bytes.",
    )
    credentials: Credentials | None = Field(
        default=None, description="Credentials for the model store. Leave out for public models and workload identity."
    )
    change: Change = Field(
        default="Retrained",
        description="What a new version is to the one before, which says how their outputs are compared. Retrained: "
        "outputs may move, and agree mostly. Equivalent: the same function with another precision, provider or "
        "runtime, with equal outputs. Takes effect without a new revision. Default: Retrained.",
    )


class Server(ApiModel):
    """How the model server runs the model."""

    image: str | None = Field(
        default=None,
        min_length=1,
        max_length=1024,
        # What no image's name has, a node would refuse only when it pulls.
        pattern=r"^[a-zA-Z0-9\[][a-zA-Z0-9._:/@+\[\]-]*$",
        description="Server image. Default: the chart's server.image at the time the revision is made; "
        "a later chart does not change a revision that exists.",
    )
    executionProviders: list[ExecutionProvider] = Field(
        default=["CPU"],
        min_length=1,
        max_length=3,
        description="ONNX Runtime execution providers in order of preference. All that are listed must work: with "
        "[CUDA, CPU] CUDA has to run, and CPU takes what CUDA cannot. CPU serves only if it is listed. The pod fails "
        "with ExecutionProviderUnavailable rather than fall back silently.",
        json_schema_extra={
            "x-kubernetes-list-type": "atomic",
            "x-kubernetes-validations": [
                rule("self.all(x, self.exists_one(y, x == y))", "each execution provider may be listed once")
            ],
        },
    )
    maxBatchSize: int | None = Field(
        default=None,
        ge=1,
        le=65536,
        description="Most rows (first dimension) that one request may carry; more are answered with 400. "
        "Default: no limit.",
    )


class Resources(ApiModel):
    """Compute resources of the server container. The fetching container gets the same CPU and memory."""

    limits: dict[str, Quantity] = Field(
        default={},
        max_length=32,
        description="Most that the server may use, e.g. nvidia.com/gpu: 1.",
        json_schema_extra=SHORT_NAMES,
    )
    requests: dict[str, Quantity] = Field(
        default={},
        max_length=32,
        description="What the scheduler reserves for the server.",
        json_schema_extra=SHORT_NAMES,
    )


class ImagePullSecret(ApiModel):
    """A Secret with registry credentials."""

    name: str = Field(min_length=1, description="Name of the Secret in the model's namespace.")


class PodTemplate(ApiModel):
    """What a revision's pods get besides what the operator puts there."""

    labels: dict[str, str] = Field(
        default={},
        max_length=64,
        description="More labels of the pods. Labels under onnx-operator.dev are refused: the operator selects by "
        "them; app.kubernetes.io/name and app.kubernetes.io/managed-by are the operator's, too.",
        json_schema_extra={
            "x-kubernetes-validations": [
                *SHORT_NAMES["x-kubernetes-validations"],
                rule("self.all(key, !key.startsWith('onnx-operator.dev/'))", "labels under onnx-operator.dev are ours"),
                rule(
                    "self.all(key, !(key in ['app.kubernetes.io/name', 'app.kubernetes.io/managed-by']))",
                    "app.kubernetes.io/name and app.kubernetes.io/managed-by are the operator's",
                ),
            ]
        },
    )
    annotations: dict[str, str] = Field(
        default={}, max_length=128, description="Annotations of the pods.", json_schema_extra=SHORT_NAMES
    )
    env: list[EnvVar] = Field(
        default=[],
        max_length=64,
        description="More environment variables of the server and fetching containers, as in a Pod. POD_UID is the "
        "operator's own.",
        json_schema_extra={**unique_by("name"), "x-kubernetes-validations": [free_of("name", "POD_UID")]},
    )
    nodeSelector: dict[str, str] = Field(
        default={},
        max_length=64,
        description="Labels that a node must have, as in a Pod.",
        json_schema_extra=SHORT_NAMES,
    )
    tolerations: list[KubernetesObject] = Field(default=[], max_length=64, description="Tolerations, as in a Pod.")
    affinity: KubernetesObject | None = Field(default=None, description="Scheduling constraints, as in a Pod.")
    topologySpreadConstraints: list[SpreadConstraint] = Field(
        default=[],
        max_length=16,
        description="How pods spread over zones and nodes, as in a Pod.",
        json_schema_extra=unique_by("topologyKey", "whenUnsatisfiable"),
    )
    priorityClassName: str | None = Field(
        default=None, min_length=1, max_length=253, description="Name of the pods' PriorityClass."
    )
    runtimeClassName: str | None = Field(
        default=None, min_length=1, max_length=253, description="Name of the pods' RuntimeClass, e.g. nvidia."
    )
    serviceAccountName: str | None = Field(
        default=None,
        min_length=1,
        max_length=253,
        description="ServiceAccount of the pods: workload identity for the model store. Its token is "
        "mounted only when this is set.",
    )
    imagePullSecrets: list[ImagePullSecret] = Field(
        default=[],
        max_length=16,
        description="Secrets with which the server image is pulled.",
        json_schema_extra=unique_by("name"),
    )
    volumes: list[Volume] = Field(
        default=[],
        max_length=32,
        description="More volumes, as in a Pod. The names model, tmp, config, live and shm are the operator's own.",
        json_schema_extra={
            **unique_by("name"),
            "x-kubernetes-validations": [free_of("name", "model", "tmp", "config", "live", "shm")],
        },
    )
    volumeMounts: list[VolumeMount] = Field(
        default=[],
        max_length=32,
        description="Where the volumes are mounted in the server and fetching containers. /model, /tmp, "
        "/etc/onnx-server and /etc/onnx-server-live are the operator's own, and /dev/shm with sharedMemorySize.",
        json_schema_extra={
            **unique_by("mountPath"),
            "x-kubernetes-validations": [
                free_of("mountPath", "/model", "/tmp", "/etc/onnx-server", "/etc/onnx-server-live")  # noqa: S108
            ],
        },
    )
    terminationGracePeriodSeconds: int = Field(
        default=45, ge=10, le=3600, description="Seconds that a pod has to finish its requests when it is taken down."
    )
    sharedMemorySize: Quantity | None = Field(
        default=None, description="Size of /dev/shm, e.g. 1Gi. Default: the container runtime's, 64 MiB."
    )


class ScalingTarget(ApiModel):
    """What the autoscaler holds constant."""

    cpuPercent: int = Field(
        ge=1,
        le=1000,
        description="CPU that a pod's server uses on average, in percent of what it requests. Needs metrics-server in "
        "the cluster, and a CPU request or limit in spec.resources.",
    )


class Scaling(ApiModel):
    """How many pods serve."""

    minReplicas: int = Field(
        default=1, ge=1, le=1000, description="Pods that serve at the least. 0 is state: Suspended."
    )
    maxReplicas: int | None = Field(
        default=None,
        ge=1,
        le=1000,
        description="Pods that serve at the most. Together with target it makes an autoscaler; without both, "
        "minReplicas pods serve.",
    )
    target: ScalingTarget | None = Field(default=None, description="What the autoscaler holds constant.")
    behavior: KubernetesObject | None = Field(
        default=None,
        description="How fast the autoscaler goes up and down, as spec.behavior of a HorizontalPodAutoscaler.",
    )

    @property
    def automatic(self) -> bool:
        """Whether an autoscaler is asked for."""
        return self.target is not None and self.maxReplicas is not None


class Spec(ApiModel):
    """What the user asks for."""

    state: State = Field(
        default="Active",
        description="Active: serve. Suspended: 0 replicas, everything else is kept. Unmanaged: the operator leaves all "
        "objects as they are and only reports.",
    )
    model: ModelSource = Field(description="Which model to serve. A change makes a new revision, but that of change.")
    server: Server = Field(
        default=Server(), description="How the model server runs the model. A change makes a new revision."
    )
    resources: Resources = Field(
        default=Resources(), description="Compute resources of the server. A change makes a new revision."
    )
    podTemplate: PodTemplate = Field(
        default=PodTemplate(),
        description="Scheduling, identity and environment of the pods. A change makes a new revision.",
    )
    scaling: Scaling = Field(default=Scaling(), description="How many pods serve. Takes effect without a new revision.")
    rollout: Rollout = Field(
        default=Rollout(),
        description="How a new revision takes the place of the old one. A change during a rollout is for the next one.",
    )
    routing: Routing = Field(
        default=Routing(),
        description="Which requests go to which revision during a rollout. Takes effect without a new revision.",
    )
    signature: SignatureRules = Field(
        default=SignatureRules(),
        description="What a new revision's inputs and outputs may be. Takes effect without a new revision.",
    )

    def frozen(self) -> dict[str, Any]:
        """Return the fields a change of which makes a new revision, without those left at their defaults.

        A default that is written out and a default that is left out are the same revision, and a field that a
        later version adds changes no hash.
        """
        return self.model_dump(
            include={"model", "server", "resources", "podTemplate"},
            exclude={"model": {"change"}},
            exclude_defaults=True,
            exclude_none=True,
        )
