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
PAUSED = "Paused"
CAPACITY_PENDING = "CapacityPending"
HANDING_OVER = "HandingOver"
RETIRING = "Retiring"
SUSPENDING = "Suspending"
UNSCHEDULABLE = "Unschedulable"
CHANGED_BACK = "ChangedBack"
VOLUME_UNBOUND = "VolumeUnbound"
PREPARING_POD = "PreparingPod"
WAITING_FOR_DELETION = "WaitingForDeletion"
NAMESPACE_TERMINATING = "NamespaceTerminating"
API_SERVER_FAILED = "APIServerFailed"
WEBHOOK_FAILED = "WebhookFailed"

# Stuck: somebody has to do something.
INVALID_SPEC = "InvalidSpec"
NAME_CONFLICT = "NameConflict"
FIELD_CONFLICT = "FieldConflict"
INVALID_FIELD = "InvalidField"
TOO_LARGE = "TooLarge"
QUOTA_EXCEEDED = "QuotaExceeded"
RESOURCES_REQUIRED = "ResourcesRequired"
LIMIT_RANGE_VIOLATED = "LimitRangeViolated"
POD_SECURITY_VIOLATED = "PodSecurityViolated"
ADMISSION_DENIED = "AdmissionDenied"
FORBIDDEN = "Forbidden"
SERVICE_ACCOUNT_MISSING = "ServiceAccountMissing"
PRIORITY_CLASS_MISSING = "PriorityClassMissing"
RUNTIME_CLASS_MISSING = "RuntimeClassMissing"
REFUSED = "RefusedByAPIServer"
PODS_REFUSED = "PodsRefused"
VOLUME_CLAIM_MISSING = "VolumeClaimMissing"
SECRET_MISSING = "SecretMissing"  # noqa: S105  (a reason, no secret)
CONFIG_MAP_MISSING = "ConfigMapMissing"
IMAGE_PULL_FAILED = "ImagePullFailed"
CONTAINER_CONFIG_ERROR = "ContainerConfigError"
CRASH_LOOP = "CrashLoop"
OUT_OF_MEMORY = "OutOfMemory"

# A revision was taken back: it is not tried again unless somebody asks for it.
ABORTED = "Aborted"
ROLLED_BACK = "RolledBack"
SIGNATURE_BREAKS = "SignatureBreaks"
PROGRESS_DEADLINE_EXCEEDED = "ProgressDeadlineExceeded"
NO_CAPACITY = "NoCapacity"
SPLIT_NOT_APPLIED = "SplitNotApplied"
CANDIDATE_ERRORS = "CandidateErrors"
CANDIDATE_SLOWER = "CandidateSlower"
OUTPUTS_DIFFER = "OutputsDiffer"
OUTPUTS_BROKEN = "OutputsBroken"
CANDIDATE_RESTARTED = "CandidateRestarted"
CANDIDATE_UNREADY = "CandidateUnready"
CANDIDATE_LEAKS = "CandidateLeaks"
# Also of a first revision, which serves all the same.
GOLDEN_MISMATCH = "GoldenMismatch"
METRIC_OUT_OF_RANGE = "MetricOutOfRange"
WEBHOOK_SAYS_FAIL = "WebhookSaysFail"
# Also of a rollout that waits for somebody because of it.
INCONCLUSIVE = "Inconclusive"

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
