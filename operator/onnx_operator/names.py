"""Every name, label, annotation and field manager that the operator writes; nothing else may spell one."""

import hashlib
import json
from typing import Any

GROUP = "onnx-operator.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
KIND = "ONNXModel"
PLURAL = "onnxmodels"

FIELD_MANAGER = "onnx-operator"

LABEL_MANAGED_BY = "app.kubernetes.io/managed-by"
MANAGED_BY = "onnx-operator"
MANAGED_SELECTOR = f"{LABEL_MANAGED_BY}={MANAGED_BY}"
LABEL_APP = "app.kubernetes.io/name"
LABEL_MODEL = f"{GROUP}/model"
LABEL_REVISION = f"{GROUP}/revision"

ANNOTATION_DIGEST = f"{GROUP}/digest"
ANNOTATION_PROMOTED_AT = f"{GROUP}/promoted-at"
ANNOTATION_SIGNATURE = f"{GROUP}/signature"
ANNOTATION_GOLDEN = f"{GROUP}/golden"
ANNOTATION_ROLLOUT = f"{GROUP}/rollout"
ANNOTATION_REJECTED = f"{GROUP}/rejected"
# Of a revision's rollout, and why it was taken back: JSON, as in ``rollout``.
ANNOTATION_ROLLOUT = f"{GROUP}/rollout"
ANNOTATION_REJECTED = f"{GROUP}/rejected"
# On a Deployment: what its ControllerRevision declares and numbers, should that be lost.
ANNOTATION_FROZEN = f"{GROUP}/frozen"
# On an ONNXModel, by a person: ACTION@REVISION#NONCE.
ANNOTATION_ACTION = f"{GROUP}/action"

SERVER_CONTAINER = "server"
FETCH_CONTAINER = "fetch"
HTTP_PORT = 8000
GRPC_PORT = 8001
METRICS_PORT = 8002
CONTROL_PORT = 9000

# Kubernetes' safe alphabet: no vowels and nothing that reads as one, so that no hash spells a word.
# https://github.com/kubernetes/apimachinery/blob/master/pkg/util/rand/rand.go
SAFE_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
HASH_LENGTH = 10
MAX_MODEL_NAME = 50


def revision_hash(declared: dict[str, Any]) -> str:
    """Return 10 characters of the safe alphabet that stand for ``declared`` (JSON-like), whatever its key order."""
    canonical = json.dumps(declared, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    number = int.from_bytes(hashlib.sha256(canonical.encode()).digest(), "big")
    characters = []
    for _ in range(HASH_LENGTH):
        number, digit = divmod(number, len(SAFE_ALPHABET))
        characters.append(SAFE_ALPHABET[digit])
    return "".join(characters)


def revision_name(model: str, hash_: str) -> str:
    """Return the name that a revision's ControllerRevision, ConfigMap, Deployment and Service share."""
    return f"{model}-{hash_}"


def refreshed_name(model: str, revision: str, nonce: str) -> str:
    """Return the name of the revision that the refresh ``revision#nonce`` makes: the same request, the same name."""
    return revision_name(model, revision_hash({"refresh": revision, "nonce": nonce}))


def live_config_name(revision: str) -> str:
    """Return the name of the small mutable ConfigMap beside a revision's immutable one."""
    return f"{revision}-live"


def url(namespace: str, model: str) -> str:
    """Return the address of the model's entry Service inside the cluster."""
    return f"http://{model}.{namespace}.svc:{HTTP_PORT}"


def model_labels(model: str) -> dict[str, str]:
    """Return the labels that every object of a model carries."""
    return {LABEL_MANAGED_BY: MANAGED_BY, LABEL_APP: model, LABEL_MODEL: model}


def model_selector(model: str) -> str:
    """Return the label selector of all that belongs to a model, as a LIST takes it."""
    return f"{MANAGED_SELECTOR},{LABEL_MODEL}={model}"


def revision_labels(model: str, revision: str) -> dict[str, str]:
    """Return the labels that every object of a revision, its pods included, carries."""
    return {**model_labels(model), LABEL_REVISION: revision}


def revision_selector(model: str, revision: str) -> dict[str, str]:
    """Return the pod selector of a revision: of Deployments, Services and PodDisruptionBudgets alike."""
    return {LABEL_MODEL: model, LABEL_REVISION: revision}
