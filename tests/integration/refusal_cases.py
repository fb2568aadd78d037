"""Ways in which a cluster refuses a version, each made for real, with what cures it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.cluster.plane import ControlPlane
from tests.cluster.rest import Object
from tests.integration.admission_server import AdmissionServer
from tests.integration.namespace import Namespace

RBAC = "/apis/rbac.authorization.k8s.io/v1/clusterroles/onnx-operator"
ADMISSION = "/apis/admissionregistration.k8s.io/v1"
MERGED = "application/merge-patch+json"


@dataclass(frozen=True)
class Place:
    """Where a case happens. Cluster-wide objects are called after the namespace."""

    plane: ControlPlane
    namespace: Namespace
    webhook: AdmissionServer

    @property
    def name(self) -> str:
        """The namespace's name."""
        return self.namespace.name

    def create(self, collection: str, manifest: Object) -> None:
        """Create a cluster-wide object."""
        self.plane.rest.create(collection, {**manifest, "metadata": {"name": self.name}})

    def delete(self, collection: str) -> None:
        """Delete it."""
        self.plane.rest.delete(f"{collection}/{self.name}")


Step = Callable[[Place], object]


@dataclass(frozen=True)
class Case:
    """A refusal: what is set up before the version is asked for, what the spec says, and the condition it becomes."""

    reason: str
    words: tuple[str, ...]
    set_up: Step
    cure: Step
    spec: Object = field(default_factory=dict)
    stuck: bool = True
    tidy: Step = lambda place: None


def in_namespace(kind: str, name: str, version: str = "v1", **more: object) -> Step:
    """Return a step that makes an object in the namespace."""
    return lambda place: place.namespace.apply(
        {"apiVersion": version, "kind": kind, "metadata": {"name": name}, **more}
    )


def pod(**spec: object) -> Object:
    """Return a pod that only an admission check looks at."""
    container = {"name": "c", "image": "none"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "probe"},
        "spec": {"containers": [container], **spec},
    }


def deployment() -> Object:
    """Return a Deployment that only an admission check looks at."""
    labels = {"app": "probe"}
    template = {"metadata": {"labels": labels}, "spec": pod()["spec"]}
    spec = {"selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "probe"}, "spec": spec}


def quota(name: str, probe: Object, **hard: str) -> Step:
    """Return a step that makes a ResourceQuota, in force from then on; `_` in a resource's name stands for `.`."""

    def make(place: Place) -> None:
        counted = {resource.replace("_", "."): amount for resource, amount in hard.items()}
        in_namespace("ResourceQuota", name, spec={"hard": counted})(place)
        place.namespace.wait("ResourceQuota", name, lambda found: found.get("status", {}).get("used"))
        place.namespace.wait_refused(probe)

    return make


def limit_range(place: Place) -> None:
    limit = {"type": "Container", "max": {"cpu": "100m"}}
    in_namespace("LimitRange", "small", spec={"limits": [limit]})(place)
    cpu = {"name": "c", "image": "none", "resources": {"limits": {"cpu": "1"}}}
    place.namespace.wait_refused(pod(containers=[cpu]))


def enforce(level: str) -> Step:
    def label(place: Place) -> None:
        labels = {"pod-security.kubernetes.io/enforce": level}
        place.plane.rest.patch(f"/api/v1/namespaces/{place.name}", {"metadata": {"labels": labels}})

    return label


def restricted(place: Place) -> None:
    enforce("restricted")(place)
    place.namespace.wait_refused(pod())


def claim(storage_class: str) -> Step:
    size = {"requests": {"storage": "1Gi"}}
    spec = {"accessModes": ["ReadOnlyMany"], "storageClassName": storage_class, "resources": size}
    return in_namespace("PersistentVolumeClaim", "weights", spec=spec)


VOLUMES = "/api/v1/persistentvolumes"
CLASSES = "/apis/storage.k8s.io/v1/storageclasses"


def volume(storage_class: str) -> Step:
    def make(place: Place) -> None:
        spec = {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadOnlyMany"],
            "storageClassName": storage_class,
            "hostPath": {"path": "/nowhere"},
            "claimRef": {"namespace": place.name, "name": "weights"},
        }
        place.create(VOLUMES, {"apiVersion": "v1", "kind": "PersistentVolume", "spec": spec})

    return make


def both(*steps: Step) -> Step:
    def make(place: Place) -> None:
        for step in steps:
            step(place)

    return make


def storage_class(place: Place) -> None:
    made = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "provisioner": "kubernetes.io/no-provisioner"}
    place.plane.rest.create(CLASSES, {**made, "metadata": {"name": "absent"}})
    volume("absent")(place)


def forget_volumes(place: Place) -> None:
    place.delete(VOLUMES)
    place.plane.rest.delete(f"{CLASSES}/absent")


def policy(place: Place) -> None:
    rule = {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["deployments"]}
    spec = {
        "matchConstraints": {"resourceRules": [rule]},
        "validations": [{"expression": "false", "message": "no new deployments this week"}],
    }
    head = {"apiVersion": "admissionregistration.k8s.io/v1"}
    here = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": place.name}}}
    binding = {"policyName": place.name, "validationActions": ["Deny"], "matchResources": here}
    place.create(POLICIES, {**head, "kind": "ValidatingAdmissionPolicy", "spec": spec})
    place.create(BINDINGS, {**head, "kind": "ValidatingAdmissionPolicyBinding", "spec": binding})
    place.namespace.wait_refused(deployment())


POLICIES = f"{ADMISSION}/validatingadmissionpolicies"
BINDINGS = f"{ADMISSION}/validatingadmissionpolicybindings"
WEBHOOKS = f"{ADMISSION}/validatingwebhookconfigurations"


def no_policy(place: Place) -> None:
    place.delete(BINDINGS)
    place.delete(POLICIES)


def webhook(answer: str, probe: Object) -> Step:
    """Return a step that has a webhook asked of objects like the probe; `Silence` is a server that is not there."""

    def make(place: Place) -> None:
        place.webhook.answer = answer
        place.webhook.start()
        group, resource = ("apps", "deployments") if probe["kind"] == "Deployment" else ("", "pods")
        place.plane.rest.create(WEBHOOKS, place.webhook.configuration(place.name, group, resource))
        if answer == "Silence":
            place.webhook.stop()
        place.namespace.wait_refused(probe)

    return make


def webhook_allows(place: Place) -> None:
    place.webhook.answer = "Allow"
    place.webhook.stop()
    place.webhook.start()


def no_webhook(place: Place) -> None:
    place.delete(WEBHOOKS)


def take_right(resource: str, verb: str) -> Step:
    def take(place: Place) -> None:
        rules = (place.plane.rest.get(RBAC) or {})["rules"]
        for rule in rules:
            if resource in rule["resources"]:
                rule["verbs"] = [kept for kept in rule["verbs"] if kept != verb]
        place.plane.rest.patch(RBAC, {"rules": rules})

    return take


def give_right(resource: str, verb: str) -> Step:
    def give(place: Place) -> None:
        rules = (place.plane.rest.get(RBAC) or {})["rules"]
        for rule in rules:
            if resource in rule["resources"] and verb not in rule["verbs"]:
                rule["verbs"] = [*rule["verbs"], verb]
        place.plane.rest.patch(RBAC, {"rules": rules})

    return give


def delete(kind: str, name: str) -> Step:
    return lambda place: place.namespace.delete(kind, name)


def raised(**hard: str) -> Step:
    counted = {resource.replace("_", "."): amount for resource, amount in hard.items()}
    return lambda place: place.namespace.patch("ResourceQuota", "few", {"spec": {"hard": counted}})


def nothing(place: Place) -> None:
    """What is missing is missing from the beginning."""


def cluster_wide(collection: str, kind: str, version: str, **more: object) -> Step:
    return lambda place: place.create(collection, {"apiVersion": version, "kind": kind, **more})


PRIORITIES = "/apis/scheduling.k8s.io/v1/priorityclasses"
RUNTIMES = "/apis/node.k8s.io/v1/runtimeclasses"
CPU = {"requests": {"cpu": "10m"}, "limits": {"cpu": "1"}}
CLAIMED = {"volumes": [{"name": "weights", "persistentVolumeClaim": {"claimName": "weights"}}]}

CASES: dict[str, Case] = {
    "a quota of pods": Case(
        "QuotaExceeded",
        ("the pods of", "ResourceQuota few", "limited: pods=1"),
        quota("few", pod(), pods="1"),
        raised(pods="9"),
    ),
    "a quota that wants limits": Case(
        "ResourcesRequired",
        ("ResourceQuota few", "limits.cpu for: fetch,server", "spec.resources"),
        quota("few", pod(), limits_cpu="4"),
        delete("ResourceQuota", "few"),
    ),
    "a quota of deployments": Case(
        "QuotaExceeded",
        ("Deployment digits-", "ResourceQuota few", "count/deployments.apps=1"),
        quota("few", deployment(), **{"count/deployments_apps": "1"}),
        raised(**{"count/deployments_apps": "9"}),
    ),
    "a limit range": Case(
        "LimitRangeViolated",
        ("maximum cpu usage per Container is 100m", "spec.resources"),
        limit_range,
        delete("LimitRange", "small"),
        {"resources": CPU},
    ),
    "pod security": Case(
        "PodSecurityViolated",
        ('"restricted:latest"', 'volume "host"', "pod-security.kubernetes.io/enforce"),
        restricted,
        enforce("privileged"),
        {"podTemplate": {"volumes": [{"name": "host", "hostPath": {"path": "/models"}}]}},
    ),
    "a service account": Case(
        "ServiceAccountMissing",
        ("ServiceAccount reader", "spec.podTemplate.serviceAccountName"),
        nothing,
        in_namespace("ServiceAccount", "reader"),
        {"podTemplate": {"serviceAccountName": "reader"}},
    ),
    "a priority class": Case(
        "PriorityClassMissing",
        ("PriorityClass NAMESPACE", "spec.podTemplate.priorityClassName"),
        nothing,
        cluster_wide(PRIORITIES, "PriorityClass", "scheduling.k8s.io/v1", value=7),
        {"podTemplate": {"priorityClassName": "NAMESPACE"}},
        tidy=lambda place: place.delete(PRIORITIES),
    ),
    "a runtime class": Case(
        "RuntimeClassMissing",
        ("RuntimeClass NAMESPACE", "spec.podTemplate.runtimeClassName"),
        nothing,
        cluster_wide(RUNTIMES, "RuntimeClass", "node.k8s.io/v1", handler="runc"),
        {"podTemplate": {"runtimeClassName": "NAMESPACE"}},
        tidy=lambda place: place.delete(RUNTIMES),
    ),
    "a volume claim": Case(
        "VolumeClaimMissing",
        ("PersistentVolumeClaim weights", "spec.podTemplate.volumes"),
        nothing,
        both(claim(""), volume("")),
        {"podTemplate": CLAIMED},
        tidy=forget_volumes,
    ),
    "a storage class": Case(
        "VolumeUnbound",
        ("why weights has no volume", "StorageClass does not exist"),
        claim("absent"),
        storage_class,
        {"podTemplate": CLAIMED},
        stuck=False,
        tidy=forget_volumes,
    ),
    "a policy": Case(
        "AdmissionDenied",
        ("Deployment digits-", "no new deployments this week", "ValidatingAdmissionPolicy NAMESPACE"),
        policy,
        no_policy,
        tidy=no_policy,
    ),
    "a webhook that denies": Case(
        "AdmissionDenied",
        ("the pods of", "no models on Wednesdays", "guard.example.com"),
        webhook("Deny", pod()),
        webhook_allows,
        tidy=no_webhook,
    ),
    "a webhook that is not there": Case(
        "WebhookFailed",
        ("Deployment digits-", "connection refused", "guard.example.com"),
        webhook("Silence", deployment()),
        webhook_allows,
        stuck=False,
        tidy=no_webhook,
    ),
    "a webhook that says nothing": Case(
        "WebhookFailed",
        ("the pods of", "guard.example.com"),
        webhook("Hang", pod()),
        webhook_allows,
        stuck=False,
        tidy=no_webhook,
    ),
    "a right of the operator": Case(
        "Forbidden",
        ("ConfigMap digits-", "the verb create on configmaps", "system:serviceaccount:onnx-operator:onnx-operator"),
        take_right("configmaps", "create"),
        give_right("configmaps", "create"),
        tidy=give_right("configmaps", "create"),
    ),
}
"""`NAMESPACE` in words and spec stands for the namespace's name."""
