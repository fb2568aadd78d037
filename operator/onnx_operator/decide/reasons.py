"""Reasons of conditions. Constants of the API: docs/conditions.md explains each, a test holds the two together."""

# All is as asked for.
RECONCILED = "Reconciled"
ANSWERING = "Answering"
NO_FAILURE = "NoFailure"
SUSPENDED = "Suspended"
UNMANAGED = "Unmanaged"

# On the way.
FETCHING_MODEL = "FetchingModel"
LOADING_MODEL = "LoadingModel"
ROLLING_OUT = "RollingOut"
WAITING_FOR_PODS = "WaitingForPods"
RETIRING = "Retiring"
SUSPENDING = "Suspending"
UNSCHEDULABLE = "Unschedulable"
CHANGED_BACK = "ChangedBack"
WAITING_FOR_DELETION = "WaitingForDeletion"
API_SERVER_FAILED = "APIServerFailed"

# Stuck: somebody has to do something.
INVALID_SPEC = "InvalidSpec"
NAME_CONFLICT = "NameConflict"
FIELD_CONFLICT = "FieldConflict"
REFUSED = "RefusedByAPIServer"
PODS_REFUSED = "PodsRefused"
IMAGE_PULL_FAILED = "ImagePullFailed"
CONTAINER_CONFIG_ERROR = "ContainerConfigError"
CRASH_LOOP = "CrashLoop"
OUT_OF_MEMORY = "OutOfMemory"

# Said by the pods themselves in their termination messages (docs/contract.md).
TYPED = frozenset(
    {
        "InvalidURI",
        "ModelNotFound",
        "AccessDenied",
        "DigestMismatch",
        "ContentChanged",
        "ModelTooLarge",
        "FetchTimeout",
        "StoreUnreachable",
        "NotAnONNXModel",
        "UnsupportedOpset",
        "UnsupportedModel",
        "ExecutionProviderUnavailable",
        "ModelLoadFailed",
        "WarmUpFailed",
        "InvalidConfig",
    }
)
# Those of them that may pass by themselves.
PASSING = frozenset({"FetchTimeout", "StoreUnreachable"})
