"""Refusals, in the words of a real API server (1.34): tests/integration/test_refusals.py makes it say them."""

import pytest

from onnx_operator.decide import reasons
from onnx_operator.decide.refusal import trouble_of_refusal, trouble_of_refused_pods
from onnx_operator.decide.spec_field import spec_fields

POD = 'pods "digits-1-76d9" is forbidden: '

REFUSALS: dict[str, tuple[str, str, bool, str]] = {
    "quota of pods": (
        f"{POD}exceeded quota: few, requested: pods=1, used: pods=1, limited: pods=1",
        reasons.QUOTA_EXCEEDED,
        True,
        "Raise spec.hard of ResourceQuota few",
    ),
    "quota of several resources": (
        f"{POD}exceeded quota: gpus, requested: limits.cpu=1,requests.nvidia.com/gpu=1, used: limits.cpu=4,"
        "requests.nvidia.com/gpu=4, limited: limits.cpu=4,requests.nvidia.com/gpu=4",
        reasons.QUOTA_EXCEEDED,
        True,
        "ResourceQuota gpus",
    ),
    "quota that wants resources stated": (
        f"{POD}failed quota: compute: must specify limits.cpu for: fetch,server; requests.memory for: fetch,server",
        reasons.RESOURCES_REQUIRED,
        True,
        "ResourceQuota compute counts them: set them in spec.resources",
    ),
    "quota that is new": (
        f"{POD}status unknown for quota: few, resources: pods",
        reasons.QUOTA_EXCEEDED,
        False,
        "tried again",
    ),
    "quota that has to be there": (
        f"{POD}insufficient quota to consume: requests.nvidia.com/gpu",
        reasons.QUOTA_EXCEEDED,
        True,
        "make one in this namespace",
    ),
    "quota of objects": (
        'deployments.apps "digits-1" is forbidden: exceeded quota: objects, requested: count/deployments.apps=1, used: '
        "count/deployments.apps=2, limited: count/deployments.apps=2",
        reasons.QUOTA_EXCEEDED,
        True,
        "ResourceQuota objects",
    ),
    "most that is allowed": (
        f"{POD}maximum cpu usage per Container is 100m, but limit is 2",
        reasons.LIMIT_RANGE_VIOLATED,
        True,
        "Change spec.resources to fit",
    ),
    "several limits": (
        f"{POD}[minimum memory usage per Container is 1Gi, but request is 64Mi, minimum memory usage per Container is "
        "1Gi, but request is 64Mi]",
        reasons.LIMIT_RANGE_VIOLATED,
        True,
        "kubectl describe limitranges",
    ),
    "limit to request": (
        f"{POD}cpu max limit to request ratio per Container is 2, but provided ratio is 4.000000",
        reasons.LIMIT_RANGE_VIOLATED,
        True,
        "LimitRange of this namespace",
    ),
    "pod security": (
        f'{POD}violates PodSecurity "restricted:latest": restricted volume types (volume "host" uses restricted volume '
        'type "hostPath")',
        reasons.POD_SECURITY_VIOLATED,
        True,
        "which asks for restricted:latest",
    ),
    "service account": (
        f'{POD}error looking up service account team/reader: serviceaccount "reader" not found',
        reasons.SERVICE_ACCOUNT_MISSING,
        True,
        "Make ServiceAccount reader in this namespace, or change spec.podTemplate.serviceAccountName",
    ),
    "priority class": (
        f"{POD}no PriorityClass with name urgent was found",
        reasons.PRIORITY_CLASS_MISSING,
        True,
        "Make PriorityClass urgent",
    ),
    "runtime class": (
        f'{POD}pod rejected: RuntimeClass "nvidia" not found',
        reasons.RUNTIME_CLASS_MISSING,
        True,
        "Make RuntimeClass nvidia",
    ),
    "webhook": (
        'admission webhook "no.example.com" denied the request: exceeded quota: of the boss',
        reasons.ADMISSION_DENIED,
        True,
        "no.example.com stands in",
    ),
    "webhook without a word": (
        'admission webhook "no.example.com" denied the request without explanation',
        reasons.ADMISSION_DENIED,
        True,
        "no.example.com",
    ),
    "policy": (
        "deployments.apps \"digits-1\" is forbidden: ValidatingAdmissionPolicy 'small' with binding 'small-here' "
        "denied request: failed expression: object.spec.replicas <= 5",
        reasons.ADMISSION_DENIED,
        True,
        "have its owner change ValidatingAdmissionPolicy small",
    ),
    "webhook that does not answer": (
        'Internal error occurred: failed calling webhook "no.example.com": failed to call webhook: Post '
        '"https://127.0.0.1:1/": dial tcp 127.0.0.1:1: connect: connection refused',
        reasons.WEBHOOK_FAILED,
        False,
        "Mend the service behind webhook no.example.com",
    ),
    "own rights": (
        'services "digits-1" is forbidden: User "system:serviceaccount:onnx-operator:onnx-operator" cannot patch '
        'resource "services" in API group "" in the namespace "team"',
        reasons.FORBIDDEN,
        True,
        'the verb patch on services of API group ""',
    ),
    "right to block the owner's deletion": (
        'deployments.apps "digits-1" is forbidden: cannot set blockOwnerDeletion if an ownerReference refers to a '
        "resource you can't set finalizers on: , <nil>",
        reasons.FORBIDDEN,
        True,
        "onnxmodels/finalizers",
    ),
    "size": (
        "etcdserver: request is too large",
        reasons.TOO_LARGE,
        True,
        "shorten spec.podTemplate",
    ),
    "namespace": (
        'configmaps "digits-1" is forbidden: unable to create new content in namespace team because it is being '
        "terminated",
        reasons.NAMESPACE_TERMINATING,
        False,
        "Namespace team is being deleted",
    ),
}


@pytest.mark.parametrize(("message", "reason", "stuck", "words"), REFUSALS.values(), ids=REFUSALS)
def test_a_refusal_has_a_reason_of_its_own_and_the_remedy(message: str, reason: str, stuck: bool, words: str) -> None:
    status = 500 if message.startswith("Internal") else 403
    ours, pods = (
        trouble_of_refusal(message, "Deployment digits-1", status),
        trouble_of_refused_pods(message, "digits-1"),
    )
    assert (ours.reason, ours.stuck) == (pods.reason, pods.stuck) == (reason, stuck)
    assert ours.message.startswith("the API server refuses Deployment digits-1: ")
    assert pods.message.startswith("the API server refuses the pods of digits-1: ")
    for found in (ours, pods):
        assert message in found.message
        assert words in found.message.replace(message, "")


FIELDS: dict[str, tuple[str, int, str]] = {
    "a field that does not exist": (
        "failed to create typed patch object (team/digits-1; apps/v1, Kind=Deployment): errors:\n"
        '  .spec.template.spec.containers[name="server"].env[name="A"].nonsense: field not declared in schema\n'
        '  .spec.template.spec.initContainers[name="fetch"].env[name="A"].nonsense: field not declared in schema',
        500,
        'Change spec.podTemplate.env[name="A"].nonsense.',
    ),
    "an item without its key": (
        "failed to create typed patch object (team/digits-1; apps/v1, Kind=Deployment): .spec.template.spec.volumes: "
        'element 4: associative list with keys has an element that omits key field "name" (and does not have default)',
        500,
        "Change spec.podTemplate.volumes.",
    ),
    "a wrong type within": (
        "failed to create typed patch object (team/digits-1; apps/v1, Kind=Deployment): "
        '.spec.template.spec.affinity.nodeAffinity: expected map, got &{"x"}',
        500,
        "Change spec.podTemplate.affinity.nodeAffinity.",
    ),
    "a value that cannot be decoded": (
        "failed to convert new object (team/digits-1; apps/v1, Kind=Deployment) to proper version (apps/v1, "
        "Kind=Deployment): json: cannot unmarshal string into Go struct field "
        "Toleration.spec.template.spec.tolerations.tolerationSeconds of type int64",
        500,
        "Change spec.podTemplate.tolerations.tolerationSeconds.",
    ),
    "a quantity somewhere": (
        "failed to convert new object (team/digits-1; apps/v1, Kind=Deployment) to proper version: unable to convert "
        "unstructured object to apps/v1, Kind=Deployment: quantities must match the regular expression "
        "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
        500,
        "Change spec.podTemplate.",
    ),
    "several values": (
        'Deployment.apps "digits-1" is invalid: [spec.template.labels: Invalid value: "a b": a valid label must be, '
        'spec.template.spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu '
        "limit of 1, spec.template.spec.tolerations[0].operator: Unsupported value]",
        422,
        "Change spec.podTemplate.labels, spec.resources.requests, spec.podTemplate.tolerations[0].operator.",
    ),
    "a mount of no volume": (
        'Deployment.apps "digits-1" is invalid: spec.template.spec.containers[0].volumeMounts[4].name: Not found: "x"',
        422,
        "Change spec.podTemplate.volumeMounts.name.",
    ),
    "the autoscaler's": (
        'HorizontalPodAutoscaler.autoscaling "digits-1" is invalid: spec.behavior.scaleDown.policies[0].periodSeconds: '
        "Invalid value: 99999: must be less than or equal to 1800",
        422,
        "Change spec.scaling.behavior.scaleDown.policies[0].periodSeconds.",
    ),
}


@pytest.mark.parametrize(("message", "status", "words"), FIELDS.values(), ids=FIELDS)
def test_a_value_that_kubernetes_does_not_take_is_named_as_the_specs_field(
    message: str, status: int, words: str
) -> None:
    found = trouble_of_refusal(message, "Deployment digits-1", status)
    assert (found.reason, found.stuck) == (reasons.INVALID_FIELD, True)
    assert found.message.endswith(words)


@pytest.mark.parametrize(
    ("message", "status", "reason", "stuck"),
    [
        ("etcdserver: leader changed", 500, reasons.API_SERVER_FAILED, False),
        ("something new", 403, reasons.REFUSED, True),
        ('Service "x" is invalid: spec.clusterIP: Invalid value', 422, reasons.REFUSED, True),
    ],
)
def test_what_nobody_foresaw_keeps_its_own_words(message: str, status: int, reason: str, stuck: bool) -> None:
    found = trouble_of_refusal(message, "Service x", status)
    assert (found.reason, found.stuck) == (reason, stuck)
    assert message in found.message
    assert trouble_of_refused_pods("something new", "digits-1").reason == reasons.PODS_REFUSED


def test_however_long_the_words_the_remedy_is_there() -> None:
    message = f'admission webhook "no.example.com" denied the request: {"blah " * 1000}'
    found = trouble_of_refusal(message, "Deployment digits-1", 403)
    assert len(found.message) < 1000
    assert found.message.endswith("or MutatingWebhookConfiguration.")


@pytest.mark.parametrize(
    ("written", "field"),
    [
        ('.spec.template.spec.containers[name="server"].envFrom[0].secretRef', "spec.model.credentials.secretName"),
        ("spec.template.spec.initContainers[0].envFrom[0].secretRef.name", "spec.model.credentials.secretName"),
        ("spec.template.spec.containers[0].image", "spec.server.image"),
        ('.spec.template.spec.volumes[name="x"].hostPath.typ', "spec.podTemplate.volumes.hostPath.typ"),
        ("spec.template.spec.imagePullSecrets[0].name", "spec.podTemplate.imagePullSecrets[0].name"),
        ("spec.template.annotations", "spec.podTemplate.annotations"),
        ("spec.maxReplicas", "spec.scaling.maxReplicas"),
        ("spec.metrics[0].containerResource.target.averageUtilization", "spec.scaling.target.cpuPercent"),
    ],
)
def test_each_field_of_an_object_leads_back_to_the_spec(written: str, field: str) -> None:
    assert spec_fields(f"x is invalid: {written}: Invalid value") == (field,)


def test_a_field_that_is_not_the_users_leads_nowhere() -> None:
    assert spec_fields("x is invalid: spec.selector: field is immutable") == ()
